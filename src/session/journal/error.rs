//! What a session could not write, and why.

use std::sync::Arc;

use sea_orm::DbErr;

use crate::{db::fence::FenceError, seal::SealError};

/// What a session could not write. Writes that shared a transaction share its fault.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// Another owner has the session now.
    #[error("the session is held by another owner now")]
    Fenced,
    /// The database failed.
    #[error("the database failed")]
    Db(#[source] Arc<DbErr>),
    /// An event could not be written as JSON.
    #[error("an event could not be written as JSON")]
    Json(#[source] Arc<serde_json::Error>),
    /// A secret could not be sealed.
    #[error("a secret could not be sealed")]
    Seal(#[source] Arc<SealError>),
    /// The process ends, or the write panicked.
    #[error("the write was given up")]
    GivenUp,
}

impl From<DbErr> for JournalError {
    fn from(error: DbErr) -> Self {
        Self::Db(Arc::new(error))
    }
}

impl From<serde_json::Error> for JournalError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(Arc::new(error))
    }
}

impl From<SealError> for JournalError {
    fn from(error: SealError) -> Self {
        Self::Seal(Arc::new(error))
    }
}

impl From<FenceError> for JournalError {
    fn from(error: FenceError) -> Self {
        match error {
            FenceError::Stale => Self::Fenced,
            FenceError::Db(error) => error.into(),
        }
    }
}
