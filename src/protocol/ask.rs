//! A question to WhatsApp that is no message: asked within a time, answered or refused.
//!
//! Owns why it was not answered, whatever part of the library was asked. Must never be asked twice by itself: the
//! caller knows whether that does harm.

use std::{error::Error as StdError, time::Duration};

use futures_util::future::BoxFuture;
use wacore_binary::Jid;

use super::client::{Client, QUESTION};
use crate::domain::address::Party;

/// Until when not to ask again after too many questions, when WhatsApp does not say.
const RATE: Duration = Duration::from_mins(1);

/// A question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Not logged in right now.
    #[error("the session is not connected")]
    NotConnected,
    /// WhatsApp did not answer in time; whether it did what it was asked to is not known.
    #[error("WhatsApp did not answer in time")]
    TimedOut,
    /// Too many questions.
    #[error("WhatsApp limits how much this account may ask")]
    Limited {
        /// When to ask again at the earliest.
        retry_after: Duration,
    },
    /// WhatsApp said no, with this code.
    #[error("WhatsApp refused the request with code {0}")]
    Denied(u16),
    /// The library refused, or did not understand the answer.
    #[error("the request could not be made or its answer not be read")]
    Refused(#[source] Box<dyn StdError + Send + Sync>),
}

impl AskError {
    /// A refusal by its code alone.
    pub(super) const fn denied(code: u16) -> Self {
        match code {
            429 => Self::Limited { retry_after: RATE },
            code => Self::Denied(code),
        }
    }

    fn of<E: StdError + Send + Sync + 'static>(error: E) -> Self {
        // In here alone: its methods clash with those that the derive above calls.
        use whatsapp_rust::ErrorChainExt as _;
        if let Some(rejection) = error.server_rejection() {
            return match rejection.code {
                429 => Self::Limited {
                    retry_after: rejection
                        .backoff
                        .map_or(RATE, |seconds| Duration::from_secs(seconds.into())),
                },
                code => Self::Denied(code),
            };
        }
        if error.is_timeout() {
            Self::TimedOut
        } else if error.is_transport_unavailable() {
            Self::NotConnected
        } else {
            Self::Refused(Box::new(error))
        }
    }
}

impl Client {
    /// Boxed, and so of a type that says nothing: what the library makes of a question is kilobytes deep, and the compiler would
    /// walk through it again for each verb above that asks one.
    pub(super) fn ask<'q, T, E>(
        &'q self,
        question: impl Future<Output = Result<T, E>> + Send + 'q,
    ) -> BoxFuture<'q, Result<T, AskError>>
    where
        T: Send + 'q,
        E: StdError + Send + Sync + 'static,
    {
        Box::pin(async move {
            if !self.is_ready() {
                return Err(AskError::NotConnected);
            }
            match tokio::time::timeout(QUESTION, question).await {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(error)) => Err(AskError::of(error)),
                Err(_) => Err(AskError::TimedOut),
            }
        })
    }

    /// A person by both numbers, as far as they are known here; nobody is asked.
    pub(super) async fn person(&self, jid: &Jid, alt: Option<&Jid>) -> Party {
        let known = super::convert::party(jid, alt);
        if known.phone.is_some() && known.lid.is_some() {
            return known;
        }
        match self.inner.get_lid_pn_entry(&jid.to_non_ad()).await {
            Ok(Some(entry)) => Party::person(
                Some(entry.phone_number.to_string()),
                Some(format!("{}@lid", entry.lid)),
            ),
            Ok(None) | Err(_) => known,
        }
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::IqError;

    use super::*;

    fn said(code: u16, backoff: Option<u32>) -> AskError {
        AskError::of(IqError::ServerError {
            code,
            text: "no".to_owned(),
            error_type: None,
            backoff,
        })
    }

    #[test]
    fn a_refusal_keeps_its_code_and_a_limit_says_when_to_come_back() {
        assert!(matches!(said(403, None), AskError::Denied(403)));
        let limited = said(429, Some(7));
        let wait = Duration::from_secs(7);
        assert!(matches!(limited, AskError::Limited { retry_after } if retry_after == wait));
    }

    #[test]
    fn silence_and_a_lost_connection_are_told_apart() {
        assert!(matches!(AskError::of(IqError::Timeout), AskError::TimedOut));
        let lost = AskError::of(IqError::NotConnected);
        assert!(matches!(lost, AskError::NotConnected));
    }
}
