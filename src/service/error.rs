//! The one vocabulary of what can go wrong for a caller; each face maps it in one exhaustive match.

use std::{error::Error as StdError, time::Duration};

use crate::{db, domain::principal::Scope};

/// One fault of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer to the field, `/to` for instance.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Fault {
    /// A fault of the field at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }
}

/// Why a verb did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such thing, or it is somebody else's: the two are not told apart.
    #[error("there is no such {what}")]
    NotFound {
        /// `session`, `user`, `webhook`, …; the code is `<what>_not_found`.
        what: &'static str,
    },
    /// It clashes with what is there.
    #[error("{detail}")]
    Conflict {
        /// A stable word.
        code: &'static str,
        /// For a person to read.
        detail: String,
    },
    /// The input is wrong.
    #[error("the request is not valid")]
    Invalid {
        /// A stable word; `validation_failed` unless there is a closer one.
        code: &'static str,
        /// Each fault with its field.
        faults: Vec<Fault>,
    },
    /// It could be done, but not in the state that things are in.
    #[error("{detail}")]
    NotReady {
        /// A stable word, such as `session_not_connected`.
        code: &'static str,
        /// For a person to read.
        detail: String,
    },
    /// Who asks is unknown: no credential, or one that is not valid.
    #[error("{detail}")]
    Unauthenticated {
        /// A stable word: `token_missing`, `token_expired`, `token_invalid`, `credentials_invalid`.
        code: &'static str,
        /// For a person to read.
        detail: &'static str,
    },
    /// The credential does not allow it.
    #[error("this needs the scope {scope}")]
    Forbidden {
        /// What is missing.
        scope: Scope,
    },
    /// The linked account may not do it on WhatsApp.
    #[error("{detail}")]
    Denied {
        /// A stable word, such as `not_group_admin`.
        code: &'static str,
        /// For a person to read.
        detail: String,
    },
    /// A limit of the account.
    #[error("{detail}")]
    Quota {
        /// A stable word, such as `session_limit_reached`.
        code: &'static str,
        /// For a person to read.
        detail: String,
    },
    /// It is larger than it may be.
    #[error("{detail}")]
    TooLarge {
        /// A stable word, such as `media_too_large`.
        code: &'static str,
        /// For a person to read.
        detail: String,
    },
    /// Too many, too fast.
    #[error("too many requests")]
    RateLimited {
        /// When to come back.
        retry_after: Duration,
    },
    /// A limit that WhatsApp has set for the account.
    #[error("{detail}")]
    Limited {
        /// A stable word, such as `whatsapp_reach_out_limited`.
        code: &'static str,
        /// For a person to read.
        detail: String,
        /// When to come back at the earliest.
        retry_after: Duration,
    },
    /// WhatsApp refused it, or did not answer.
    #[error("{detail}")]
    Upstream {
        /// A stable word.
        code: &'static str,
        /// For a person to read.
        detail: String,
    },
    /// The service cannot do it right now.
    #[error("{detail}")]
    Unavailable {
        /// A stable word.
        code: &'static str,
        /// For a person to read.
        detail: &'static str,
    },
    /// The database is away, locked or out of space. The source goes to the log, never to the caller.
    #[error("the database cannot be used right now; try again")]
    Database(#[source] Box<dyn StdError + Send + Sync>),
    /// Our fault. The source goes to the log, never to the caller.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl Error {
    /// A refusal that the state of things gives, by its stable word.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::Conflict { code, detail }
    }

    /// One fault of one field.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid {
            code: "validation_failed",
            faults: vec![Fault::new(pointer, detail)],
        }
    }

    /// Our fault, or that of a database that cannot be used, with its source.
    pub fn internal(source: impl StdError + Send + Sync + 'static) -> Self {
        if db::is_away(&source) {
            return Self::Database(Box::new(source));
        }
        Self::Internal(Box::new(source))
    }
}

impl From<sea_orm::DbErr> for Error {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::internal(error)
    }
}
