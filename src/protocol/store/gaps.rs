//! Knowing what is not stored, without asking for each.
//!
//! The first message to a large group wants the devices of each member, the ratchet and the identity of each device, and to forget what may be
//! stored under a member's other address, one by one; and hardly any of it is there: thousands of questions, and a thousand writes that
//! remove nothing. After some misses in a row the keys that are stored are read at once, and what is not among them is answered from
//! here. They are known until the next write of the store begins, which is how such a message ends. The store alone writes what
//! is its session's, so until then nothing can make them untrue.

use std::sync::{Mutex, MutexGuard, PoisonError};

use entity::{wa_device_lists, wa_identities, wa_signal_sessions};
use sea_orm::QuerySelect as _;
use zeroize::Zeroizing;

use super::{
    Error, Store,
    rows::{SealedTable, Sure as _},
};
use crate::seal::Tag;

/// Misses between two writes after which all keys are read.
const MISSES: u32 = 32;

/// The most keys of a kind that are remembered, at four bytes each; where more are stored, each is asked for.
const MOST: usize = 16_384;

/// What is known of each kind of key.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    identities: Kind,
    ratchets: Kind,
    users: Kind,
    device_lists: Kind,
}

impl Gaps {
    /// A write begins: what was known may not be true any more.
    pub(super) fn close(&self) {
        for kind in self.each() {
            *kind.lock() = State::Closed;
        }
    }

    /// It is committed.
    pub(super) fn reopen(&self) {
        for kind in self.each() {
            *kind.lock() = State::default();
        }
    }

    const fn each(&self) -> [&Kind; 4] {
        [
            &self.identities,
            &self.ratchets,
            &self.users,
            &self.device_lists,
        ]
    }
}

/// What is known of one kind.
#[derive(Debug, Default)]
pub(super) struct Kind(Mutex<State>);

#[derive(Debug)]
enum State {
    /// Nothing; so many questions were in vain since the last write.
    Missed(u32),
    /// The marks of all keys that are stored, in order.
    Stored(Box<[u32]>),
    /// A write goes on, or nobody knows how it ended, or there are too many: the database is asked until one has ended well.
    Closed,
}

impl Default for State {
    fn default() -> Self {
        Self::Missed(0)
    }
}

impl Kind {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn missed(&self) {
        if let State::Missed(times) = &mut *self.lock() {
            *times += 1;
        }
    }

    fn are_due(&self) -> bool {
        matches!(*self.lock(), State::Missed(times) if times >= MISSES)
    }

    /// Whether `key` is surely not stored.
    fn lacks(&self, key: &Tag) -> bool {
        matches!(&*self.lock(), State::Stored(marks) if marks.binary_search(&mark(key)).is_err())
    }
}

/// Four bytes of a keyed hash: two that agree cost a question.
fn mark(key: &[u8]) -> u32 {
    let bytes = key.iter().take(4);
    bytes.fold(0, |mark, byte| mark << 8 | u32::from(*byte))
}

/// A table that is often asked for what is not in it.
pub(super) trait Sparse: SealedTable {
    fn kind(gaps: &Gaps) -> &Kind;
}

impl Sparse for wa_device_lists::Entity {
    fn kind(gaps: &Gaps) -> &Kind {
        &gaps.device_lists
    }
}

impl Sparse for wa_identities::Entity {
    fn kind(gaps: &Gaps) -> &Kind {
        &gaps.identities
    }
}

impl Sparse for wa_signal_sessions::Entity {
    fn kind(gaps: &Gaps) -> &Kind {
        &gaps.ratchets
    }
}

/// A table of what belongs to an address, which is also found by the address's user.
pub(super) trait Addressed: Sparse {
    const USER_TAG: Self::Column;
}

impl Addressed for wa_identities::Entity {
    const USER_TAG: Self::Column = wa_identities::Column::UserTag;
}

impl Addressed for wa_signal_sessions::Entity {
    const USER_TAG: Self::Column = wa_signal_sessions::Column::UserTag;
}

impl Store {
    /// The value of the row `key`, which is likely not there.
    pub(super) async fn find<T: Sparse>(
        &self,
        key: &Tag,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        if self.is_gap::<T>(key).await? {
            return Ok(None);
        }
        let found = self.get::<T>(&self.db, key).await?;
        if found.is_none() {
            T::kind(&self.gaps).missed();
        }
        Ok(found)
    }

    /// Remove the row `key`, which is likely not there: then nothing is locked.
    pub(super) async fn forget<T: Sparse>(&self, key: &Tag) -> Result<(), Error> {
        if self.is_gap::<T>(key).await? {
            return Ok(());
        }
        if self.has::<T>(key).await? {
            self.remove::<T>(key).await?;
        } else {
            T::kind(&self.gaps).missed();
        }
        Ok(())
    }

    /// Whether anything is stored of an address of the user with `tag`.
    pub(super) async fn knows_user(&self, tag: &Tag) -> Result<bool, Error> {
        type Ratchets = wa_signal_sessions::Entity;
        type Identities = wa_identities::Entity;
        let users = &self.gaps.users;
        if users.are_due() {
            let tags = async {
                let mut tags = self.all_of::<Ratchets>(Ratchets::USER_TAG).await?;
                tags.extend(self.all_of::<Identities>(Identities::USER_TAG).await?);
                Ok(tags)
            };
            self.learn(users, tags).await?;
        }
        if users.lacks(tag) {
            return Ok(false);
        }
        let knows = self.has_user(tag).await?;
        if !knows {
            users.missed();
        }
        Ok(knows)
    }

    async fn is_gap<T: Sparse>(&self, key: &Tag) -> Result<bool, Error> {
        let kind = T::kind(&self.gaps);
        if kind.are_due() {
            self.learn(kind, self.all_of::<T>(T::KEY)).await?;
        }
        Ok(kind.lacks(key))
    }

    /// Reads which `keys` are stored, unless somebody writes: then nothing is known before that has ended.
    async fn learn(
        &self,
        kind: &Kind,
        keys: impl Future<Output = Result<Vec<Vec<u8>>, Error>>,
    ) -> Result<(), Error> {
        let Ok(_turn) = self.turn.try_acquire() else {
            return Ok(());
        };
        // Somebody may have written since it was looked at.
        if kind.are_due() {
            let keys = keys.await?;
            let mut marks: Box<[u32]> = keys.iter().map(|key| mark(key)).collect();
            marks.sort_unstable();
            *kind.lock() = if marks.len() > MOST {
                State::Closed
            } else {
                State::Stored(marks)
            };
        }
        Ok(())
    }

    /// `column` of each row of the session, or of one more than are remembered.
    async fn all_of<T: SealedTable>(&self, column: T::Column) -> Result<Vec<Vec<u8>>, Error> {
        let limit = u64::try_from(MOST + 1).map_err(Error::form)?;
        self.rows::<T>()
            .select_only()
            .column(column)
            .limit(limit)
            .into_tuple()
            .all(&self.db)
            .await
            .sure(self)
    }
}
