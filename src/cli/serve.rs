//! `wharf serve`, which is also plain `wharf`: runs the service until it is told to stop.

use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use crate::{
    app::{self, App},
    config::Config,
    lifecycle::Stop,
    telemetry,
};

/// Runs until SIGTERM or SIGINT; a second signal ends what is still under way.
pub(super) fn run(config: Config) -> Result<(), Failure> {
    telemetry::init(&config.log).map_err(Failure::failed)?;
    super::runtime()?.block_on(async {
        let stop = Stop::default();
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
        let signals = stop.clone();
        let told = async move {
            let mut asked = false;
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if asked {
                    signals.hard();
                } else {
                    signals.soft();
                }
                asked = true;
            }
        };
        // Signals are heard while the service starts, too.
        let served = async { App::start(config, stop).await?.run().await };
        tokio::select! {
            ended = served => ended.map_err(Failure::from),
            () = told => Ok(()),
        }
    })
}

impl From<app::Error> for Failure {
    fn from(error: app::Error) -> Self {
        if error.is_refusal() {
            Self::refused(error)
        } else {
            Self::failed(error)
        }
    }
}
