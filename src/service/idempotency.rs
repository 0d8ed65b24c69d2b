//! Repeated requests: the same `Idempotency-Key` gets the same answer for a day.
//!
//! Owns the rows and their rules. Must never know what the request does.

use sea_orm::DatabaseConnection;
use sha2::{Digest, Sha256};

use super::{Ctx, Error, Fault};
use crate::{db, domain::clock::SharedClock};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A request without an answer for this long belongs to a process that is gone: no handler runs longer.
const ABANDONED_MS: i64 = 90_000;

const MAX_KEY: usize = 255;

/// An answer that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What to do with a request that carries a key.
#[derive(Debug)]
pub enum Claim {
    /// Do it, then [`Idempotency::keep`] or [`Idempotency::release`].
    First(Claimed),
    /// It was done: answer this.
    Done(Kept),
    /// It is being done right now.
    InFlight,
    /// The key belongs to another request.
    Reused,
}

/// The right to do what the key stands for.
#[derive(Debug, Clone)]
pub struct Claimed {
    key: String,
    taken_at: i64,
}

/// Keeps answers.
#[derive(Debug, Clone)]
pub struct Idempotency {
    db: DatabaseConnection,
    clock: SharedClock,
}

impl Idempotency {
    /// Over the table.
    pub fn new(db: DatabaseConnection, clock: SharedClock) -> Self {
        Self { db, clock }
    }

    /// Takes `key` for the request that `parts` (method, path, body) describe. To a credential that is bound to one session, what another
    /// has asked for is another request: its answer may be about a session that this one does not see.
    pub async fn claim(&self, ctx: &Ctx, key: &str, parts: [&[u8]; 3]) -> Result<Claim, Error> {
        if key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::Invalid {
                code: "idempotency_key_invalid",
                faults: vec![Fault::new(
                    "",
                    format!("an Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters"),
                )],
            });
        }
        let bound = ctx.principal.session.map(|only| only.to_string());
        let [method, path, body] = parts;
        let fingerprint = match &bound {
            Some(only) => fingerprint(&[method, path, body, only.as_bytes()]),
            None => fingerprint(&parts),
        };
        let owner = ctx.owner();
        let now = self.clock.now_ms();
        db::idempotency::sweep(&self.db, owner, now - DAY_MS, now - ABANDONED_MS).await?;
        if db::idempotency::insert(&self.db, owner, key, &fingerprint, now).await? {
            return Ok(Claim::First(Claimed {
                key: key.to_owned(),
                taken_at: now,
            }));
        }
        Ok(match db::idempotency::find(&self.db, owner, key).await? {
            Some(row) if row.fingerprint != fingerprint => Claim::Reused,
            Some(row) => match (row.status.and_then(|s| u16::try_from(s).ok()), row.body) {
                (Some(status), Some(body)) => Claim::Done(Kept { status, body }),
                _ => Claim::InFlight,
            },
            // It was released in between; the caller may come again.
            None => Claim::InFlight,
        })
    }

    /// Keeps the answer.
    pub async fn keep(&self, ctx: &Ctx, claimed: Claimed, answer: Kept) -> Result<(), Error> {
        let Claimed { key, taken_at } = claimed;
        let answer = (i32::from(answer.status), answer.body);
        db::idempotency::finish(&self.db, ctx.owner(), &key, taken_at, answer).await?;
        Ok(())
    }

    /// Frees the key: nothing was done, so the request may come again.
    pub async fn release(&self, ctx: &Ctx, claimed: Claimed) -> Result<(), Error> {
        let Claimed { key, taken_at } = claimed;
        db::idempotency::release(&self.db, ctx.owner(), &key, taken_at).await?;
        Ok(())
    }
}

/// Each part behind its length, so that no two requests read the same.
fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_that_differ_in_any_part_have_different_fingerprints() {
        let one = fingerprint(&[b"POST", b"/a", b"bc"]);
        assert_eq!(one, fingerprint(&[b"POST", b"/a", b"bc"]));
        assert_ne!(one, fingerprint(&[b"POST", b"/ab", b"c"]));
        assert_ne!(one, fingerprint(&[b"POST", b"/a", b"bd"]));
        assert_ne!(one, fingerprint(&[b"POST", b"/a", b"bc", b""]));
    }
}
