//! A passkey in software: a key on P-256 that signs what a relying party asks for, as a browser's would.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Present and verified.
const FLAGS: u8 = 1 | 4;

/// One passkey.
pub(crate) struct Authenticator {
    id: Vec<u8>,
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Authenticator {
    pub(crate) fn new(id: &[u8]) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self {
            id: id.to_vec(),
            key: EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap(),
            random,
        }
    }

    /// What a relying party keeps of it.
    pub(crate) fn registration(&self) -> Value {
        json!({
            "credential_id": BASE64.encode(&self.id),
            "public_key": BASE64.encode(self.key.public_key().as_ref()),
        })
    }

    /// `navigator.credentials.get`, then `toJSON`.
    pub(crate) fn answer(&self, options: &Value) -> Value {
        self.answer_for(options, options["rpId"].as_str().unwrap())
    }

    /// The same on another page.
    pub(crate) fn answer_for(&self, options: &Value, page: &str) -> Value {
        let said = json!({
            "type": "webauthn.get",
            "challenge": options["challenge"],
            "origin": format!("https://{page}"),
            "crossOrigin": false,
        });
        let said = said.to_string();
        let mut data = Sha256::digest(page).to_vec();
        data.extend([FLAGS, 0, 0, 0, 0]);
        let signed = [&data[..], &Sha256::digest(&said)].concat();
        let signature = self.key.sign(&self.random, &signed).unwrap();
        let id = BASE64.encode(&self.id);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "cross-platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(said),
                "authenticatorData": BASE64.encode(data),
                "signature": BASE64.encode(signature),
                "userHandle": null,
            },
        })
    }
}
