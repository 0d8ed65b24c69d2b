//! The server's own keys: a root, an intermediate and the Noise static key, and the certificate chain that
//! ties them. Made once per world, kept with it: a client that has paired trusts the static key by name.
//! Called by the world (make, load), the Noise responder, and the state page (root key).

use buffa::Message as _;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use wacore_libsignal::protocol::{CurveError, KeyPair, PrivateKey};
use waproto::whatsapp as wa;

use crate::store::Secret;

/// 2023-11-14, and 2060: no client clock is outside.
const NOT_BEFORE: u64 = 1_700_000_000;
const NOT_AFTER: u64 = 2_840_000_000;

/// Private keys as they are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServerSecrets {
    root: Secret,
    intermediate: Secret,
    noise: Secret,
}

/// What the sockets need, derived once at start.
pub(crate) struct ServerKeys {
    pub(crate) root_public: [u8; 32],
    pub(crate) noise: KeyPair,
    /// Encoded `CertChain`, signed with XEdDSA: root over intermediate, intermediate over leaf.
    pub(crate) cert_chain: Vec<u8>,
}

impl std::fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerKeys").finish_non_exhaustive()
    }
}

impl ServerSecrets {
    pub(crate) fn generate<R: CryptoRng>(rng: &mut R) -> Self {
        let mut key = || Secret(*KeyPair::generate(rng).private_key.serialize());
        Self {
            root: key(),
            intermediate: key(),
            noise: key(),
        }
    }

    pub(crate) fn derive<R: CryptoRng>(&self, rng: &mut R) -> Result<ServerKeys, CurveError> {
        let root = key_pair(&self.root)?;
        let intermediate = key_pair(&self.intermediate)?;
        let noise = key_pair(&self.noise)?;
        let cert_chain = wa::CertChain {
            intermediate: certificate(1, 0, &intermediate, &root, rng)?,
            leaf: certificate(2, 1, &noise, &intermediate, rng)?,
        };
        Ok(ServerKeys {
            root_public: public_bytes(&root),
            noise,
            cert_chain: cert_chain.encode_to_vec(),
        })
    }
}

fn certificate<R: CryptoRng>(
    serial: u32,
    issuer_serial: u32,
    subject: &KeyPair,
    issuer: &KeyPair,
    rng: &mut R,
) -> Result<buffa::MessageField<wa::cert_chain::NoiseCertificate>, CurveError> {
    let details = wa::cert_chain::noise_certificate::Details {
        serial: Some(serial),
        issuer_serial: Some(issuer_serial),
        key: Some(subject.public_key.public_key_bytes().to_vec()),
        not_before: Some(NOT_BEFORE),
        not_after: Some(NOT_AFTER),
    }
    .encode_to_vec();
    let signature = issuer.calculate_signature(&details, rng)?;
    Ok(buffa::MessageField::some(
        wa::cert_chain::NoiseCertificate {
            details: Some(details),
            signature: Some(signature.to_vec()),
        },
    ))
}

/// The pair that belongs to a kept private key.
pub(crate) fn key_pair(private: &Secret) -> Result<KeyPair, CurveError> {
    KeyPair::try_from(PrivateKey::deserialize(&private.0)?)
}

/// The 32 bytes of a public key, without the type byte.
pub(crate) fn public_bytes(pair: &KeyPair) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(pair.public_key.public_key_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use wacore_libsignal::protocol::PublicKey;

    use super::*;

    #[test]
    fn an_independent_client_that_trusts_the_root_can_verify_the_chain() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let keys = ServerSecrets::generate(&mut rng).derive(&mut rng).unwrap();
        let chain = wa::CertChain::decode_from_slice(&keys.cert_chain).unwrap();
        let check = |issuer: &[u8], cert: wa::cert_chain::NoiseCertificate| {
            let details = cert.details.unwrap();
            let issuer = PublicKey::from_djb_public_key_bytes(issuer).unwrap();
            assert!(issuer.verify_signature(&details, &cert.signature.unwrap()));
            wa::cert_chain::noise_certificate::Details::decode_from_slice(&details).unwrap()
        };
        let intermediate = check(&keys.root_public, chain.intermediate.into_option().unwrap());
        let leaf = check(
            &intermediate.key.unwrap(),
            chain.leaf.into_option().unwrap(),
        );
        assert_eq!(leaf.key.unwrap(), public_bytes(&keys.noise));
        assert_eq!(leaf.issuer_serial, intermediate.serial);
    }
}
