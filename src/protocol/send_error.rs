//! Why a message was not sent.

use std::{error::Error as StdError, time::Duration};

use wacore::store::error::StoreError;
use whatsapp_rust::{
    ClientError, SendError as WaError,
    pair_code::{PairCodeError, PairError},
    request::IqError,
};

/// Until when not to try again after [`SendError::Limited`]: WhatsApp does not say, and lifts the first within minutes.
const RATE: Duration = Duration::from_mins(1);
const REACH_OUT: Duration = Duration::from_hours(1);

/// A message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Not logged in right now.
    #[error("the session is not connected")]
    NotConnected,
    /// WhatsApp has no such account.
    #[error("the recipient is not on WhatsApp")]
    NotOnWhatsApp,
    /// A code that was given earlier can still be typed.
    #[error("a code that was given for another phone can still be typed")]
    CodeOutstanding,
    /// This kind of address cannot be written to.
    #[error("messages cannot be sent to this kind of address")]
    Unsupported,
    /// WhatsApp did not answer in time; whether it got the message is not known.
    #[error("WhatsApp did not answer in time")]
    TimedOut,
    /// The device's keys could not be written, so nothing was sent.
    #[error("the device state could not be written")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A limit of the account, set by WhatsApp.
    #[error("WhatsApp limits this account: {limit}")]
    Limited {
        /// Which.
        limit: Limit,
        /// When to try again at the earliest.
        retry_after: Duration,
    },
    /// The server refused the message with this code.
    #[error("WhatsApp refused the message with code {0}")]
    Nacked(String),
    /// WhatsApp or the library refused.
    #[error("WhatsApp refused the message")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What WhatsApp limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// 429: too many messages.
    Rate,
    /// 463: for some time this account may not write to people who do not know it.
    ReachOut,
    /// 475: no more new chats for now.
    NewChats,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rate => "too many messages",
            Self::ReachOut => "it may not write to people who do not know it",
            Self::NewChats => "it may not begin more chats",
        })
    }
}

impl SendError {
    /// The server's refusal. The codes are those of WhatsApp Web's `NackFromStanza`.
    pub(super) fn nacked(code: String) -> Self {
        let (limit, retry_after) = match code.as_str() {
            "429" => (Limit::Rate, RATE),
            "463" => (Limit::ReachOut, REACH_OUT),
            "475" => (Limit::NewChats, REACH_OUT),
            _ => return Self::Nacked(code),
        };
        Self::Limited { limit, retry_after }
    }

    /// The stable word of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotConnected => "session_not_connected",
            Self::NotOnWhatsApp => "recipient_not_on_whatsapp",
            Self::Unsupported => "invalid_recipient",
            Self::CodeOutstanding => "pair_code_outstanding",
            Self::TimedOut => "whatsapp_timeout",
            Self::Store(_) => "not_stored",
            Self::Limited { limit, .. } => match limit {
                Limit::Rate => "whatsapp_rate_limited",
                Limit::ReachOut => "whatsapp_reach_out_limited",
                Limit::NewChats => "whatsapp_new_chats_limited",
            },
            Self::Nacked(_) | Self::Refused(_) => "whatsapp_refused",
        }
    }

    /// Whether the same message may go through later without anybody doing anything.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::NotConnected | Self::TimedOut | Self::Store(_))
    }
}

impl From<WaError> for SendError {
    fn from(error: WaError) -> Self {
        match error {
            WaError::NotLoggedIn
            | WaError::Client(
                ClientError::NotConnected
                | ClientError::NotLoggedIn
                | ClientError::Socket(_)
                | ClientError::EncryptSend(_),
            )
            | WaError::Iq(
                IqError::NotConnected
                | IqError::Socket(_)
                | IqError::EncryptSend(_)
                | IqError::ClientState(_)
                | IqError::Disconnected(_)
                | IqError::InternalChannelClosed,
            ) => Self::NotConnected,
            WaError::Iq(IqError::Timeout) => Self::TimedOut,
            error if is_of_the_store(&error) => Self::Store(Box::new(error)),
            error => Self::Refused(Box::new(error)),
        }
    }
}

impl From<PairError> for SendError {
    fn from(error: PairError) -> Self {
        match error {
            PairError::PairCode(PairCodeError::CodeAlreadyOutstanding { .. }) => {
                Self::CodeOutstanding
            }
            error => Self::Refused(Box::new(error)),
        }
    }
}

/// The library refuses to send what it could not write first.
fn is_of_the_store(error: &(dyn StdError + 'static)) -> bool {
    let mut layer = Some(error);
    while let Some(error) = layer {
        if error.is::<StoreError>() {
            return true;
        }
        layer = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_whatsapp_has_its_own_word_and_says_when_to_come_back() {
        let limited = SendError::nacked("463".into());
        assert_eq!(limited.code(), "whatsapp_reach_out_limited");
        assert!(
            matches!(limited, SendError::Limited { retry_after, .. } if retry_after == REACH_OUT)
        );
        assert_eq!(
            SendError::nacked("429".into()).code(),
            "whatsapp_rate_limited"
        );
        assert_eq!(SendError::nacked("479".into()).code(), "whatsapp_refused");
    }
}
