//! What the sum of the settings must not be.
//!
//! Owns the rules that look at more than one key. Must never change a setting.

use secrecy::{ExposeSecret, SecretString};

use super::{Config, Fault};
use crate::domain::sample::is_sample;

/// HMAC-SHA256 is as strong as its key, up to this many bytes.
const STRONG_SECRET_BYTES: usize = 32;
/// WhatsApp stops to show that somebody types after so long.
const TYPING_MAX_MS: u64 = 25_000;
/// Shorter is guessed in a day.
const STRONG_PASSWORD_CHARS: usize = 8;

impl Config {
    /// Everything that is wrong with the sum of the settings.
    pub fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut wrong = |at: &str, detail: &str| {
            faults.push(Fault {
                at: at.to_owned(),
                detail: detail.to_owned(),
                is_unsafe: false,
            });
        };
        for (path, value) in self.must_not_be_zero() {
            if value == 0 {
                wrong(path, "must be at least 1");
            }
        }
        if self.pacing.typing_max_ms > TYPING_MAX_MS {
            let detail = format!("must be at most {TYPING_MAX_MS}: WhatsApp shows it no longer");
            wrong("pacing.typing_max_ms", &detail);
        }
        if let Err(detail) = self.database.checked() {
            wrong("database", &detail);
        }
        if self.auth.admin_username.trim().is_empty() {
            wrong("auth.admin_username", "must not be empty");
        }
        for (at, key) in [
            ("auth.master_key", &self.auth.master_key),
            ("auth.other_master_key", &self.auth.other_master_key),
        ] {
            if key.as_ref().is_some_and(|key| !is_master_key(key)) {
                wrong(at, "expected 64 hexadecimal digits");
            }
        }
        if let Err(detail) = self.log.passes() {
            wrong("log", &detail);
        }
        if let Some(url) = &self.http.public_url
            && !matches!(url.scheme(), "http" | "https")
        {
            wrong("http.public_url", "expected an http:// or https:// URL");
        }
        if self.auth.issuer.is_some() != self.auth.issuer_keys.is_some() {
            wrong(
                "auth.issuer",
                "an issuer and its keys go together: set auth.issuer and auth.issuer_keys, or neither",
            );
        }
        if let Some(url) = &self.sandbox.url
            && !matches!(url.scheme(), "ws" | "wss")
        {
            wrong("sandbox.url", "expected a ws:// or wss:// URL");
        }
        for (at, given, other) in [
            (
                "http.tls_key",
                &self.http.tls_key,
                &self.http.tls_certificate,
            ),
            (
                "http.tls_certificate",
                &self.http.tls_certificate,
                &self.http.tls_key,
            ),
        ] {
            if given.is_none() && other.is_some() {
                faults.push(Fault {
                    at: at.to_owned(),
                    detail: "a certificate and its key go together: set both or none".to_owned(),
                    is_unsafe: false,
                });
            }
        }
        faults.extend(self.exposed());
        faults
    }

    /// What works, but deserves a word at the start.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(secret) = &self.auth.jwt_secret
            && is_weak(secret, STRONG_SECRET_BYTES)
        {
            warnings.push(format!(
                "JWT_SECRET is short or stands in public examples: fine on this machine alone, \
                 refused on any other address; give at least {STRONG_SECRET_BYTES} random bytes"
            ));
        }
        if self.cluster.nats_url.is_some() {
            warnings.push(
                "NATS_URL is set: this version runs as one node and does not connect there"
                    .to_owned(),
            );
        }
        if self.auth.token.is_some() && !self.header_session.enabled {
            warnings.push(
                "AUTH_TOKEN is set: nothing takes it while header_session.enabled is false"
                    .to_owned(),
            );
        }
        if self.header_session.enabled && self.header_session.open {
            warnings.push(
                "header_session.open is set: every program on this machine acts for the first \
                 administrator, on /qr, /send, /status and /health"
                    .to_owned(),
            );
        }
        if !cfg!(feature = "sandbox") && self.sandbox.url.is_some() {
            warnings.push(
                "sandbox.url is set in a live build: the server there must prove to be WhatsApp"
                    .to_owned(),
            );
        }
        warnings
    }

    /// Secrets that everybody knows, on an address that everybody can reach.
    fn exposed(&self) -> Vec<Fault> {
        if self.is_loopback() {
            return Vec::new();
        }
        let refuse = |at: &str, detail: String| Fault {
            at: at.to_owned(),
            detail: format!(
                "{detail}; refused because {} is not loopback",
                self.http.host
            ),
            is_unsafe: true,
        };
        let mut faults = Vec::new();
        if self.header_session.open {
            faults.push(refuse(
                "header_session.open",
                "lets everybody in who reaches the service".to_owned(),
            ));
        }
        let passwords = [
            ("auth.admin_password", &self.auth.admin_password),
            ("auth.token", &self.auth.token),
        ];
        for (at, secret) in passwords {
            if secret
                .as_ref()
                .is_some_and(|it| is_weak(it, STRONG_PASSWORD_CHARS))
            {
                faults.push(refuse(
                    at,
                    format!(
                        "is shorter than {STRONG_PASSWORD_CHARS} characters or stands in public \
                         examples"
                    ),
                ));
            }
        }
        for (at, secret) in [
            ("auth.jwt_secret", &self.auth.jwt_secret),
            ("auth.previous_jwt_secret", &self.auth.previous_jwt_secret),
        ] {
            if secret
                .as_ref()
                .is_some_and(|it| is_weak(it, STRONG_SECRET_BYTES))
            {
                faults.push(refuse(
                    at,
                    format!(
                        "is shorter than {STRONG_SECRET_BYTES} bytes or stands in public examples \
                         (unset it: one is generated)"
                    ),
                ));
            }
        }
        faults
    }

    fn must_not_be_zero(&self) -> [(&'static str, u64); 20] {
        let per_address = self.http.max_connections_per_address;
        [
            ("auth.audit_days", self.auth.audit_days.into()),
            ("http.max_connections", self.http.max_connections.into()),
            ("http.max_connections_per_address", per_address.into()),
            ("http.header_timeout_ms", self.http.header_timeout_ms),
            ("http.body_timeout_ms", self.http.body_timeout_ms),
            (
                "http.requests_per_minute",
                self.http.requests_per_minute.into(),
            ),
            (
                "http.requests_per_minute_per_key",
                self.http.requests_per_minute_per_key.map_or(1, u64::from),
            ),
            (
                "http.requests_per_minute_per_address",
                self.http.requests_per_minute_per_address.into(),
            ),
            ("http.requests_at_once", self.http.requests_at_once.into()),
            ("http.sockets_per_token", self.http.sockets_per_token.into()),
            (
                "http.sockets_per_address",
                self.http.sockets_per_address.into(),
            ),
            (
                "database.max_connections",
                self.database.max_connections.into(),
            ),
            (
                "pacing.messages_per_minute",
                self.pacing.messages_per_minute.into(),
            ),
            ("pacing.burst", self.pacing.burst.into()),
            ("events.retention_days", self.events.retention_days.into()),
            ("events.retention_count", self.events.retention_count.into()),
            ("media.retention_days", self.media.retention_days.into()),
            ("webhooks.concurrency", self.webhooks.concurrency.into()),
            ("webhooks.timeout_ms", self.webhooks.timeout_ms),
            (
                "webhooks.retention_days",
                self.webhooks.retention_days.into(),
            ),
        ]
    }
}

fn is_weak(secret: &SecretString, shortest: usize) -> bool {
    let secret = secret.expose_secret();
    secret.len() < shortest || is_sample(secret)
}

fn is_master_key(key: &SecretString) -> bool {
    let key = key.expose_secret();
    key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(host: &str) -> Config {
        let mut config = Config::default();
        config.http.host = host.parse().unwrap();
        config
    }

    #[test]
    fn a_sample_password_is_taken_on_loopback_and_refused_elsewhere() {
        for sample in ["admin", "admin123", "Change-This"] {
            let mut config = on("127.0.0.1");
            config.auth.admin_password = Some(sample.into());
            assert_eq!(config.validate(), []);

            let mut config = on("0.0.0.0");
            config.auth.admin_password = Some(sample.into());
            let faults = config.validate();
            assert!(faults.iter().all(|fault| fault.is_unsafe), "{faults:?}");
            assert_eq!(faults.len(), 1);
        }
    }

    #[test]
    fn the_jwt_secret_of_the_examples_is_refused_on_a_public_address() {
        let mut config = on("::");
        config.auth.jwt_secret = Some("your-secret-key".into());
        assert_eq!(config.validate()[0].at, "auth.jwt_secret");
        config.auth.jwt_secret = Some("3b1f0c8de1a24d5f9c6b7a8091e2f3d4".into());
        assert_eq!(config.validate(), []);
    }

    #[test]
    fn a_weak_jwt_secret_on_loopback_is_a_warning() {
        let mut config = on("127.0.0.1");
        assert!(config.warnings().is_empty());
        config.auth.jwt_secret = Some("your-secret-key".into());
        assert!(config.warnings()[0].contains("JWT_SECRET"));
    }

    #[test]
    fn zero_is_refused_where_nothing_could_work_with_it() {
        let mut config = Config::default();
        config.http.max_connections = 0;
        config.http.requests_per_minute_per_key = Some(0);
        config.webhooks.timeout_ms = 0;
        config.pacing.burst = 0;
        config.pacing.typing_max_ms = 60_000;
        let at: Vec<_> = config
            .validate()
            .into_iter()
            .map(|fault| fault.at)
            .collect();
        let expected = [
            "http.max_connections",
            "http.requests_per_minute_per_key",
            "pacing.burst",
            "webhooks.timeout_ms",
            "pacing.typing_max_ms",
        ];
        assert_eq!(at, expected);
    }

    #[test]
    fn the_open_mode_of_a_dialect_is_a_warning_on_loopback_and_refused_elsewhere() {
        let mut config = on("127.0.0.1");
        config.header_session.open = true;
        assert_eq!(config.validate(), []);
        assert!(config.warnings()[0].contains("header_session.open"));
        let mut config = on("0.0.0.0");
        config.header_session.open = true;
        let faults = config.validate();
        assert_eq!(faults[0].at, "header_session.open");
        assert!(faults[0].is_unsafe);
    }

    #[test]
    fn the_static_token_is_told_to_be_useless_when_its_dialect_is_off() {
        let mut config = on("127.0.0.1");
        config.auth.token = Some("a-token-of-ones-own".into());
        assert!(config.warnings().is_empty());
        config.header_session.enabled = false;
        assert!(config.warnings()[0].contains("AUTH_TOKEN"));
    }

    #[test]
    fn a_master_key_must_be_64_hexadecimal_digits() {
        let mut config = Config::default();
        config.auth.master_key = Some("beef".into());
        assert_eq!(config.validate()[0].at, "auth.master_key");
        config.auth.master_key = Some("ab".repeat(32).into());
        assert_eq!(config.validate(), []);
    }
}
