//! Sealing: what must stay secret in the database is encrypted before it gets there.
//!
//! Owns the master key, the keys it wraps and the form of a sealed value. Must never log, show or return a
//! key. Called by `protocol::store` (one key per session) and, through [`Sealer`], by whoever keeps another
//! secret in a row, such as a webhook's.
//!
//! A sealed value is `1 | key id (4) | nonce (24) | XChaCha20-Poly1305`. Its place is authenticated with it,
//! so a value that is moved to another row, session, table or column does not open there.

use std::fmt;

use rand::{Rng, TryRng, rngs::SysRng};
use wharf_cipher::{MAC_LEN, NONCE_LEN, hmac, length};
use zeroize::Zeroizing;

mod anew;
mod check;
mod master;
mod session;

pub use anew::seal_anew;
pub use check::unlock;
pub use master::{KeySource, Master, Sealer};
pub use session::{SessionKeys, TAG_LEN, Tag};

/// The form described above; also part of what is authenticated.
const FORMAT: u8 = 1;
const KEY_ID_LEN: usize = 4;
const HEAD_LEN: usize = 1 + KEY_ID_LEN + NONCE_LEN;

/// Why a value could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The value was sealed with another key.
    #[error(
        "sealed with another master key than the one in use; bring back the key that was used before"
    )]
    WrongKey,
    /// The value is damaged, or was taken from another row.
    #[error("a sealed value is damaged or is not in its place")]
    NotInPlace,
    /// There are sealed values but there is no key.
    #[error("the database holds sealed values, but there is no master key at {0}")]
    MissingKey(std::path::PathBuf),
    /// The text given as the key is none.
    #[error("a master key is 64 hexadecimal digits (32 bytes)")]
    NotAKey,
    /// Others can read the key file.
    #[error("the master key at {0} is readable by everybody; allow its owner only (chmod 600)")]
    Exposed(std::path::PathBuf),
    /// The key file could not be read or written.
    #[error("the master key at {path} could not be read or written")]
    File {
        /// Where it is expected.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gave no random numbers.
    #[error("the system gave no random numbers")]
    Randomness,
    /// The database failed.
    #[error("the sealing keys could not be read or written")]
    Db(#[from] sea_orm::DbErr),
}

impl From<wharf_cipher::Refused> for SealError {
    fn from(_: wharf_cipher::Refused) -> Self {
        Self::NotInPlace
    }
}

/// 32 secret bytes and what they can do.
struct Key {
    bytes: Zeroizing<[u8; 32]>,
    id: [u8; KEY_ID_LEN],
}

impl Key {
    fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        let mac = hmac(&bytes, &[b"wharf key id"]);
        let mut id = [0; KEY_ID_LEN];
        id.copy_from_slice(&mac[..KEY_ID_LEN]);
        Self { bytes, id }
    }

    /// A key that nobody has seen, straight from the system.
    fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        SysRng
            .try_fill_bytes(bytes.as_mut_slice())
            .map_err(|_| SealError::Randomness)?;
        Ok(Self::new(bytes))
    }

    /// Whether its id stands in a sealed value.
    fn has_sealed(&self, blob: &[u8]) -> bool {
        blob.get(1..=KEY_ID_LEN) == Some(&self.id[..])
    }

    /// A key for one use only, so that no key serves two algorithms.
    fn derive(&self, purpose: &[u8]) -> Self {
        Self::new(Zeroizing::new(hmac(
            &self.bytes,
            &[b"wharf derive", purpose],
        )))
    }

    /// Seal `plain` for `place`.
    ///
    /// The nonce is random and chosen here: 24 bytes never meet by chance, and a caller that could choose
    /// one could repeat one.
    fn seal(&self, place: &[&[u8]], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut blob = Vec::with_capacity(HEAD_LEN + plain.len() + MAC_LEN);
        blob.push(FORMAT);
        blob.extend_from_slice(&self.id);
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        blob.extend_from_slice(&nonce);
        blob.extend_from_slice(plain);
        let text = &mut blob[HEAD_LEN..];
        let mac = wharf_cipher::encrypt(&self.bytes, &nonce, &framed(place), text)?;
        blob.extend_from_slice(&mac);
        Ok(blob)
    }

    /// Open what [`Key::seal`] made for the same `place`.
    fn open(&self, place: &[&[u8]], blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let Some((&[format, ref id @ ..], rest)) = blob.split_first_chunk::<{ 1 + KEY_ID_LEN }>()
        else {
            return Err(SealError::NotInPlace);
        };
        let cut = rest.split_first_chunk::<NONCE_LEN>();
        let Some((nonce, (body, mac))) =
            cut.and_then(|(nonce, rest)| Some((nonce, rest.split_last_chunk::<MAC_LEN>()?)))
        else {
            return Err(SealError::NotInPlace);
        };
        if format != FORMAT {
            return Err(SealError::NotInPlace);
        }
        if *id != self.id {
            return Err(SealError::WrongKey);
        }
        let mut plain = Zeroizing::new(body.to_vec());
        wharf_cipher::decrypt(&self.bytes, nonce, &framed(place), &mut plain, mac)?;
        Ok(plain)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(secret)")
    }
}

/// What is authenticated next to the value: each part with its length, so that no two places look the same.
fn framed(place: &[&[u8]]) -> Vec<u8> {
    let mut all = Vec::with_capacity(1 + place.iter().map(|part| 4 + part.len()).sum::<usize>());
    all.push(FORMAT);
    for part in place {
        all.extend_from_slice(&length(part));
        all.extend_from_slice(part);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::generate().unwrap()
    }

    #[test]
    fn a_sealed_value_opens_in_its_place() {
        let key = key();
        let blob = key.seal(&[b"table", b"row"], b"secret").unwrap();
        assert_eq!(*key.open(&[b"table", b"row"], &blob).unwrap(), b"secret");
        assert!(!blob.windows(6).any(|part| part == b"secret"));
    }

    #[test]
    fn a_sealed_value_does_not_open_elsewhere() {
        let key = key();
        let blob = key.seal(&[b"table", b"row"], b"secret").unwrap();
        for place in [[b"table".as_slice(), b"other"], [b"tabl", b"erow"]] {
            assert!(matches!(
                key.open(&place, &blob),
                Err(SealError::NotInPlace)
            ));
        }
    }

    #[test]
    fn a_changed_value_does_not_open() {
        let key = key();
        let blob = key.seal(&[b"t"], b"secret").unwrap();
        for position in (0..blob.len()).filter(|at| !(1..=KEY_ID_LEN).contains(at)) {
            let mut bad = blob.clone();
            bad[position] ^= 1;
            assert!(matches!(
                key.open(&[b"t"], &bad),
                Err(SealError::NotInPlace)
            ));
        }
        for len in 0..blob.len() {
            assert!(key.open(&[b"t"], &blob[..len]).is_err(), "cut to {len}");
        }
    }

    #[test]
    fn another_key_is_named_as_the_fault() {
        let blob = key().seal(&[b"t"], b"secret").unwrap();
        assert!(matches!(
            key().open(&[b"t"], &blob),
            Err(SealError::WrongKey)
        ));
    }

    #[test]
    fn nothing_secret_is_shown() {
        let key = Key::new(Zeroizing::new([0xAB; 32]));
        let shown = format!("{key:?}").to_lowercase();
        assert!(!shown.contains("ab") && !shown.contains("171"), "{shown}");
    }
}
