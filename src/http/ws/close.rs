//! Why a socket ends from our side, and what it is told then.
//!
//! Owns the close codes of the contract. [`super::conversation`] sends them.

use std::time::Duration;

use axum::extract::ws::CloseFrame;
use tokio_tungstenite::tungstenite;

use super::{super::live::End, MAX_INBOUND_BYTES, pulse};
use crate::service::Error;

/// How long the other end may take to answer a close.
pub(super) const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// How long a stalled reader may take to get to the close, which stands behind what is on its way already.
const WAKE_WITHIN: Duration = Duration::from_secs(10);

/// Why a socket ends from our side.
#[derive(Debug, Clone, Copy)]
pub(super) enum Close {
    Drain,
    Expired,
    Stalled,
    /// It talks more than anybody has to.
    Chatty,
    Deleted,
    Failed,
    /// It sent what cannot be taken.
    Refused(Refusal),
    /// The other end went away.
    Gone,
}

/// Why a message of the other end cannot be taken.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    Large,
    NotUtf8,
    Malformed,
}

impl From<End> for Close {
    fn from(end: End) -> Self {
        match end {
            End::Drain => Self::Drain,
            End::Expired => Self::Expired,
            End::Deleted => Self::Deleted,
        }
    }
}

impl From<axum::Error> for Close {
    fn from(error: axum::Error) -> Self {
        // One type as long as axum has the version that we have, which the route tests notice.
        match error.into_inner().downcast_ref::<tungstenite::Error>() {
            Some(tungstenite::Error::Capacity(_)) => Self::Refused(Refusal::Large),
            Some(tungstenite::Error::Utf8(_)) => Self::Refused(Refusal::NotUtf8),
            Some(tungstenite::Error::Protocol(_)) => Self::Refused(Refusal::Malformed),
            _ => Self::Gone,
        }
    }
}

impl From<Error> for Close {
    fn from(error: Error) -> Self {
        if matches!(error, Error::NotFound { .. }) {
            return Self::Deleted;
        }
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a socket could not read its log"
        );
        Self::Failed
    }
}

impl Close {
    /// How long the goodbye may take.
    pub(super) const fn patience(self) -> Duration {
        match self {
            Self::Stalled => WAKE_WITHIN,
            _ => CLOSE_WITHIN,
        }
    }

    /// The code of the contract, and what is said with it. A socket of many sessions has no one number to tell.
    pub(super) fn frame(self, last_seq: Option<i64>) -> Option<CloseFrame> {
        let reached = last_seq.map_or_else(String::new, |seq| format!("; last_seq={seq}"));
        let (code, reason) = match self {
            Self::Drain => (1012, format!("the service restarts{reached}")),
            Self::Expired => (4401, "the credential has ended".to_owned()),
            Self::Stalled => (4008, format!("too slow{reached}")),
            Self::Chatty => (
                1008,
                format!("more than {} messages a second", pulse::MESSAGES),
            ),
            Self::Deleted => (4404, "the session is gone".to_owned()),
            Self::Failed => (1011, format!("failed inside{reached}")),
            Self::Refused(Refusal::Large) => (
                1009,
                format!("a message has more than {MAX_INBOUND_BYTES} bytes"),
            ),
            Self::Refused(Refusal::NotUtf8) => (1007, "a text is not UTF-8".to_owned()),
            Self::Refused(Refusal::Malformed) => (1002, "not the WebSocket protocol".to_owned()),
            Self::Gone => return None,
        };
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }
}
