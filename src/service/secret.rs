//! Random secrets that are shown once and kept as a hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// A secret of 256 random bits behind a prefix that tells what it is.
pub(super) fn generate(prefix: &str) -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// A secret of `BYTES` random bytes, as hexadecimal digits behind a prefix: at least 16 of them.
pub(super) fn hexadecimal<const BYTES: usize>(prefix: &str) -> String {
    const { assert!(BYTES >= 16, "a secret can be guessed") };
    let bytes: [u8; BYTES] = std::array::from_fn(|_| rand::random());
    format!("{prefix}{}", hex::encode(bytes))
}

/// What is kept of a secret. One round is enough: there is nothing to guess in 256 random bits.
pub(super) fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}
