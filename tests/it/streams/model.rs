//! A log is the dense range from its first number to its last, and every reader is told all of it: each entry once and in
//! order, or a gap that covers exactly what is missing. Whatever is appended, read, removed, or cut in the middle, in
//! whatever order.

use std::{sync::Arc, time::Duration};

use entity::{
    events,
    ids::{EventId, NodeId, SessionId, UserId},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use wharf::{
    db::{
        self,
        fence::{Fence, Standing},
    },
    domain::clock::{Clock, SharedClock},
    events::{
        Bus, LogEntry,
        retention::{Keep, Retention},
    },
    service::{
        Ctx,
        event_log::{EventLog, Gap},
        feed::{Feed, Told, Wanted},
    },
};

use crate::harness::{
    clock::HandClock,
    ctx::ctx_of,
    databases::{Engine, TestDb, leased},
    rows,
};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Op {
    /// So many entries are appended; told live, or by another process.
    Append { count: i64, told: bool },
    /// A writer dies before its commit.
    Die { count: i64 },
    /// Time passes and retention looks; with `cut`, it dies on the way.
    Sweep {
        keep: u32,
        days: u64,
        cut: Option<u8>,
    },
    /// The reader of pages reads one.
    Page { limit: u64, typed: bool },
    /// The reader of the stream takes up to so many; with `cut`, its wait is given up on the way.
    Take { count: usize, cut: Option<u8> },
    /// The reader of the stream goes away and comes back where it was.
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let cut = || proptest::option::weighted(0.4, 0..12_u8);
    prop_oneof![
        4 => (1..8_i64, any::<bool>()).prop_map(|(count, told)| Op::Append { count, told }),
        1 => (1..8_i64).prop_map(|count| Op::Die { count }),
        2 => (1..12_u32, 0..3_u64, cut()).prop_map(|(keep, days, cut)| Op::Sweep { keep, days, cut }),
        2 => (1..9_u64, any::<bool>()).prop_map(|(limit, typed)| Op::Page { limit, typed }),
        3 => (1..12_usize, cut()).prop_map(|(count, cut)| Op::Take { count, cut }),
        1 => Just(Op::Reopen),
    ]
}

/// Polls `work` a few times and then drops it, or lets it end.
async fn cut<T>(work: impl Future<Output = T>, after: Option<u8>) -> Option<T> {
    let Some(polls) = after else {
        return Some(work.await);
    };
    let give_up = async {
        for _ in 0..polls {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = give_up => None,
    }
}

/// What a reader was told, number by number.
#[derive(Debug, Default)]
struct Heard {
    reached: i64,
    missing: Vec<i64>,
}

impl Heard {
    fn entry(&mut self, entry: &LogEntry) {
        assert_eq!(entry.seq, self.reached + 1, "in order, each once");
        assert_eq!(&*entry.data, data(entry.seq), "its own data");
        self.reached = entry.seq;
    }

    fn gap(&mut self, gap: Gap) {
        assert_eq!(gap.from, self.reached + 1, "it begins where the reader is");
        assert!(gap.to >= gap.from);
        self.missing.extend(gap.from..=gap.to);
        self.reached = gap.to;
    }
}

fn data(seq: i64) -> String {
    format!(r#"{{"n":{seq}}}"#)
}

fn kind(seq: i64) -> &'static str {
    if seq % 3 == 0 { "degraded" } else { "message" }
}

struct Model<'a> {
    test: &'a TestDb,
    clock: Arc<HandClock>,
    bus: Bus,
    log: EventLog,
    ctx: Ctx,
    session: SessionId,
    fence: Fence,
    last: i64,
    /// The last number that was told live.
    told: i64,
    feed: Feed,
    streamed: Heard,
    paged: Heard,
}

impl<'a> Model<'a> {
    async fn new(test: &'a TestDb) -> Self {
        let row = rows::session(UserId::new());
        let (ctx, session) = (ctx_of(row.owner_id), row.id);
        db::sessions::insert(&test.db, row).await.unwrap();
        let fence = leased(&test.db, session, NodeId::new()).await;
        let bus = Bus::default();
        let log = EventLog::new(test.db.clone(), bus.clone());
        let feed = open(&log, &ctx, session, 0).await;
        Self {
            test,
            clock: Arc::new(HandClock::default()),
            bus,
            log,
            ctx,
            session,
            fence,
            last: 0,
            told: 0,
            feed,
            streamed: Heard::default(),
            paged: Heard::default(),
        }
    }

    fn rows(&self, count: i64) -> Vec<events::Model> {
        let row = |seq| events::Model {
            session_id: self.session,
            seq,
            id: EventId::new(),
            owner_id: self.ctx.owner(),
            event_type: kind(seq).into(),
            payload: data(seq),
            created_at: self.clock.now_ms(),
        };
        (self.last + 1..=self.last + count).map(row).collect()
    }

    /// As the journal writes: the fence gives out the numbers, in the same transaction.
    fn script(&self, rows: Vec<events::Model>) -> db::Script {
        let standing = Standing {
            last_seq: self.last,
            endpoints_version: 0,
        };
        let count = i64::try_from(rows.len()).unwrap();
        let backend = self.test.db.get_database_backend();
        let mut script = self.fence.script(backend, standing, count);
        db::events::insert(&mut script, rows);
        script
    }

    async fn append(&mut self, count: i64, told: bool) {
        let rows = self.rows(count);
        let entries: Vec<Arc<LogEntry>> = rows
            .iter()
            .map(|row| Arc::new(row.clone().into()))
            .collect();
        let committed = self.script(rows).commit(&self.test.db).await.unwrap();
        assert_eq!(committed, db::Committed::Yes);
        self.last += count;
        if told {
            self.bus.publish(&entries);
            self.told = self.last;
        }
    }

    async fn happen(&mut self, op: Op) {
        match op {
            Op::Append { count, told } => self.append(count, told).await,
            Op::Die { count } => {
                let tx = db::begin(&self.test.db).await.unwrap();
                assert!(self.script(self.rows(count)).run(&tx).await.unwrap());
                drop(tx);
            }
            Op::Sweep {
                keep,
                days,
                cut: after,
            } => {
                self.clock.advance(Duration::from_hours(24 * days));
                let clock: SharedClock = self.clock.clone();
                let keep = Keep {
                    days: 2,
                    count: keep,
                };
                let retention = Retention::new(self.test.db.clone(), clock, keep);
                if let Some(swept) = cut(retention.sweep(), after).await {
                    swept.unwrap();
                }
            }
            Op::Page { limit, typed } => self.page(limit, typed).await,
            Op::Take { count, cut: after } => self.take(count, after).await,
            Op::Reopen => {
                self.feed = open(&self.log, &self.ctx, self.session, self.streamed.reached).await;
            }
        }
    }

    async fn page(&mut self, limit: u64, typed: bool) {
        let (session, after) = (self.session.to_string(), self.paged.reached);
        let types = if typed {
            vec!["degraded".to_owned()]
        } else {
            Vec::new()
        };
        let page = self.log.page(&self.ctx, &session, after, &types, limit);
        let page = page.await.unwrap();
        if typed {
            // Of what is not in a gap, all of the type up to the last that was given.
            let start = page.gap.map_or(after, |gap| gap.to);
            let given: Vec<i64> = page.entries.iter().map(|entry| entry.seq).collect();
            let end = given.last().copied().unwrap_or(start);
            let wanted = (start + 1..=end).filter(|seq| kind(*seq) == "degraded");
            assert_eq!(given, wanted.collect::<Vec<_>>());
            return;
        }
        if let Some(gap) = page.gap {
            self.paged.gap(gap);
        }
        for entry in &page.entries {
            self.paged.entry(entry);
        }
        if let Some(next) = page.next_after {
            assert_eq!(next, self.paged.reached);
        }
    }

    async fn take(&mut self, count: usize, after: Option<u8>) {
        for _ in 0..count {
            // Nothing comes of what nobody has told of, so nobody waits for it.
            if self.streamed.reached >= self.told {
                return;
            }
            match cut(self.feed.next(), after).await {
                Some(told) => match told.unwrap().expect("the bus is there") {
                    Told::Event(live) => self.streamed.entry(&live.entry),
                    Told::Gap(gap) => self.streamed.gap(gap),
                },
                None => return,
            }
        }
    }

    async fn held(&self) -> Vec<i64> {
        let rows = events::Entity::find()
            .filter(events::Column::SessionId.eq(self.session))
            .order_by_asc(events::Column::Seq)
            .all(&self.test.db)
            .await
            .unwrap();
        rows.iter().map(|row| row.seq).collect()
    }

    async fn is_dense(&self) {
        let held = self.held().await;
        if let Some(first) = held.first() {
            assert_eq!(held, (*first..=self.last).collect::<Vec<_>>());
        }
    }

    /// Both readers read to the end.
    async fn drain(&mut self) {
        self.append(1, true).await;
        while self.streamed.reached < self.last {
            self.take(100, None).await;
        }
        while self.paged.reached < self.last {
            self.page(7, false).await;
        }
        let held = self.held().await;
        for reader in [&self.streamed, &self.paged] {
            assert!(
                !reader.missing.iter().any(|seq| held.contains(seq)),
                "a gap covers nothing that is there"
            );
        }
    }
}

async fn open(log: &EventLog, ctx: &Ctx, session: SessionId, reached: i64) -> Feed {
    let reference = session.to_string();
    let live = log.subscribe(ctx, &reference).await.unwrap();
    let mut feed = Feed::of_session(ctx.clone(), log.clone(), live, Wanted::default(), reached);
    feed.replay(session);
    feed
}

#[test]
fn whatever_happens_in_whatever_order_readers_are_told_all_of_a_dense_log() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let test = runtime.block_on(TestDb::migrated(Engine::Sqlite));
    let mut runner = TestRunner::new(Config {
        cases: 60,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let ops = proptest::collection::vec(op(), 1..40);
    let checked = runner.run(&ops, |ops| {
        runtime.block_on(async {
            let mut model = Model::new(&test).await;
            for op in ops {
                model.happen(op).await;
                model.is_dense().await;
            }
            model.drain().await;
            // Of the next case nothing is to be swept but its own.
            let (owner, session) = (model.ctx.owner(), model.session);
            db::sessions::delete(&test.db, owner, session)
                .await
                .unwrap();
        });
        Ok(())
    });
    if let Err(fault) = checked {
        panic!("{fault}");
    }
}
