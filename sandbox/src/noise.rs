//! The responder's side of the three Noise patterns: XX (first contact), IK (a device that knows our key)
//! and XXfallback (it knows a wrong one). Owns nothing but the arithmetic; the socket brings the frames.

use buffa::Message as _;
use wacore_binary::consts::{
    NOISE_PATTERN_IK, NOISE_PATTERN_XX, NOISE_PATTERN_XXFALLBACK, WA_CONN_HEADER,
};
use wacore_libsignal::protocol::KeyPair;
use wacore_noise::{HandshakeError, NoiseCipher, NoiseHandshake};
use waproto::whatsapp::{self as wa, HandshakeMessage};

use crate::keys::{ServerKeys, public_bytes};

/// Why a handshake was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoiseRefusal {
    #[error("the {0} is missing or malformed")]
    Malformed(&'static str),
    #[error("the handshake does not decrypt")]
    Crypto(#[from] HandshakeError),
}

/// A finished handshake: who speaks, what they said, and the ciphers.
pub(crate) struct Established {
    pub(crate) send: NoiseCipher,
    pub(crate) receive: NoiseCipher,
    pub(crate) client_static: [u8; 32],
    pub(crate) payload: wa::ClientPayload,
}

/// What to do after the client's first message: send `hello`, then perhaps wait for a finish.
pub(crate) enum Hello {
    Done {
        hello: Vec<u8>,
        established: Box<Established>,
    },
    AwaitFinish {
        hello: Vec<u8>,
        pending: Box<PendingXx>,
    },
}

/// XX or XXfallback after the server's hello.
pub(crate) struct PendingXx {
    noise: NoiseHandshake,
    ephemeral: KeyPair,
}

/// Answers a ClientHello. `ephemeral` is the server's, fresh for this connection.
pub(crate) fn answer(
    keys: &ServerKeys,
    ephemeral: KeyPair,
    client_hello: &[u8],
) -> Result<Hello, NoiseRefusal> {
    let hello = HandshakeMessage::decode_from_slice(client_hello)
        .ok()
        .and_then(|m| m.client_hello.into_option())
        .ok_or(NoiseRefusal::Malformed("client hello"))?;
    let client_ephemeral = hello
        .ephemeral
        .ok_or(NoiseRefusal::Malformed("client ephemeral"))?;
    let (Some(sealed_static), Some(sealed_payload)) = (hello.r#static, hello.payload) else {
        return xx(keys, ephemeral, &client_ephemeral, NOISE_PATTERN_XX);
    };
    // The client may have sealed to a key that is no longer ours: only decrypting tells.
    match ik(
        keys,
        &ephemeral,
        &client_ephemeral,
        &sealed_static,
        &sealed_payload,
    ) {
        Err(NoiseRefusal::Crypto(_)) => {
            xx(keys, ephemeral, &client_ephemeral, NOISE_PATTERN_XXFALLBACK)
        }
        done => done,
    }
}

fn ik(
    keys: &ServerKeys,
    ephemeral: &KeyPair,
    client_ephemeral: &[u8],
    sealed_static: &[u8],
    sealed_payload: &[u8],
) -> Result<Hello, NoiseRefusal> {
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER)?;
    noise.authenticate(&public_bytes(&keys.noise));
    noise.authenticate(client_ephemeral);
    noise.mix_shared_secret(keys.noise.private_key.serialize(), client_ephemeral)?;
    let client_static = key(noise.decrypt(sealed_static)?)?;
    noise.mix_shared_secret(keys.noise.private_key.serialize(), &client_static)?;
    let payload = client_payload(&noise.decrypt(sealed_payload)?)?;

    noise.authenticate(&public_bytes(ephemeral));
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    noise.mix_shared_secret(ephemeral.private_key.serialize(), &client_static)?;
    let sealed_cert = noise.encrypt(&keys.cert_chain)?;
    let hello = server_hello(ephemeral, None, sealed_cert);
    let (receive, send) = noise.finish()?;
    let established = Box::new(Established {
        send,
        receive,
        client_static,
        payload,
    });
    Ok(Hello::Done { hello, established })
}

fn xx(
    keys: &ServerKeys,
    ephemeral: KeyPair,
    client_ephemeral: &[u8],
    pattern: &str,
) -> Result<Hello, NoiseRefusal> {
    let mut noise = NoiseHandshake::new(pattern, &WA_CONN_HEADER)?;
    noise.authenticate(client_ephemeral);
    noise.authenticate(&public_bytes(&ephemeral));
    noise.mix_shared_secret(ephemeral.private_key.serialize(), client_ephemeral)?;
    let sealed_static = noise.encrypt(&public_bytes(&keys.noise))?;
    noise.mix_shared_secret(keys.noise.private_key.serialize(), client_ephemeral)?;
    let sealed_cert = noise.encrypt(&keys.cert_chain)?;
    let hello = server_hello(&ephemeral, Some(sealed_static), sealed_cert);
    Ok(Hello::AwaitFinish {
        hello,
        pending: Box::new(PendingXx { noise, ephemeral }),
    })
}

impl PendingXx {
    pub(crate) fn finish(mut self, client_finish: &[u8]) -> Result<Established, NoiseRefusal> {
        let finish = HandshakeMessage::decode_from_slice(client_finish)
            .ok()
            .and_then(|m| m.client_finish.into_option())
            .ok_or(NoiseRefusal::Malformed("client finish"))?;
        let (Some(sealed_static), Some(sealed_payload)) = (finish.r#static, finish.payload) else {
            return Err(NoiseRefusal::Malformed("client finish"));
        };
        let client_static = key(self.noise.decrypt(&sealed_static)?)?;
        self.noise
            .mix_shared_secret(self.ephemeral.private_key.serialize(), &client_static)?;
        let payload = client_payload(&self.noise.decrypt(&sealed_payload)?)?;
        // `finish` names the ciphers from the initiator's side.
        let (receive, send) = self.noise.finish()?;
        Ok(Established {
            send,
            receive,
            client_static,
            payload,
        })
    }
}

fn server_hello(ephemeral: &KeyPair, sealed_static: Option<Vec<u8>>, cert: Vec<u8>) -> Vec<u8> {
    HandshakeMessage {
        server_hello: buffa::MessageField::some(wa::handshake_message::ServerHello {
            ephemeral: Some(public_bytes(ephemeral).to_vec()),
            r#static: sealed_static,
            payload: Some(cert),
            ..Default::default()
        }),
        ..Default::default()
    }
    .encode_to_vec()
}

fn key(bytes: Vec<u8>) -> Result<[u8; 32], NoiseRefusal> {
    bytes
        .try_into()
        .map_err(|_| NoiseRefusal::Malformed("client static key"))
}

fn client_payload(bytes: &[u8]) -> Result<wa::ClientPayload, NoiseRefusal> {
    wa::ClientPayload::decode_from_slice(bytes)
        .map_err(|_| NoiseRefusal::Malformed("client payload"))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use wacore_noise::{IkHandshakeState, IkServerHelloOutcome, XxFallbackHandshakeState};

    use super::*;
    use crate::keys::ServerSecrets;

    #[test]
    fn a_client_that_knows_a_key_we_no_longer_have_falls_back_to_xx() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(2);
        let keys = ServerSecrets::generate(&mut rng).derive(&mut rng).unwrap();
        let stale = public_bytes(&KeyPair::generate(&mut rng));
        let client = KeyPair::generate(&mut rng);
        let payload = wa::ClientPayload {
            username: Some(49),
            ..Default::default()
        };
        let mut ik = IkHandshakeState::new(
            client.clone(),
            stale,
            payload.encode_to_vec(),
            &WA_CONN_HEADER,
        )
        .unwrap();
        let hello = ik.build_client_hello().unwrap();

        let answered = answer(&keys, KeyPair::generate(&mut rng), &hello).unwrap();
        let Hello::AwaitFinish { hello, pending } = answered else {
            panic!("fell through IK")
        };
        let IkServerHelloOutcome::Fallback(inputs) = ik.read_server_hello(&hello).unwrap() else {
            panic!("the client accepted IK")
        };
        let mut fallback =
            XxFallbackHandshakeState::from_ik_failure(*inputs, &WA_CONN_HEADER).unwrap();
        // This crate is compiled without the switch that skips the chain check in some builds and with it in
        // others, so either the finish is built or the foreign root is named.
        match fallback.build_client_finish() {
            Ok(finish) => {
                let established = pending.finish(&finish).unwrap();
                assert_eq!(established.client_static, public_bytes(&client));
                assert_eq!(established.payload.username, Some(49));
            }
            Err(refused) => assert!(refused.to_string().contains("signature"), "{refused}"),
        }
    }
}
