//! The self-test of the two builds: does the linked library refuse a server that WhatsApp did not sign?
//!
//! whatsapp-rust checks the server's certificate chain against a constant, and leaves the check out only when it
//! was compiled for that. A live build that would accept a forged chain must not start.

use buffa::{Message as _, MessageField};
use wacore_noise::HandshakeUtils;
use waproto::whatsapp::cert_chain::{self, NoiseCertificate};

/// Whether the linked library accepts a chain with forged signatures.
///
/// The chain is well formed in all else: serials, issuers and keys fit, so that only the signatures can fail it.
pub fn accepts_forged_chain() -> bool {
    let server_key = [7_u8; 32];
    HandshakeUtils::verify_server_cert(&forged_chain(&server_key), &server_key).is_ok()
}

fn forged_chain(server_key: &[u8; 32]) -> Vec<u8> {
    let now = jiff::Timestamp::now().as_second();
    let day = 86_400;
    let certificate = |serial: u32, issuer: u32, key: &[u8]| {
        let details = cert_chain::noise_certificate::Details {
            serial: Some(serial),
            issuer_serial: Some(issuer),
            key: Some(key.to_vec()),
            not_before: Some(u64::try_from(now - day).unwrap_or_default()),
            not_after: Some(u64::try_from(now + day).unwrap_or_default()),
        };
        NoiseCertificate {
            details: Some(details.encode_to_vec()),
            signature: Some(vec![0; 64]),
        }
    };
    let chain = waproto::whatsapp::CertChain {
        intermediate: MessageField::some(certificate(1, 0, &[9; 32])),
        leaf: MessageField::some(certificate(2, 1, server_key)),
    };
    chain.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sandbox_build_accepts_a_forged_chain() {
        assert_eq!(accepts_forged_chain(), cfg!(feature = "sandbox"));
    }
}
