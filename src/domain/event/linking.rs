//! The data of what happens while a phone is linked.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::passkey::StageName;

/// `qr`: a code that a phone can scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QrData {
    /// What the QR code holds.
    pub code: String,
    /// The code as a PNG, in a data URL.
    pub image: String,
    /// RFC 3339.
    pub expires_at: String,
    /// 1 for the first code of a pairing.
    pub index: u32,
}

/// `pair_code`: a code to type on the phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PairCodeData {
    /// Eight characters.
    pub code: String,
    /// RFC 3339.
    pub expires_at: String,
}

/// `passkey`: WhatsApp links only after a passkey of the account has signed its challenge; how far that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PasskeyData {
    /// `challenge`: answer it. `answered`: the phone has to go on. `confirm`: the phone shows `code` too; confirm it.
    /// `confirmed`: the link follows.
    pub stage: StageName,
    /// Of `challenge`: WhatsApp's `PublicKeyCredentialRequestOptions`, as `parseRequestOptionsFromJSON` takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub options: Option<Value>,
    /// Of `confirm`: what the phone has to show as well, `XXXX-XXXX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Until when the next step can be taken, RFC 3339.
    pub expires_at: String,
}
