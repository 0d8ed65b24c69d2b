//! Whole messages that ride along: each is part of the next write of its session, whatever that is.
//!
//! A sent message is kept for a retry receipt, a received one for the event log. Each is of use only beside the ratchet
//! that it was encrypted or decrypted with, and the ratchet is a later write of the same store; so a transaction of
//! their own would buy nothing and cost each message a sync of the disk (`docs/adr/0005-riders.md`). A rider can be
//! read and removed like any row meanwhile.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use entity::{wa_pending_inbound, wa_sent_messages};

use super::{
    Error, Store,
    rows::{RowKey, SealedTable, Upsert},
};
use crate::seal::Tag;

/// Riders that may wait; one more makes a write of its own.
const MAX_WAITING: usize = 256;

/// Which table a rider goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Sent,
    Inbound,
}

#[derive(Debug, Clone)]
struct Rider {
    /// Unix seconds.
    stored_at: i64,
    sealed: Vec<u8>,
    /// Whether a transaction has taken it along; that may have failed.
    boarded: bool,
}

/// What waits for the next write.
#[derive(Debug, Default)]
pub(super) struct Riders(Mutex<BTreeMap<(Kind, Tag), Rider>>);

/// Where a message is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It has never left.
    Waiting(Vec<u8>),
    /// A transaction has it, so it may be in its table.
    Boarded(Vec<u8>),
    /// It is in its table or nowhere.
    Elsewhere,
}

impl Riders {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(Kind, Tag), Rider>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, kind: Kind, tag: Tag) -> Found {
        match self.lock().get(&(kind, tag)) {
            Some(rider) if rider.boarded => Found::Boarded(rider.sealed.clone()),
            Some(rider) => Found::Waiting(rider.sealed.clone()),
            None => Found::Elsewhere,
        }
    }

    /// Removes one that has never left; tells whether it was there. Of two that ask, one is told so.
    pub(super) fn remove_waiting(&self, kind: Kind, tag: Tag) -> bool {
        let mut riders = self.lock();
        let key = (kind, tag);
        if riders.get(&key).is_some_and(|rider| !rider.boarded) {
            riders.remove(&key);
            return true;
        }
        false
    }

    /// All of them, on their way now.
    fn board(&self) -> Vec<(Kind, Tag, i64, Vec<u8>)> {
        let mut riders = self.lock();
        let boarded = riders.iter_mut().map(|((kind, tag), rider)| {
            rider.boarded = true;
            (*kind, *tag, rider.stored_at, rider.sealed.clone())
        });
        boarded.collect()
    }

    /// The transaction that took them is committed. What was put anew since waits for the next.
    pub(super) fn landed(&self) {
        self.lock().retain(|_, rider| !rider.boarded);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }
}

impl Store {
    /// Lets a message ride along with the next write.
    pub(super) async fn ride(&self, kind: Kind, tag: Tag, sealed: Vec<u8>) -> Result<(), Error> {
        let rider = Rider {
            stored_at: self.now(),
            sealed,
            boarded: false,
        };
        let waiting = {
            let mut riders = self.riders.lock();
            riders.insert((kind, tag), rider);
            riders.len()
        };
        if waiting > MAX_WAITING {
            return self.write().await?.commit().await;
        }
        Ok(())
    }

    /// Gives the riders a write of their own, if there are any.
    pub(super) async fn land(&self) -> Result<(), Error> {
        if self.riders.lock().is_empty() {
            return Ok(());
        }
        self.write().await?.commit().await
    }

    /// Writes the riders in the transaction of somebody else's write; tells whether there were any.
    pub(super) async fn board(&self, tx: &crate::db::Transaction) -> Result<bool, Error> {
        let riders = self.riders.board();
        let any = !riders.is_empty();
        let (sent, inbound): (Vec<_>, Vec<_>) = riders
            .into_iter()
            .partition(|(kind, ..)| *kind == Kind::Sent);
        self.upsert_riders::<wa_sent_messages::Entity>(
            tx,
            &[
                wa_sent_messages::Column::SessionId,
                wa_sent_messages::Column::MessageTag,
                wa_sent_messages::Column::StoredAt,
                wa_sent_messages::Column::Sealed,
            ],
            sent,
        )
        .await?;
        self.upsert_riders::<wa_pending_inbound::Entity>(
            tx,
            &[
                wa_pending_inbound::Column::SessionId,
                wa_pending_inbound::Column::MessageTag,
                wa_pending_inbound::Column::StoredAt,
                wa_pending_inbound::Column::Sealed,
            ],
            inbound,
        )
        .await?;
        Ok(any)
    }

    async fn upsert_riders<T: SealedTable>(
        &self,
        tx: &crate::db::Transaction,
        columns: &[T::Column; 4],
        riders: Vec<(Kind, Tag, i64, Vec<u8>)>,
    ) -> Result<(), Error> {
        if riders.is_empty() {
            return Ok(());
        }
        let row = |(_, tag, stored_at, sealed): (Kind, Tag, i64, Vec<u8>)| {
            vec![
                self.session.0.into(),
                tag.value(),
                stored_at.into(),
                sealed.into(),
            ]
        };
        let rows = riders.into_iter().map(row).collect();
        Ok(Upsert::<T>::new(columns, 2).run(tx, rows).await?)
    }
}
