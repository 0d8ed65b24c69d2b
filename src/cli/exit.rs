//! How the process ends, and the one line that says why.

use std::{io::Write, process::ExitCode};

use anyhow::Error;

use crate::config::{ConfigError, DataDirError};

/// The exit codes, as `wharf --help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done, or stopped as asked.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The command line or the configuration is not valid.
    Usage = 2,
    /// Going on would not be safe.
    Refused = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(super) enum Failure {
    /// clap has its own words, for help and version too.
    Usage(clap::Error),
    /// Everything else.
    Error(Exit, Error),
}

impl Failure {
    /// It failed.
    pub(super) fn failed(error: impl Into<Error>) -> Self {
        Self::Error(Exit::Failed, error.into())
    }

    /// Going on would not be safe.
    pub(super) fn refused(error: impl Into<Error>) -> Self {
        Self::Error(Exit::Refused, error.into())
    }

    /// The exit code.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(error) if error.use_stderr() => Exit::Usage,
            Self::Usage(_) => Exit::Done,
            Self::Error(exit, _) => *exit,
        }
    }

    /// Prints it, once: as a line of the log where that runs, else for a person.
    pub(super) fn tell(self) -> ExitCode {
        let exit = self.exit();
        // A standard error that is closed leaves nobody to tell.
        let told: std::io::Result<()> = match self {
            Self::Usage(error) => error.print(),
            Self::Error(_, error) if tracing::dispatcher::has_been_set() => {
                tracing::error!(exit = exit as u8, "{error:#}");
                Ok(())
            }
            Self::Error(_, error) => writeln!(std::io::stderr(), "wharf: {error:#}"),
        };
        drop(told);
        exit.into()
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Self::Usage(error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let exit = if error.is_unsafe() {
            Exit::Refused
        } else {
            Exit::Usage
        };
        Self::Error(exit, error.into())
    }
}

impl From<DataDirError> for Failure {
    fn from(error: DataDirError) -> Self {
        match error {
            DataDirError::Held { .. } => Self::refused(error),
            DataDirError::Io { .. } | DataDirError::Random(_) => Self::failed(error),
        }
    }
}
