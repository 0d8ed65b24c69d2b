//! What the process says on its standard error.
//!
//! Owns the subscriber, the recorder of numbers, the bridge for libraries that speak `log`, the last mask over what they say, and the hook
//! that logs a panic. Must never write elsewhere. `cli` starts it, once; `docs/LOGGING.md` has the fields.

mod json;
mod mask;
pub mod metrics;

use std::{io::IsTerminal, panic::PanicHookInfo};

use tracing_subscriber::{
    fmt, layer::SubscriberExt, registry, util::SubscriberInitExt, util::TryInitError,
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
    let filter = log.passes().map_err(TelemetryError::Filter)?;
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
            .fmt_fields(fmt::format::JsonFields::new())
            .event_format(json::Json);
        registry.with(json).try_init()?;
    }
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
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
