//! What a relying party does with an assertion: the options it asks with, and every check before it believes.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Passkey;

/// Who asks.
const RP_ID: &str = "web.whatsapp.com";
const ORIGIN: &str = "https://web.whatsapp.com";
/// An app on a phone names itself instead of a page.
const APP_ORIGIN: &str = "android:apk-key-hash:";

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 4;
/// Hash of the relying party, flags, counter.
const HEAD: usize = 37;

/// Whether the authenticator has to know its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UserVerification {
    Required,
    Preferred,
    Discouraged,
}

/// Why an assertion is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("it is no assertion")]
    Malformed,
    #[error("it is of another credential")]
    Credential,
    #[error("it is not for this challenge")]
    Challenge,
    #[error("it is for another page")]
    Origin,
    #[error("nobody was there, or was not verified")]
    User,
    #[error("the signature is not that of the passkey")]
    Signature,
}

/// `PublicKeyCredentialRequestOptions`, as JSON.
pub(super) fn options(passkey: &Passkey, challenge: &[u8]) -> String {
    json!({
        "challenge": BASE64.encode(challenge),
        "timeout": passkey.timeout_ms,
        "rpId": RP_ID,
        "allowCredentials": [{
            "type": "public-key",
            "id": BASE64.encode(&passkey.credential_id.0),
            "transports": ["internal", "hybrid"],
        }],
        "userVerification": passkey.user_verification,
    })
    .to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    id: String,
    raw_id: String,
    r#type: String,
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
}

/// Believes an assertion, or says why not.
pub(super) fn verify(
    passkey: &Passkey,
    challenge: &[u8],
    credential: &[u8],
    assertion: &[u8],
) -> Result<(), Fault> {
    let bytes = |text: &str| BASE64.decode(text).map_err(|_| Fault::Malformed);
    let assertion: Assertion = serde_json::from_slice(assertion).map_err(|_| Fault::Malformed)?;
    if assertion.r#type != "public-key" {
        return Err(Fault::Malformed);
    }
    let known = &passkey.credential_id.0;
    let named = [bytes(&assertion.id)?, bytes(&assertion.raw_id)?];
    if credential != known || named.iter().any(|id| id != known) {
        return Err(Fault::Credential);
    }
    let client_data = bytes(&assertion.response.client_data)?;
    let said: Value = serde_json::from_slice(&client_data).map_err(|_| Fault::Malformed)?;
    if said["type"] != "webauthn.get" || said["challenge"] != BASE64.encode(challenge) {
        return Err(Fault::Challenge);
    }
    let origin = said["origin"].as_str().unwrap_or_default();
    if origin != ORIGIN && !origin.starts_with(APP_ORIGIN) {
        return Err(Fault::Origin);
    }
    let data = bytes(&assertion.response.authenticator_data)?;
    if data.len() < HEAD || data[..32] != Sha256::digest(RP_ID)[..] {
        return Err(Fault::Origin);
    }
    let wanted = match passkey.user_verification {
        UserVerification::Required => USER_PRESENT | USER_VERIFIED,
        UserVerification::Preferred | UserVerification::Discouraged => USER_PRESENT,
    };
    if data[32] & wanted != wanted {
        return Err(Fault::User);
    }
    let signed = [&data[..], &Sha256::digest(&client_data)].concat();
    let signature = bytes(&assertion.response.signature)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &passkey.public_key.0)
        .verify(&signed, &signature)
        .map_err(|_| Fault::Signature)
}
