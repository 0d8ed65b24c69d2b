//! Why a socket ends from our side, and what it is told then.
//!
//! Owns the close codes of the contract. [`super::conversation`] sends them.

use std::time::Duration;

use axum::extract::ws::CloseFrame;

use super::{super::live::End, pulse};
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
    /// The other end went away.
    Gone,
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
            Self::Gone => return None,
        };
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }
}
