//! What a start says, and the first user that it may make.

use std::net::SocketAddr;

use secrecy::ExposeSecret;

use super::{Error, whatsapp};
use crate::{
    config::Config,
    http::Build,
    service::users::{Bootstrap, Users, bootstrap},
};

/// What a documented password may be used for: a first look on one's own machine.
const SAMPLE_PASSWORD: &str = "admin123";

pub(super) fn public_url(config: &Config, address: SocketAddr) -> String {
    match &config.http.public_url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None if config.tls_files().is_some() => format!("https://{address}"),
        None => format!("http://{address}"),
    }
}

/// Makes the first user where the configuration has a password for one; tells whether a setup link is needed.
pub(super) async fn first_user(config: &Config, users: &Users) -> Result<bool, Error> {
    let sample = Build::THIS == Build::Sandbox && config.is_loopback();
    let given = config
        .auth
        .admin_password
        .as_ref()
        .map(ExposeSecret::expose_secret);
    let password = given.or_else(|| sample.then_some(SAMPLE_PASSWORD));
    let made = bootstrap(users, &config.auth.admin_username, password).await;
    match made.map_err(Error::FirstUser)? {
        Bootstrap::NotFirst => Ok(false),
        Bootstrap::NeedsSetup => Ok(true),
        Bootstrap::Created(user) => {
            let name = user.username;
            if given.is_none() {
                tracing::info!(
                    "first start: sign in as {name} with the password {SAMPLE_PASSWORD}"
                );
            } else {
                tracing::info!("first start: sign in as {name} with the configured password");
            }
            Ok(false)
        }
    }
}

pub(super) fn announce(
    config: &Config,
    whatsapp: &whatsapp::WhatsApp,
    public_url: &str,
    setup: Option<&str>,
) {
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    if let Some(token) = setup {
        // The one secret that is meant for the log: it works once, for 30 minutes, while there is no user.
        tracing::info!("first start: open {public_url}/#/setup?token={token} within 30 minutes");
    }
    match Build::THIS {
        Build::Sandbox => tracing::info!(
            "SANDBOX build: it talks to the sandbox at {} and to no real phone",
            whatsapp.url()
        ),
        Build::Live => tracing::info!("live build: it talks to {}", whatsapp.url()),
    }
    tracing::info!("wharf listens on {public_url}");
}
