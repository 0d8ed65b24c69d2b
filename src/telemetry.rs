//! What the process says on its standard error.
//!
//! Owns the subscriber, the bridge for libraries that speak `log`, the last mask over what they say, and the hook
//! that logs a panic. Must never write elsewhere. `cli` starts it, once; `docs/LOGGING.md` has the fields.

mod mask;

use std::{io::IsTerminal, panic::PanicHookInfo};

use tracing_subscriber::{
    EnvFilter, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt, util::TryInitError,
};

use crate::config::{Log, LogFormat};

/// Why the log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.level` or `log.filter` is no filter.
    #[error("{0}")]
    Filter(String),
    /// There is one already.
    #[error("the log was started twice")]
    Twice(#[from] TryInitError),
}

/// Starts the log as `log` says.
pub fn init(log: &Log) -> Result<(), TelemetryError> {
    let filter = filter(log).map_err(TelemetryError::Filter)?;
    let on_terminal = std::io::stderr().is_terminal();
    let pretty = match log.format {
        LogFormat::Auto => on_terminal,
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let lines = fmt::layer().with_writer(mask::Stderr);
    let registry = registry().with(filter);
    // `try_init` installs the bridge from `log` as well: whatsapp-rust speaks that.
    if pretty {
        registry.with(lines.with_ansi(on_terminal)).try_init()?;
    } else {
        let json = lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true);
        registry.with(json).try_init()?;
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// What passes: Wharf's own lines at the level, libraries at `warn`, or the operator's own directives.
pub fn filter(log: &Log) -> Result<EnvFilter, String> {
    if let Some(directives) = &log.filter {
        return EnvFilter::try_new(directives)
            .map_err(|error| format!("log.filter is not a list of directives ({error})"));
    }
    let level = match log.level.as_str() {
        level @ ("error" | "warn" | "info" | "debug" | "trace") => level,
        other => {
            return Err(format!(
                "log.level \"{other}\" is none of error, warn, info, debug, trace"
            ));
        }
    };
    let libraries = if level == "error" { "error" } else { "warn" };
    EnvFilter::try_new(format!("{libraries},wharf={level},wharf_sandbox={level}"))
        .map_err(|error| error.to_string())
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic
        .payload_as_str()
        .unwrap_or("a value that is not a text");
    let place = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    tracing::error!(panic.place = place, "panic: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(level: &str, filter_text: Option<&str>) -> Result<String, String> {
        let log = Log {
            level: level.to_owned(),
            filter: filter_text.map(str::to_owned),
            ..Log::default()
        };
        filter(&log).map(|filter| filter.to_string())
    }

    #[test]
    fn libraries_stay_at_warn_whatever_our_own_level_is() {
        let filter = shown("debug", None).unwrap();
        for directive in ["wharf=debug", "wharf_sandbox=debug", "warn"] {
            assert!(filter.split(',').any(|it| it == directive), "{filter}");
        }
    }

    #[test]
    fn an_unknown_level_and_a_broken_filter_are_refused_with_their_name() {
        assert!(shown("loud", None).unwrap_err().contains("\"loud\""));
        assert!(
            shown("info", Some("wharf=loud"))
                .unwrap_err()
                .contains("log.filter")
        );
        assert_eq!(shown("info", Some("error")).unwrap(), "error");
    }
}
