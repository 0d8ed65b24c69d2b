//! An endpoint, opened: its URL, its live secrets and its headers.
//!
//! Owns what of an endpoint is sealed in the database, and under which purpose. Must never show it.

use std::{collections::BTreeMap, sync::Arc};

use entity::{ids::EndpointId, webhook_endpoints};
use reqwest::header::HeaderMap;
use zeroize::Zeroizing;

use super::{
    headers,
    health::Health,
    signer::{Secret, SecretError},
};
use crate::seal::{Master, SealError, Sealer};

/// Seals and opens the secrets and the headers of endpoints.
#[derive(Debug, Clone)]
pub struct Vault {
    secrets: Sealer,
    headers: Sealer,
}

/// A stored endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Not sealed with this master key, or damaged.
    #[error("what is sealed of the endpoint cannot be opened")]
    Seal(#[from] SealError),
    /// The opened secret has the wrong size.
    #[error("the sealed secret of the endpoint is damaged")]
    Secret(#[from] SecretError),
    /// The opened headers are not what was stored.
    #[error("the sealed headers of the endpoint are damaged")]
    Headers,
}

impl Vault {
    /// Seals under `master`.
    pub fn new(master: &Arc<Master>) -> Self {
        let sealer = |purpose| Sealer::new(Arc::clone(master), purpose);
        Self {
            secrets: sealer("webhook_endpoints.secret"),
            headers: sealer("webhook_endpoints.headers"),
        }
    }

    /// A secret for the row of `endpoint`.
    pub fn seal_secret(
        &self,
        endpoint: EndpointId,
        secret: &Secret,
    ) -> Result<Vec<u8>, VaultError> {
        Ok(self.secrets.seal(endpoint.uuid(), secret.as_bytes())?)
    }

    /// The secret in the row of `endpoint`.
    pub fn open_secret(&self, endpoint: EndpointId, sealed: &[u8]) -> Result<Secret, VaultError> {
        let opened = self.secrets.open(endpoint.uuid(), sealed)?;
        Ok(Secret::try_from(opened.as_slice())?)
    }

    /// Headers for the row of `endpoint`; none for none.
    pub fn seal_headers(
        &self,
        endpoint: EndpointId,
        headers: &BTreeMap<String, String>,
    ) -> Result<Option<Vec<u8>>, VaultError> {
        if headers.is_empty() {
            return Ok(None);
        }
        let json = serde_json::to_vec(headers).map_err(|_| VaultError::Headers)?;
        let sealed = self.headers.seal(endpoint.uuid(), &Zeroizing::new(json))?;
        Ok(Some(sealed))
    }

    /// The headers in the row of `endpoint`.
    pub fn open_headers(
        &self,
        endpoint: EndpointId,
        sealed: Option<&[u8]>,
    ) -> Result<BTreeMap<String, String>, VaultError> {
        let Some(sealed) = sealed else {
            return Ok(BTreeMap::new());
        };
        let opened = self.headers.open(endpoint.uuid(), sealed)?;
        serde_json::from_slice(&opened).map_err(|_| VaultError::Headers)
    }
}

/// What a request to an endpoint needs.
#[derive(Debug, Clone)]
pub struct Target {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Where to; checked again before every request.
    pub url: String,
    /// The current secret, and the previous one while it is still valid.
    pub secrets: Vec<Secret>,
    /// The user's headers.
    pub headers: HeaderMap,
    /// Whether its row tells of failures.
    pub unwell: bool,
    /// In which shape it is told.
    pub shape: String,
    /// Which variant of it.
    pub variant: String,
}

impl Target {
    /// Open the row of an endpoint, as of `now_ms`.
    pub fn open(
        vault: &Vault,
        row: &webhook_endpoints::Model,
        now_ms: i64,
    ) -> Result<Self, VaultError> {
        let mut secrets = vec![vault.open_secret(row.id, &row.secret_sealed)?];
        if let Some(previous) = &row.prev_secret_sealed
            && row.prev_until.is_some_and(|until| until > now_ms)
        {
            secrets.push(vault.open_secret(row.id, previous)?);
        }
        let headers = vault.open_headers(row.id, row.headers_sealed.as_deref())?;
        Ok(Self {
            endpoint: row.id,
            url: row.url.clone(),
            secrets,
            headers: headers::check(&headers).map_err(|_| VaultError::Headers)?,
            unwell: !Health::from(row).is_well(),
            shape: row.shape.clone(),
            variant: row.variant.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        Vault::new(&Arc::new(Master::from_bytes([3; 32])))
    }

    #[test]
    fn a_secret_opens_only_in_the_row_it_was_sealed_for() {
        let (vault, secret) = (vault(), Secret::from_bytes([9; 32]));
        let (mine, other) = (EndpointId::new(), EndpointId::new());
        let sealed = vault.seal_secret(mine, &secret).unwrap();
        assert!(!sealed.windows(8).any(|bytes| bytes == [9; 8]));
        assert_eq!(vault.open_secret(mine, &sealed).unwrap(), secret);
        assert!(vault.open_secret(other, &sealed).is_err());
    }

    #[test]
    fn headers_are_sealed_under_a_purpose_of_their_own() {
        let (vault, id) = (vault(), EndpointId::new());
        let headers = BTreeMap::from([("x-key".to_owned(), "v".to_owned())]);
        let sealed = vault.seal_headers(id, &headers).unwrap().unwrap();
        assert_eq!(vault.open_headers(id, Some(&sealed)).unwrap(), headers);
        assert!(vault.open_secret(id, &sealed).is_err());
        assert_eq!(vault.seal_headers(id, &BTreeMap::new()).unwrap(), None);
    }
}
