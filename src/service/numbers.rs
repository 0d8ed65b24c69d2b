//! Small numbers for faces that show numbers where Wharf has ids.
//!
//! Owns that a number is given once and stays. Must never be a way in: what a number stands for is shown to whoever may see it
//! anyway, which the finders decide.

use std::collections::HashMap;

use entity::ids::{MessageRowId, SessionId, UserId};
use sea_orm::DatabaseConnection;
use uuid::Uuid;

use super::Error;
use crate::db::{
    self,
    public_numbers::{SESSION, USER},
};

/// From when the numbers of messages count, in milliseconds since 1970: the start of 2024.
const FIRST_MESSAGE: i64 = 1_704_067_200_000;
/// What tells messages of one millisecond apart: with 40 bits of time it makes the 53 that a number in JSON holds.
const APART_BITS: u32 = 13;

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

    /// The number of a session that the caller may see.
    pub async fn of_session(&self, session: SessionId) -> Result<i64, Error> {
        self.of(SESSION, session.uuid()).await
    }

    /// The numbers of sessions that the caller may see.
    pub async fn of_sessions(
        &self,
        sessions: &[SessionId],
    ) -> Result<HashMap<SessionId, i64>, Error> {
        let subjects = sessions.iter().map(|session| session.uuid());
        let known = db::public_numbers::of_many(&self.db, SESSION, subjects).await?;
        let known = known.into_iter();
        let mut numbers: HashMap<_, _> =
            known.map(|(id, number)| (SessionId(id), number)).collect();
        for session in sessions {
            if !numbers.contains_key(session) {
                numbers.insert(*session, self.of_session(*session).await?);
            }
        }
        Ok(numbers)
    }

    /// The session of this number, whoever owns it: for the finders alone.
    pub async fn session(&self, number: i64) -> Result<Option<SessionId>, Error> {
        let found = db::public_numbers::by_number(&self.db, SESSION, number).await?;
        Ok(found.map(SessionId))
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

/// The number of a message: when it was written, and a few bits of its id. It is computed, so that a message costs no row for it.
///
/// Two messages of one session and one millisecond have the same number once in 8,192 times; whoever looks for one of them is
/// told that it is not clear which (`Messages::numbered`).
pub fn of_message(id: MessageRowId) -> i64 {
    let at = (id.at_ms() - FIRST_MESSAGE).max(0);
    (at << APART_BITS) | apart(id)
}

/// The millisecond that is in the number of a message; none if it is the number of none.
pub(super) fn millisecond(number: i64) -> Option<i64> {
    (number > 0).then(|| (number >> APART_BITS) + FIRST_MESSAGE)
}

/// Each bit of the id counts: those that were made at the same time differ in few.
fn apart(id: MessageRowId) -> i64 {
    let mixed = id.uuid().as_u128();
    let folded = u64::try_from(mixed >> 64).unwrap_or(0)
        ^ u64::try_from(mixed & u128::from(u64::MAX)).unwrap_or(0);
    // The multiplier of Fibonacci hashing: it carries every bit up to the top.
    let spread = folded.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    i64::try_from(spread >> (64 - APART_BITS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_message_fits_into_json_and_tells_its_millisecond() {
        let id = MessageRowId::new();
        let number = of_message(id);
        assert!(number > 0 && number < 1 << 53, "{number}");
        assert_eq!(millisecond(number), Some(id.at_ms()));
        assert_eq!((millisecond(0), millisecond(-1)), (None, None));
    }

    #[test]
    fn messages_of_one_moment_have_different_numbers() {
        let numbers: std::collections::HashSet<i64> =
            (0..100).map(|_| of_message(MessageRowId::new())).collect();
        assert!(numbers.len() >= 90, "{}", numbers.len());
    }
}
