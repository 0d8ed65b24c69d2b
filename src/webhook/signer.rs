//! Standard Webhooks signatures: HMAC-SHA256 over `id.timestamp.body`.
//!
//! Owns the form of a secret and of the `webhook-signature` header. Must never show a secret in `Debug` or in
//! an error. Called by the dispatcher, and by `service::webhooks` to make and show a secret.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use rand::{TryRng, rngs::SysRng};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The id of the event: the same on every attempt.
pub const ID_HEADER: &str = "webhook-id";
/// When this attempt was made, in seconds since 1970.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// One or two signatures, separated by a space.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

const SECRET_PREFIX: &str = "whsec_";
const SECRET_BYTES: usize = 32;

/// The text is no secret of this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is whsec_ and the base64 of 32 bytes")]
pub struct SecretError;

/// The system gave no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random numbers")]
pub struct NoRandomness;

/// The key that an endpoint's requests are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<[u8; SECRET_BYTES]>);

impl Secret {
    /// A secret that nobody has seen, straight from the system.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        SysRng
            .try_fill_bytes(bytes.as_mut_slice())
            .map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    /// The secret of `bytes`, which must come from a cryptographic source.
    pub fn from_bytes(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes as they are sealed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// `whsec_…`, as the owner of the endpoint gets it, once.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!(
            "{SECRET_PREFIX}{}",
            STANDARD.encode(self.as_bytes())
        ))
    }

    /// Read back what [`Secret::reveal`] gave.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(SECRET_PREFIX).ok_or(SecretError)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| SecretError)?);
        Self::try_from(bytes.as_slice())
    }

    /// `v1,` and the signature of one request.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*self.block()).into());
        mac.update(id.as_bytes());
        mac.update(b".");
        mac.update(timestamp.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }

    /// HMAC pads a key to its block of 64 bytes with zeros: the same key, in the size that cannot fail.
    fn block(&self) -> Zeroizing<[u8; 64]> {
        let mut block = Zeroizing::new([0; 64]);
        block[..SECRET_BYTES].copy_from_slice(self.as_bytes());
        block
    }
}

impl TryFrom<&[u8]> for Secret {
    type Error = SecretError;

    fn try_from(bytes: &[u8]) -> Result<Self, SecretError> {
        let bytes: [u8; SECRET_BYTES] = bytes.try_into().map_err(|_| SecretError)?;
        Ok(Self::from_bytes(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The value of the signature header: one signature per live secret, the current one first.
pub fn signature(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signed: Vec<String> = secrets
        .iter()
        .map(|secret| secret.sign(id, timestamp, body))
        .collect();
    signed.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::{Clock, SystemClock};

    fn headers(secrets: &[Secret], id: &str, body: &[u8]) -> axum::http::HeaderMap {
        let now = SystemClock.now_ms() / 1000;
        let mut headers = axum::http::HeaderMap::new();
        headers.insert(ID_HEADER, id.parse().unwrap());
        headers.insert(TIMESTAMP_HEADER, now.into());
        let signature = signature(secrets, id, now, body);
        headers.insert(SIGNATURE_HEADER, signature.parse().unwrap());
        headers
    }

    fn verifier(secret: &Secret) -> standardwebhooks::Webhook {
        standardwebhooks::Webhook::new(&secret.reveal()).unwrap()
    }

    #[test]
    fn the_reference_library_accepts_the_signature_and_refuses_a_changed_body() {
        let secret = Secret::from_bytes([7; 32]);
        let headers = headers(std::slice::from_ref(&secret), "evt_1", b"{}");
        assert!(verifier(&secret).verify(b"{}", &headers).is_ok());
        assert!(verifier(&secret).verify(b"{ }", &headers).is_err());
        let other = Secret::from_bytes([8; 32]);
        assert!(verifier(&other).verify(b"{}", &headers).is_err());
    }

    #[test]
    fn during_a_rotation_both_secrets_verify() {
        let (new, old) = (Secret::from_bytes([1; 32]), Secret::from_bytes([2; 32]));
        let headers = headers(&[new.clone(), old.clone()], "evt_1", b"body");
        assert!(verifier(&new).verify(b"body", &headers).is_ok());
        assert!(verifier(&old).verify(b"body", &headers).is_ok());
    }

    #[test]
    fn a_secret_reads_back_and_never_shows_itself() {
        let secret = Secret::from_bytes([200; 32]);
        let shown = secret.reveal();
        assert_eq!(Secret::parse(&shown), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
        assert_eq!(Secret::parse("whsec_AAAA"), Err(SecretError), "too short");
        assert_eq!(Secret::parse(&shown[6..]), Err(SecretError), "no prefix");
    }
}
