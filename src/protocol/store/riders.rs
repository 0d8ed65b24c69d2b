//! Whole messages that ride along: each is part of the next write of its session, whatever that is.
//!
//! A sent message is kept for a retry receipt, a received one for the event log. Each is of use only beside the ratchet
//! that it was encrypted or decrypted with, and the ratchet is a later write of the same store; so a transaction of
//! their own would buy nothing and cost each message a sync of the disk (`docs/adr/0005-shared-transactions.md`). A rider can be
//! read and removed like any row meanwhile.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use entity::{wa_pending_inbound, wa_sent_messages};
use sea_orm::{ColumnTrait as _, QueryFilter as _};

use super::{
    Error, Store,
    rows::{RowKey as _, SealedTable, Upsert, groups},
};
use crate::{db::Script, seal::Tag};

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
    load: Load,
    /// Whether a transaction has taken it along; that may have failed.
    boarded: bool,
}

#[derive(Debug, Clone)]
enum Load {
    /// A row to be written.
    Row {
        /// Unix seconds.
        stored_at: i64,
        sealed: Vec<u8>,
    },
    /// A row to be removed, if it is there.
    Removal,
}

/// What waits for the next write.
#[derive(Debug, Default)]
pub(super) struct Riders(Mutex<BTreeMap<(Kind, Tag), Rider>>);

/// Where a message is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Among the riders.
    Here(Vec<u8>),
    /// Nowhere: its removal rides.
    Removed,
    /// In its table or nowhere.
    Elsewhere,
}

/// What a transaction takes along.
#[derive(Debug, Default)]
struct Boarded {
    rows: Vec<(Tag, i64, Vec<u8>)>,
    removals: Vec<Tag>,
}

impl Riders {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(Kind, Tag), Rider>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, kind: Kind, tag: Tag) -> Found {
        match self.lock().get(&(kind, tag)).map(|rider| &rider.load) {
            Some(Load::Row { sealed, .. }) => Found::Here(sealed.clone()),
            Some(Load::Removal) => Found::Removed,
            None => Found::Elsewhere,
        }
    }

    /// Lets the removal of a row ride, wherever the row is. Gives the number of those that wait.
    fn remove(&self, kind: Kind, tag: Tag) -> usize {
        let mut riders = self.lock();
        match riders.get(&(kind, tag)) {
            Some(rider) if !rider.boarded && matches!(rider.load, Load::Row { .. }) => {
                riders.remove(&(kind, tag));
            }
            _ => drop(riders.insert((kind, tag), Rider::new(Load::Removal))),
        }
        riders.len()
    }

    /// All of a kind, on their way now.
    fn board(&self, kind: Kind) -> Boarded {
        let mut boarded = Boarded::default();
        for ((of, tag), rider) in self.lock().iter_mut() {
            if *of != kind {
                continue;
            }
            rider.boarded = true;
            match &rider.load {
                Load::Row { stored_at, sealed } => {
                    boarded.rows.push((*tag, *stored_at, sealed.clone()));
                }
                Load::Removal => boarded.removals.push(*tag),
            }
        }
        boarded
    }

    /// The transaction that took them is committed. What was put anew since waits for the next.
    pub(super) fn landed(&self) {
        self.lock().retain(|_, rider| !rider.boarded);
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }
}

impl Rider {
    const fn new(load: Load) -> Self {
        Self {
            load,
            boarded: false,
        }
    }
}

impl Store {
    /// Lets a message ride along with the next write.
    pub(super) async fn ride(&self, kind: Kind, tag: Tag, sealed: Vec<u8>) -> Result<(), Error> {
        let stored_at = self.now();
        let waiting = {
            let mut riders = self.riders.lock();
            let row = Load::Row { stored_at, sealed };
            riders.insert((kind, tag), Rider::new(row));
            riders.len()
        };
        self.make_room(waiting).await
    }

    /// Lets the removal of a message ride along with the next write.
    pub(super) async fn ride_off(&self, kind: Kind, tag: Tag) -> Result<(), Error> {
        let waiting = self.riders.remove(kind, tag);
        self.make_room(waiting).await
    }

    async fn make_room(&self, waiting: usize) -> Result<(), Error> {
        if waiting > MAX_WAITING {
            return self.commit(self.script()).await;
        }
        Ok(())
    }

    /// Gives the riders a write of their own, if there are any.
    pub(super) async fn land(&self) -> Result<(), Error> {
        if self.riders.lock().is_empty() {
            return Ok(());
        }
        self.commit(self.script()).await
    }

    /// The same at the end, when there is no next write. What was decrypted is right also where the store is spoiled, and
    /// nothing but this keeps what the last ratchets have passed.
    pub(in crate::protocol) async fn land_last(&self) -> Result<(), Error> {
        if self.riders.lock().is_empty() {
            return Ok(());
        }
        let turn = self.turn().await?;
        self.commit_in(turn, self.script()).await
    }

    /// Has somebody else's write carry the riders; tells whether there are any.
    pub(super) fn board(&self, script: &mut Script) -> Result<bool, Error> {
        let sent = self.riders.board(Kind::Sent);
        let inbound = self.riders.board(Kind::Inbound);
        let any = !(sent.is_empty() && inbound.is_empty());
        self.carry::<wa_sent_messages::Entity>(script, wa_sent_messages::Column::StoredAt, sent)?;
        let stored_at = wa_pending_inbound::Column::StoredAt;
        self.carry::<wa_pending_inbound::Entity>(script, stored_at, inbound)?;
        Ok(any)
    }

    fn carry<T: SealedTable>(
        &self,
        script: &mut Script,
        stored_at: T::Column,
        riders: Boarded,
    ) -> Result<(), Error> {
        for group in groups(&riders.removals) {
            let remove = T::delete_many()
                .filter(T::SESSION.eq(self.session))
                .filter(T::KEY.is_in(group));
            script.add_lenient(&remove);
        }
        if riders.rows.is_empty() {
            return Ok(());
        }
        let row = |(tag, at, sealed): (Tag, i64, Vec<u8>)| {
            vec![self.session.0.into(), tag.value(), at.into(), sealed.into()]
        };
        let rows = riders.rows.into_iter().map(row).collect();
        let columns = [T::SESSION, T::KEY, stored_at, T::SEALED];
        Ok(Upsert::<T>::new(&columns, 2).add_to(script, rows)?)
    }
}

impl Boarded {
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.removals.is_empty()
    }
}
