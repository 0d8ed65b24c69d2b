//! The two algorithms that Wharf seals with, for plain bytes: XChaCha20-Poly1305 and HMAC-SHA256.
//!
//! A crate of its own because both are generic and so are compiled with whoever calls them: here they are optimised in
//! a debug build too, where they were two fifths of the time of all tests. Must never keep, make or show a key. Called
//! by `wharf::seal`.

use chacha20poly1305::{
    XChaCha20Poly1305,
    aead::{AeadInOut as _, KeyInit as _},
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a nonce.
pub const NONCE_LEN: usize = 24;
/// Bytes of what authenticates a text.
pub const MAC_LEN: usize = 16;

/// The text is too long for the algorithm, or it is not what was encrypted with this key, nonce and `also`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is not authentic")]
pub struct Refused;

/// Encrypt `text` where it lies; what comes back authenticates it and `also`.
///
/// # Errors
/// Where the text is over 256 GiB.
pub fn encrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE_LEN],
    also: &[u8],
    text: &mut [u8],
) -> Result<[u8; MAC_LEN], Refused> {
    XChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(nonce.into(), also, text.into())
        .map(Into::into)
        .map_err(|_| Refused)
}

/// Decrypt `text` where it lies.
///
/// # Errors
/// Where the text or `also` is not what `mac` was made for; the text is then as it was.
pub fn decrypt(
    key: &[u8; 32],
    nonce: &[u8; NONCE_LEN],
    also: &[u8],
    text: &mut [u8],
    mac: &[u8; MAC_LEN],
) -> Result<(), Refused> {
    XChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(nonce.into(), also, text.into(), mac.into())
        .map_err(|_| Refused)
}

/// HMAC-SHA256 over `parts`, each after its length in 4 bytes, so that no two lists look the same.
#[must_use]
pub fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC fills a short key with zeros up to its block; done here, there is no length to be refused.
    let mut block = Zeroizing::new([0; 64]);
    block[..key.len()].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new((&*block).into());
    for part in parts {
        mac.update(&length(part));
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// How long a part is, as it is written before it.
#[must_use]
pub fn length(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of draft-irtf-cfrg-xchacha-03, A.3.1.
    #[test]
    fn a_text_is_encrypted_as_the_specification_prints_it_and_decrypted_again() {
        let mut key = [0; 32];
        let mut nonce = [0; NONCE_LEN];
        for (byte, value) in key.iter_mut().zip(0x80..) {
            *byte = value;
        }
        for (byte, value) in nonce.iter_mut().zip(0x40..) {
            *byte = value;
        }
        let also = [
            0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
        ];
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                      sunscreen would be it.";
        let mut text = *plain;
        let mac = encrypt(&key, &nonce, &also, &mut text).unwrap();
        assert_eq!(text[..4], [0xbd, 0x6d, 0x17, 0x9d]);
        assert_eq!(mac[..4], [0xc0, 0x87, 0x59, 0x24]);
        let sealed = text;
        assert_eq!(
            decrypt(&key, &nonce, b"else", &mut text, &mac),
            Err(Refused)
        );
        assert_eq!(text, sealed, "what is refused is left as it was");
        decrypt(&key, &nonce, &also, &mut text, &mac).unwrap();
        assert_eq!(text, *plain);
    }

    #[test]
    fn no_two_lists_of_parts_look_the_same() {
        let key = [7; 32];
        assert_ne!(hmac(&key, &[b"ab", b"c"]), hmac(&key, &[b"a", b"bc"]));
        assert_ne!(hmac(&key, &[]), hmac(&key, &[b""]));
    }
}
