//! From the configuration to what the parts take.

use std::{path::Path, sync::Arc, time::Duration};

use super::Error;
use crate::{
    config::Config,
    domain::clock::SharedClock,
    egress::Egress,
    http::{
        LiveLimits, Settings,
        compat::Access,
        extract::TrustedProxies,
        server::tls::{Tls, TlsError, TlsFiles},
    },
    media::{Place, S3},
    seal::KeySource,
    service::{
        auth::{Outer, OuterIssuer},
        rates::Rate,
        shares::Places,
        tokens::Tokens,
    },
    session::Pacing,
};

pub(super) fn key_source(config: &Config) -> KeySource {
    match &config.auth.master_key {
        Some(key) => KeySource::Given(key.clone()),
        None => KeySource::File(config.master_key_path()),
    }
}

pub(super) fn place(config: &Config, data: &Path) -> Place {
    let media = &config.media;
    match &media.s3_bucket {
        Some(bucket) => Place::S3(S3 {
            bucket: bucket.clone(),
            prefix: media.s3_prefix.clone(),
            endpoint: media
                .s3_endpoint
                .as_ref()
                .map(|url| url.as_str().trim_end_matches('/').to_owned()),
            region: media.s3_region.clone(),
            key_id: media.s3_access_key_id.clone(),
            secret: media.s3_secret_access_key.clone(),
        }),
        None => Place::Folder(media.dir.clone().unwrap_or_else(|| data.join("media"))),
    }
}

pub(super) fn tokens(config: &Config) -> Result<Tokens, Error> {
    let secret = config.auth.jwt_secret.as_ref().ok_or(Error::NoSecret)?;
    Ok(Tokens::new(
        secret,
        config.auth.previous_jwt_secret.as_ref(),
    ))
}

/// The issuer whose tokens are believed besides our own, if there is one.
pub(super) fn outer(config: &Config, clock: &SharedClock) -> Result<Option<Outer>, Error> {
    let auth = &config.auth;
    let Some((issuer, keys)) = auth.issuer.clone().zip(auth.issuer_keys.clone()) else {
        return Ok(None);
    };
    let issuer = OuterIssuer {
        issuer,
        keys,
        audience: auth.issuer_audience.clone(),
        claim: auth.issuer_claim.clone(),
    };
    // The operator names this address, not a user: it may be inside.
    let anywhere = ["0.0.0.0/0", "::/0"].map(str::parse);
    let anywhere = anywhere.into_iter().filter_map(Result::ok).collect();
    let egress = Egress::new(anywhere).map_err(Error::Egress)?;
    Ok(Some(Outer::new(issuer, egress, Arc::clone(clock))))
}

/// The certificate that the service shows itself, if it has one.
pub(super) fn tls(config: &Config) -> Result<Option<Tls>, TlsError> {
    let files = config.tls_files().map(|(certificate, key)| TlsFiles {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    });
    files.map(Tls::open).transpose()
}

/// What the operator has set of the HTTP face.
pub(super) fn settings(
    config: &Config,
    public_url: &str,
    sandbox_control: Option<url::Url>,
) -> Settings {
    let http = &config.http;
    Settings {
        public_url: public_url.to_owned(),
        cors_origins: http.cors_origins.clone(),
        proxies: TrustedProxies::new(http.trusted_proxies.clone()),
        rate: Rate::per_minute(http.requests_per_minute),
        rate_of_key: http.requests_per_minute_per_key.map(Rate::per_minute),
        rate_of_address: Rate::per_minute(http.requests_per_minute_per_address),
        at_once: Places(usize::try_from(http.requests_at_once).unwrap_or(usize::MAX)),
        audit_days: config.auth.audit_days,
        live: LiveLimits::of(http.sockets_per_token, http.sockets_per_address),
        sandbox_control,
    }
}

/// How the dialect of the X-Session-Id service lets callers in, if it is switched on.
pub(super) fn header_session(config: &Config) -> Option<Access> {
    config.header_session.enabled.then(|| Access {
        token: config.auth.token.clone(),
        is_open: config.header_session.open,
    })
}

/// Whose pages may use the dialect of the WhatsApp Multi-Session API, if it is switched on.
pub(super) fn multisession(config: &Config) -> Option<Vec<String>> {
    let section = &config.multisession;
    section.enabled.then(|| section.origins.clone())
}

/// Whose pages may use the dialect of the Wasender API, if it is switched on, and where its files are read.
pub(super) fn wasender(config: &Config, public_url: &str) -> (Option<Vec<String>>, String) {
    let section = &config.wasender;
    let origins = section.enabled.then(|| section.origins.clone());
    (origins, public_url.to_owned())
}

pub(super) fn pacing(config: &crate::config::Pacing) -> Pacing {
    Pacing {
        every: Duration::from_mins(1) / config.messages_per_minute.max(1),
        burst: config.burst,
        per_character: Duration::from_millis(config.typing_ms_per_character),
        typing_max: Duration::from_millis(config.typing_max_ms),
    }
}
