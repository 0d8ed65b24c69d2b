//! From the configuration to what the parts take.

use std::{path::Path, time::Duration};

use super::Error;
use crate::{
    config::Config,
    http::compat::Access,
    media::{Place, S3},
    seal::KeySource,
    service::tokens::Tokens,
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
    Ok(Tokens::new(secret, None))
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

pub(super) fn pacing(config: &crate::config::Pacing) -> Pacing {
    Pacing {
        every: Duration::from_mins(1) / config.messages_per_minute.max(1),
        burst: config.burst,
        per_character: Duration::from_millis(config.typing_ms_per_character),
        typing_max: Duration::from_millis(config.typing_max_ms),
    }
}
