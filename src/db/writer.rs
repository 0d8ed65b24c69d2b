//! The one writer of an SQLite file.
//!
//! SQLite has one writer. Who finds the lock taken there sleeps and looks again, for longer each time, whoever came
//! first: two busy writers spend most of their time asleep. So the writers of one file queue up here, in order, and
//! SQLite's own lock is only met by other processes. They share one connection, whose pages nobody else makes stale, and
//! scripts that wait at the same time share one transaction: a sync of the disk is what a write costs.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
};

use dashmap::DashMap;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::script::{
    Committed, Text,
    at_once::{self, Committing},
};

/// Scripts that share one transaction; more wait for the next.
const TOGETHER: usize = 64;

/// The writer of each file that is open; a process has one file, a test process has some.
static WRITERS: LazyLock<DashMap<PathBuf, Weak<Writer>>> = LazyLock::new(DashMap::new);

/// The one writer of a file. Every pool on the file keeps it.
#[derive(Debug)]
pub(super) struct Writer {
    file: PathBuf,
    /// One connection.
    db: DatabaseConnection,
    /// Hears of its commits.
    committing: Committing,
    turn: Arc<Semaphore>,
    waiting: Mutex<VecDeque<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    text: Text,
    tell: oneshot::Sender<Result<Committed, DbErr>>,
}

impl Writer {
    /// The writer of `file`, for as long as `db` is open; `own` is a pool of one connection, whose commits `committing` hears, for the
    /// first that asks.
    pub(super) fn serve(
        db: &DatabaseConnection,
        file: &Path,
        (own, committing): (DatabaseConnection, Committing),
    ) {
        let mut entry = WRITERS.entry(file.to_owned()).or_default();
        let writer = entry.upgrade().unwrap_or_else(|| {
            let writer = Arc::new(Self {
                file: file.to_owned(),
                db: own,
                committing,
                turn: Arc::new(Semaphore::new(1)),
                waiting: Mutex::default(),
            });
            *entry = Arc::downgrade(&writer);
            writer
        });
        drop(entry);
        let closed = db.get_sqlite_connection_pool().close_event();
        beside(async move {
            closed.await;
            drop(writer);
        });
    }

    /// The writer of the file that `db` is open on.
    pub(super) fn of(db: &DatabaseConnection) -> Result<Arc<Self>, DbErr> {
        let options = db.get_sqlite_connection_pool().connect_options();
        let known = WRITERS.get(options.get_filename());
        known
            .and_then(|writer| writer.upgrade())
            .ok_or_else(|| DbErr::Custom("the database is closed".to_owned()))
    }

    /// Its connection; hold a turn before.
    pub(super) const fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    pub(super) async fn turn(&self) -> Result<OwnedSemaphorePermit, DbErr> {
        Arc::clone(&self.turn)
            .acquire_owned()
            .await
            .map_err(|error| DbErr::Custom(error.to_string()))
    }

    /// Commits `text`, with the others that wait. If the caller goes before its turn, it is not written.
    pub(super) async fn commit(self: Arc<Self>, text: Text) -> Result<Committed, DbErr> {
        if let Ok(_turn) = Arc::clone(&self.turn).try_acquire_owned() {
            return self.run(text).await;
        }
        let (tell, mut answer) = oneshot::channel();
        self.waiting().push_back(Waiting { text, tell });
        let gone = || DbErr::Custom("the write was given up".to_owned());
        tokio::select! {
            biased;
            answer = &mut answer => return answer.map_err(|_| gone())?,
            turn = self.turn() => {
                let turn = turn?;
                let writer = Arc::clone(&self);
                // In a task of its own: others wait for it, too.
                beside(async move {
                    writer.work_off().await;
                    drop(turn);
                });
            }
        }
        answer.await.map_err(|_| gone())?
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits what waits; the caller holds the turn.
    async fn work_off(&self) {
        let mut taken = Vec::new();
        {
            let mut waiting = self.waiting();
            while taken.len() < TOGETHER
                && let Some(one) = waiting.pop_front()
            {
                if !one.tell.is_closed() {
                    taken.push(one);
                }
            }
        }
        metrics::counter!("wharf_sqlite_writes_total").increment(taken.len() as u64);
        if taken.len() > 1 {
            let texts = taken.iter().map(|one| &one.text);
            count_transaction();
            if let Ok(Committed::Yes) = at_once::run_together(&self.db, texts).await {
                for one in taken {
                    // Whoever asked may have gone.
                    drop(one.tell.send(Ok(Committed::Yes)));
                }
                return;
            }
        }
        // One of them fails, and only it may.
        for one in taken {
            let done = self.run(one.text).await;
            drop(one.tell.send(done));
        }
    }

    async fn run(&self, text: Text) -> Result<Committed, DbErr> {
        count_transaction();
        at_once::run((&self.db, &self.committing), text).await
    }
}

fn count_transaction() {
    metrics::counter!("wharf_sqlite_transactions_total").increment(1);
}

#[expect(
    clippy::disallowed_methods,
    reason = "the database is below what owns tasks; each ends with a pool or a transaction"
)]
fn beside(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}

impl Drop for Writer {
    fn drop(&mut self) {
        WRITERS.remove_if(&self.file, |_, writer| writer.strong_count() == 0);
    }
}
