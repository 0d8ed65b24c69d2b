//! The service from outside, for the commands that use it like any other program: its API, a socket, a receiver.
//!
//! Must never reach around the public API. `demo`, `listen` and `tail` use it.

mod api;
mod receiver;
mod socket;
mod verify;

use anyhow::{Context, Result};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::config::Config;
pub(super) use api::{Api, Credential};
pub(super) use receiver::{Posted, Receiver};
pub(super) use socket::Socket;
pub(super) use verify::Verifier;

/// What a sandbox build on loopback starts with.
const FIRST_PASSWORD: &str = "admin123";

/// How to reach the service, and as whom.
#[derive(Debug, clap::Args)]
pub(super) struct Reach {
    /// The service [default: the configured address].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// An API key; without one the configured administrator signs in.
    #[arg(
        long,
        value_name = "wk_…",
        env = "WHARF_API_KEY",
        hide_env_values = true
    )]
    key: Option<String>,
}

impl Reach {
    /// A client that is signed in.
    pub(super) async fn sign_in(self, config: &Config) -> Result<Api> {
        let credential = match self.key {
            Some(key) => Credential::Key(key),
            None => Credential::Login(login(config)),
        };
        let mut api = Api::new(base(self.url, config))?;
        api.sign_in(credential).await?;
        Ok(api)
    }
}

/// The address of the service without a slash at the end.
pub(super) fn base(url: Option<String>, config: &Config) -> String {
    url.unwrap_or_else(|| {
        let scheme = config.tls_files().map_or("http", |_| "https");
        format!(
            "{scheme}://{}",
            super::healthcheck::reachable(config.listen())
        )
    })
}

/// What the configured administrator signs in with.
pub(super) fn login(config: &Config) -> Value {
    let password = config.auth.admin_password.as_ref();
    json!({
        "username": config.auth.admin_username,
        "password": password.map_or(FIRST_PASSWORD, |password| password.expose_secret()),
    })
}

/// Until somebody wants this command to end: Ctrl-C, or SIGTERM.
pub(super) async fn interrupted() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminate.recv() => Ok(()),
    }
}

/// The text at a JSON pointer of an answer.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .with_context(|| format!("the answer has no {pointer}"))
}
