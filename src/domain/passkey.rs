//! The passkey gate of linking: how far it is, what WhatsApp asks, and which answer can be one.
//!
//! Pure. Must never decide whether a signature is good: WhatsApp has the key, nobody else. `service` looks at answers
//! here before they are sent, since WhatsApp takes one answer for each challenge.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The gate in front of a session that is being linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// How far it is.
    pub stage: Stage,
    /// Until when the next step can be taken, in milliseconds since 1970.
    pub expires_at: i64,
}

/// How far the gate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// An answer to the challenge is awaited: WhatsApp's `PublicKeyCredentialRequestOptions`.
    Challenge(Value),
    /// The answer is with WhatsApp; the phone has to go on.
    Answered,
    /// The phone shows this code as well; whoever compares them confirms.
    Confirm(String),
    /// It is confirmed; the link follows.
    Confirmed,
}

/// The word of a [`Stage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// An answer is awaited.
    Challenge,
    /// The phone has to go on.
    Answered,
    /// The code has to be confirmed.
    Confirm,
    /// The link follows.
    Confirmed,
}

impl Stage {
    /// Its word.
    pub const fn name(&self) -> StageName {
        match self {
            Self::Challenge(_) => StageName::Challenge,
            Self::Answered => StageName::Answered,
            Self::Confirm(_) => StageName::Confirm,
            Self::Confirmed => StageName::Confirmed,
        }
    }
}

/// A WebAuthn assertion, its parts decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// Which passkey signed.
    pub credential_id: Vec<u8>,
    /// What was signed for which page, as the authenticator's client wrote it.
    pub client_data: Vec<u8>,
    /// What the authenticator says of itself and its user.
    pub authenticator_data: Vec<u8>,
    /// Over both.
    pub signature: Vec<u8>,
    /// Whose passkey it is, if the authenticator says so.
    pub user_handle: Option<Vec<u8>>,
}

/// Why an answer cannot be one to the challenge: the field, and what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrong {
    /// JSON pointer.
    pub pointer: &'static str,
    /// For a person to read.
    pub detail: &'static str,
}

const ID: &str = "/id";
const CLIENT_DATA: &str = "/response/clientDataJSON";
const AUTHENTICATOR_DATA: &str = "/response/authenticatorData";

/// Hash of the relying party, flags, counter.
const HEAD: usize = 37;
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 4;

impl Assertion {
    /// Whether WhatsApp can believe it at all: it is for this challenge, this page, one of these passkeys, and somebody
    /// was there.
    pub fn fits(&self, options: &Value) -> Result<(), Wrong> {
        let wrong = |pointer, detail| Err(Wrong { pointer, detail });
        if !self.is_allowed(options) {
            return wrong(ID, "WhatsApp did not ask for this passkey");
        }
        let Ok(said) = serde_json::from_slice::<Value>(&self.client_data) else {
            return wrong(CLIENT_DATA, "this is no JSON");
        };
        if said["type"] != "webauthn.get" {
            return wrong(
                CLIENT_DATA,
                "this is no answer: its type is not webauthn.get",
            );
        }
        let asked = bytes(&options["challenge"]);
        if asked.is_none() || bytes(&said["challenge"]) != asked {
            return wrong(CLIENT_DATA, "this answers another challenge");
        }
        let Some(flags) = self.authenticator_data.get(32) else {
            return wrong(AUTHENTICATOR_DATA, "this is too short");
        };
        if self.authenticator_data.len() < HEAD {
            return wrong(AUTHENTICATOR_DATA, "this is too short");
        }
        if let Some(page) = options["rpId"].as_str()
            && self.authenticator_data[..32] != Sha256::digest(page)[..]
        {
            return wrong(AUTHENTICATOR_DATA, "this was signed for another page");
        }
        if flags & USER_PRESENT == 0 {
            return wrong(AUTHENTICATOR_DATA, "nobody was there");
        }
        if options["userVerification"] == "required" && flags & USER_VERIFIED == 0 {
            return wrong(AUTHENTICATOR_DATA, "WhatsApp wants the person verified");
        }
        Ok(())
    }

    fn is_allowed(&self, options: &Value) -> bool {
        let allowed = options["allowCredentials"].as_array();
        allowed.is_none_or(|allowed| {
            let mut ids = allowed.iter().map(|one| bytes(&one["id"]));
            allowed.is_empty() || ids.any(|id| id.as_ref() == Some(&self.credential_id))
        })
    }
}

/// base64url, padded or not.
fn bytes(text: &Value) -> Option<Vec<u8>> {
    BASE64.decode(text.as_str()?.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn options() -> Value {
        json!({
            "challenge": BASE64.encode([7; 32]), "rpId": "web.whatsapp.com", "userVerification": "required",
            "allowCredentials": [{"type": "public-key", "id": BASE64.encode(b"key")}],
        })
    }

    fn assertion() -> Assertion {
        let client_data = json!({"type": "webauthn.get", "challenge": BASE64.encode([7; 32])});
        let mut authenticator_data = Sha256::digest("web.whatsapp.com").to_vec();
        authenticator_data.extend([5, 0, 0, 0, 1]);
        Assertion {
            credential_id: b"key".to_vec(),
            client_data: client_data.to_string().into_bytes(),
            authenticator_data,
            signature: vec![1],
            user_handle: None,
        }
    }

    #[test]
    fn an_answer_to_the_challenge_fits() {
        assert_eq!(assertion().fits(&options()), Ok(()));
        let mut anyone = options();
        anyone["allowCredentials"] = json!([]);
        anyone["userVerification"] = json!("preferred");
        let mut unverified = assertion();
        unverified.credential_id = b"other".to_vec();
        unverified.authenticator_data[32] = 1;
        assert_eq!(unverified.fits(&anyone), Ok(()));
    }

    #[test]
    fn what_cannot_be_an_answer_is_told_by_its_field() {
        let spoilt = |spoil: fn(&mut Assertion)| {
            let mut assertion = assertion();
            spoil(&mut assertion);
            assertion.fits(&options()).unwrap_err().pointer
        };
        assert_eq!(spoilt(|a| a.credential_id.clear()), ID);
        assert_eq!(spoilt(|a| a.client_data.clear()), CLIENT_DATA);
        assert_eq!(
            spoilt(|a| a.client_data = br#"{"type":"webauthn.get","challenge":"AAAA"}"#.to_vec()),
            CLIENT_DATA
        );
        assert_eq!(
            spoilt(|a| a.client_data = br#"{"type":"webauthn.create"}"#.to_vec()),
            CLIENT_DATA
        );
        assert_eq!(
            spoilt(|a| a.authenticator_data.truncate(36)),
            AUTHENTICATOR_DATA
        );
        assert_eq!(spoilt(|a| a.authenticator_data.clear()), AUTHENTICATOR_DATA);
        assert_eq!(spoilt(|a| a.authenticator_data[0] ^= 1), AUTHENTICATOR_DATA);
        assert_eq!(spoilt(|a| a.authenticator_data[32] = 1), AUTHENTICATOR_DATA);
        assert_eq!(spoilt(|a| a.authenticator_data[32] = 4), AUTHENTICATOR_DATA);
    }
}
