//! What a session's client or its manager could not do, as an answer.

use super::{Error, Fault};
use crate::{protocol::SendError, session::ManagerError};

/// Why a message was not sent or a code not given.
pub(super) fn send_error(error: SendError) -> Error {
    match error {
        SendError::NotConnected => Error::NotReady {
            code: "session_not_connected",
            detail: "the session is not connected".to_owned(),
        },
        SendError::NotOnWhatsApp => Error::Invalid {
            code: "recipient_not_on_whatsapp",
            faults: vec![Fault::new("/to", "this number is not on WhatsApp")],
        },
        SendError::CodeOutstanding => Error::NotReady {
            code: error.code(),
            detail: error.to_string(),
        },
        SendError::Unsupported => Error::Invalid {
            code: "invalid_recipient",
            faults: vec![Fault::new(
                "/to",
                "messages cannot be sent to this kind of address",
            )],
        },
        SendError::TimedOut => Error::Upstream {
            code: "whatsapp_timeout",
            detail: "WhatsApp did not answer in time".to_owned(),
        },
        SendError::Store(source) => {
            tracing::warn!(
                error = source.as_ref() as &dyn std::error::Error,
                "a device state could not be written, so nothing was sent"
            );
            Error::Unavailable {
                code: "not_stored",
                detail: "the device state could not be written, so nothing was sent; try again",
            }
        }
        SendError::Limited { retry_after, .. } => Error::Limited {
            code: error.code(),
            detail: error.to_string(),
            retry_after,
        },
        SendError::Nacked(_) => Error::Upstream {
            code: error.code(),
            detail: error.to_string(),
        },
        SendError::Refused(source) => {
            tracing::warn!(
                error = source.as_ref() as &dyn std::error::Error,
                "WhatsApp refused a request"
            );
            Error::Upstream {
                code: "whatsapp_refused",
                detail: "WhatsApp refused the request".to_owned(),
            }
        }
    }
}

impl From<ManagerError> for Error {
    fn from(error: ManagerError) -> Self {
        match error {
            ManagerError::Stuck => Self::Unavailable {
                code: "session_busy",
                detail: "the session did not end in time; try again",
            },
            other => Self::internal(other),
        }
    }
}
