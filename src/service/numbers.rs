//! Small numbers for faces that show numbers where Wharf has ids.
//!
//! Owns that a number is given once and stays. Must never be a way in: nobody is found by a number.

use entity::ids::UserId;
use sea_orm::DatabaseConnection;
use uuid::Uuid;

use super::Error;
use crate::db;

/// The kind of a user's number.
const USER: &str = "user";

/// How often two that come at once may meet before it is a fault of ours.
const TRIES: usize = 16;

/// Gives numbers. Clones share the table.
#[derive(Debug, Clone)]
pub struct Numbers {
    db: DatabaseConnection,
}

/// Everybody else was faster, each time.
#[derive(Debug, thiserror::Error)]
#[error("no number could be taken in {TRIES} tries")]
struct Crowded;

impl Numbers {
    /// Over the table.
    pub const fn new(db: DatabaseConnection) -> Self {
        Self { db }
    }

    /// The number of a user whom the caller may see.
    pub async fn of_user(&self, user: UserId) -> Result<i64, Error> {
        self.of(USER, user.uuid()).await
    }

    async fn of(&self, kind: &str, subject: Uuid) -> Result<i64, Error> {
        for _ in 0..TRIES {
            if let Some(number) = db::public_numbers::find(&self.db, kind, subject).await? {
                return Ok(number);
            }
            if let Some(number) = db::public_numbers::take(&self.db, kind, subject).await? {
                return Ok(number);
            }
        }
        Err(Error::internal(Crowded))
    }
}
