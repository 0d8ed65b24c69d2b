//! The WhatsApp device state of one session, in the service's own database.
//!
//! Owns the `wa_*` tables: it implements whatsapp-rust's `Backend` over them. Every write is one transaction
//! that first locks the session's lease row at the writer's epoch, and is durable before it answers `Ok`; so
//! an owner that lost its lease can neither use a ratchet twice nor spoil the state of its successor.
//! Every secret is sealed, and what would name a contact is a keyed hash or sealed.
//!
//! Must never keep state in memory but its keys and, between two writes, the messages of [`riders`] and what [`gaps`] has
//! learned: a `Store` is a few hundred bytes. The session actor opens one per session, hands it to the client and stops when
//! [`Store::fenced`] fires.

use std::{
    error::Error as StdError,
    sync::{Arc, OnceLock},
    time::Instant,
};

use entity::{
    ids::{NodeId, SessionId},
    session_keys,
};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;
use wacore::store::error::StoreError;

use super::lost::Lost;
use crate::{
    db::{
        self, Committed, Script,
        fence::{Fence, FenceError},
    },
    domain::clock::SharedClock,
    seal::{Master, SealError, SessionKeys},
};

mod app_sync;
mod contacts;
mod delete;
mod device;
mod gaps;
mod msg_secret;
mod pending;
mod protocol;
mod riders;
mod rows;
mod signal;
mod tc_token;

pub use delete::delete_all;
use gaps::Gaps;
use riders::Riders;

/// Why the store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lease is lost (the session has to stop), or it could not be read.
    #[error("the write was not fenced")]
    Fence(#[from] FenceError),
    /// The database failed.
    #[error("the protocol store's database failed")]
    Db(#[from] DbErr),
    /// A value could not be sealed or opened.
    #[error("a value of the protocol store could not be sealed or opened")]
    Seal(#[from] SealError),
    /// A stored value has another form than expected.
    #[error("a value of the protocol store could not be read")]
    Form(#[source] Box<dyn StdError + Send + Sync>),
    /// An incoming message could not be stored: see [`Store::spoiled`].
    #[error(
        "the state could not be read or an incoming message not be stored, so nothing after it may be"
    )]
    Spoiled,
}

impl Error {
    fn form(source: impl StdError + Send + Sync + 'static) -> Self {
        Self::Form(Box::new(source))
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::Fence(_) | Error::Db(_) | Error::Spoiled => Self::Database(Box::new(error)),
            Error::Seal(_) | Error::Form(_) => Self::Serialization(Box::new(error)),
        }
    }
}

/// Whether `error`, or what caused it, is that another owner has the session's lease.
pub fn is_fenced(error: &(dyn StdError + 'static)) -> bool {
    let mut layer = Some(error);
    while let Some(error) = layer {
        if let Some(FenceError::Stale) = error.downcast_ref() {
            return true;
        }
        // `Box<dyn Error>` sources are seen through their content.
        layer = error.source();
    }
    false
}

/// The device state of one session, for as long as its fence holds.
#[derive(Debug)]
pub struct Store {
    db: DatabaseConnection,
    session: SessionId,
    fence: Fence,
    keys: Arc<SessionKeys>,
    clock: SharedClock,
    fenced: CancellationToken,
    spoiled: CancellationToken,
    /// One write of a session at a time: the others would only wait for the lease row, and hold a connection
    /// of the pool while they do.
    turn: Semaphore,
    /// Messages that wait to be part of the next write.
    riders: Riders,
    gaps: Gaps,
    recent_tokens: tc_token::Recent,
    /// When the next secrets of messages may be written.
    secrets_written: tokio::sync::Mutex<Option<tokio::time::Instant>>,
    /// Who looks after messages that come again and are not here.
    lost: OnceLock<Box<Lost>>,
}

impl Store {
    /// Open the state of the session that `fence` is for; makes its keys at the first time.
    pub async fn open(
        db: DatabaseConnection,
        fence: Fence,
        master: Arc<Master>,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let session = SessionId(fence.key);
        let keys = match stored_keys(&db, &master, session).await? {
            Some(keys) => keys,
            None => make_keys(&db, &fence, &master, session, &clock).await?,
        };
        Ok(Self {
            db,
            session,
            fence,
            keys: Arc::new(keys),
            clock,
            fenced: CancellationToken::new(),
            spoiled: CancellationToken::new(),
            turn: Semaphore::new(1),
            riders: Riders::default(),
            gaps: Gaps::default(),
            recent_tokens: tc_token::Recent::default(),
            secrets_written: tokio::sync::Mutex::default(),
            lost: OnceLock::new(),
        })
    }

    /// Has `lost` look after messages that come again and are not here.
    pub(super) fn looked_after_by(&self, lost: Lost) {
        if self.lost.set(Box::new(lost)).is_err() {
            tracing::error!("a store was given two clients");
        }
    }

    /// What the session seals with.
    pub fn keys(&self) -> Arc<SessionKeys> {
        Arc::clone(&self.keys)
    }

    /// Fires at the first write that another owner's claim has refused. The session has to stop then, quietly.
    pub const fn fenced(&self) -> &CancellationToken {
        &self.fenced
    }

    /// Fires when an incoming message could not be stored, or a part of the state not be read. The client has to start
    /// anew then, on what is stored, and must send nothing more: it would give up messages that it could not decrypt.
    ///
    /// It has taken the message's key out of its ratchet already, and will write that as soon as the database takes
    /// it: WhatsApp would send the message again, and it would pass for one that was seen. So nothing is written from
    /// here on.
    pub const fn spoiled(&self) -> &CancellationToken {
        &self.spoiled
    }

    /// The session that this state belongs to.
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The node that writes.
    pub const fn node(&self) -> NodeId {
        self.fence.node
    }

    /// Unix seconds; the library measures its retention in them.
    fn now(&self) -> i64 {
        self.clock.now_ms() / 1000
    }

    /// Begin a write that has to read as well: a transaction that holds the lease row.
    async fn write(&self) -> Result<Write<'_>, Error> {
        let mut write = self.begin().await?;
        if self.spoiled.is_cancelled() {
            return Err(Error::Spoiled);
        }
        let mut riders = Script::new(self.db.get_database_backend());
        write.rides = self.board(&mut riders)?;
        riders.run(&write.tx).await?;
        Ok(write)
    }

    /// A script of this session, which is refused when its fence is stale.
    fn script(&self) -> Script {
        self.fence.held_script(self.db.get_database_backend())
    }

    /// Commit a [`Store::script`], and the riders with it.
    async fn commit(&self, script: Script) -> Result<(), Error> {
        let turn = self.turn().await?;
        if self.spoiled.is_cancelled() {
            return Err(Error::Spoiled);
        }
        self.commit_in(turn, script).await
    }

    /// The same even when the store is spoiled.
    async fn commit_in(&self, turn: Turn<'_>, mut script: Script) -> Result<(), Error> {
        let rides = self.board(&mut script)?;
        let committed = self.unless_fenced(script.commit(&self.db)).await?;
        if committed == Committed::Refused {
            self.fenced.cancel();
            return Err(FenceError::Stale.into());
        }
        self.committed(&turn, rides);
        Ok(())
    }

    fn committed(&self, turn: &Turn<'_>, rides: bool) {
        metrics::histogram!("wharf_device_commit_seconds").record(turn.begun.elapsed());
        if rides {
            self.riders.landed();
        }
        self.gaps.reopen();
    }

    /// The right to write, for as long as it is held.
    async fn turn(&self) -> Result<Turn<'_>, Error> {
        let begun = Instant::now();
        // The semaphore is never closed.
        let held = self.turn.acquire().await.map_err(Error::form)?;
        // A lost lease does not come back at the same epoch, so there is no need to ask again.
        if self.fenced.is_cancelled() {
            return Err(FenceError::Stale.into());
        }
        self.gaps.close();
        Ok(Turn { begun, _held: held })
    }

    /// Who has lost the lease does not wait for a lock that somebody holds on the database.
    async fn unless_fenced<T>(
        &self,
        work: impl Future<Output = Result<T, DbErr>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.fenced.cancelled() => Err(FenceError::Stale.into()),
            done = work => Ok(done?),
        }
    }

    /// Begin a write even when the store is spoiled.
    async fn begin(&self) -> Result<Write<'_>, Error> {
        let turn = self.turn().await?;
        let tx = self.unless_fenced(db::begin(&self.db)).await?;
        if let Err(error) = self.fence.lock(&tx).await {
            if matches!(error, FenceError::Stale) {
                self.fenced.cancel();
            }
            return Err(error.into());
        }
        Ok(Write {
            store: self,
            tx,
            turn,
            rides: false,
        })
    }
}

/// The right to write.
struct Turn<'a> {
    /// When it was asked for.
    begun: Instant,
    _held: SemaphorePermit<'a>,
}

/// A write under way; it is rolled back unless it is committed.
struct Write<'a> {
    store: &'a Store,
    tx: db::Transaction,
    turn: Turn<'a>,
    /// Whether any ride along.
    rides: bool,
}

impl Write<'_> {
    async fn commit(self) -> Result<(), Error> {
        self.tx.commit().await?;
        self.store.committed(&self.turn, self.rides);
        Ok(())
    }
}

async fn stored_keys(
    db: &impl ConnectionTrait,
    master: &Master,
    session: SessionId,
) -> Result<Option<SessionKeys>, Error> {
    let row = session_keys::Entity::find_by_id(session).one(db).await?;
    let keys = row.map(|row| master.session_keys(session, &row.wrapped));
    Ok(keys.transpose()?)
}

async fn make_keys(
    db: &DatabaseConnection,
    fence: &Fence,
    master: &Master,
    session: SessionId,
    clock: &SharedClock,
) -> Result<SessionKeys, Error> {
    let tx = db::begin(db).await?;
    fence.lock(&tx).await?;
    // Somebody may have made them while this one waited for the lease row.
    if let Some(keys) = stored_keys(&tx, master, session).await? {
        return Ok(keys);
    }
    let (keys, wrapped) = master.new_session_keys(session)?;
    let row = session_keys::ActiveModel {
        session_id: Set(session),
        key_version: Set(1),
        wrapped: Set(wrapped),
        created_at: Set(clock.now_ms()),
    };
    session_keys::Entity::insert(row)
        .exec_without_returning(&tx)
        .await?;
    tx.commit().await?;
    Ok(keys)
}
