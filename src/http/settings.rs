//! What the operator may set of the HTTP face.
//!
//! Owns the values that hold where nothing is said. Must never read the configuration: `app` fills it in.

use super::{extract::TrustedProxies, live::LiveLimits};
use crate::service::{rates::Rate, shares::Places};

/// Requests that one address may make in a minute: many people may stand behind it, each with a limit of their own.
const PER_ADDRESS: u32 = 60_000;

/// What the operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Pages of other origins that may use the API from a browser; none by default.
    pub cors_origins: Vec<String>,
    /// Where people reach the service, without a slash at the end.
    pub public_url: String,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: TrustedProxies,
    /// How fast a tenant may ask.
    pub rate: Rate,
    /// How fast one of its credentials may, if that has a limit of its own.
    pub rate_of_key: Option<Rate>,
    /// How fast an address may ask, whoever it is.
    pub rate_of_address: Rate,
    /// How many requests are worked on at once.
    pub at_once: Places,
    /// How many sockets and streams there may be.
    pub live: LiveLimits,
    /// How many days the audit log keeps a change.
    pub audit_days: u32,
    /// The control API of the sandbox, in a sandbox build.
    pub sandbox_control: Option<url::Url>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            public_url: String::new(),
            proxies: TrustedProxies::default(),
            rate: Rate::default(),
            rate_of_key: None,
            rate_of_address: Rate::per_minute(PER_ADDRESS),
            at_once: Places::default(),
            live: LiveLimits::default(),
            audit_days: 0,
            sandbox_control: None,
        }
    }
}
