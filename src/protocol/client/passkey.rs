//! What a client does at the passkey gate: hands the answer over, and confirms.

use std::time::Duration;

use whatsapp_rust::passkey::{self, PasskeyError as WaError, build_webauthn_assertion_json};

use super::{Client, QUESTION};
use crate::domain::passkey::Assertion;

/// The gate did not open.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// There is no connection to WhatsApp right now.
    #[error("the session is not connected")]
    NotConnected,
    /// WhatsApp did not say anything.
    #[error("WhatsApp did not answer in time")]
    TimedOut,
    /// WhatsApp, or the phone, does not go on.
    #[error("WhatsApp refused the passkey")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What WhatsApp asks, if it is something that an authenticator understands.
pub(in crate::protocol) fn options(json: &str) -> Option<(serde_json::Value, Option<Duration>)> {
    let asked = passkey::parse_request_options(json).ok()?;
    let options = serde_json::from_str(json).ok()?;
    Some((options, asked.timeout_ms.map(Duration::from_millis)))
}

impl Client {
    /// Answers the challenge.
    pub async fn answer_passkey(&self, assertion: &Assertion) -> Result<(), PasskeyError> {
        let assertion_json = build_webauthn_assertion_json(
            &assertion.credential_id,
            &assertion.client_data,
            &assertion.authenticator_data,
            &assertion.signature,
            assertion.user_handle.as_deref(),
        );
        let answer = passkey::Assertion {
            assertion_json,
            credential_id: assertion.credential_id.clone(),
        };
        self.at_the_gate(self.inner.send_passkey_response(answer))
            .await
    }

    /// Confirms that the phone shows the same code.
    pub async fn confirm_passkey(&self) -> Result<(), PasskeyError> {
        self.at_the_gate(self.inner.send_passkey_confirmation())
            .await
    }

    async fn at_the_gate(
        &self,
        step: impl Future<Output = Result<(), WaError>>,
    ) -> Result<(), PasskeyError> {
        if !self.inner.is_connected() {
            return Err(PasskeyError::NotConnected);
        }
        match tokio::time::timeout(QUESTION, step).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) if !self.inner.is_connected() => Err(PasskeyError::NotConnected),
            Ok(Err(error)) => Err(PasskeyError::Refused(Box::new(error))),
            Err(_) => Err(PasskeyError::TimedOut),
        }
    }
}
