//! The numbers of a log, when not only the session itself writes into it.

use std::sync::Arc;

use entity::{
    events,
    ids::{EventId, NodeId, SessionId, UserId},
};
use futures_util::future::{join, join_all};
use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;
use wharf::{
    db::{self, Script, fence::Fence},
    domain::{
        address::{Chat, ChatKind, Party},
        clock::SystemClock,
        message::{Content, Context, Message},
    },
    events::Bus,
    lifecycle::{Stop, Tasks},
    seal::{Master, SessionKeys},
    session::{Journal, JournalConfig, JournalError},
    webhook::outbox::Wake,
};

use super::claim;
use crate::harness::databases::{TestDb, leased, on_each_engine};

on_each_engine!(
    a_number_that_somebody_else_takes_is_given_to_nobody_else_and_leaves_no_hole,
    a_session_that_has_lost_its_lease_learns_it_from_its_next_write,
    a_session_that_is_gone_gives_no_number,
);

const EACH: usize = 20;

pub(super) fn journal(
    db: &DatabaseConnection,
    fence: Fence,
    fenced: &CancellationToken,
) -> Journal {
    sealing(db, fence, fenced, keys(SessionId(fence.key)))
}

/// A journal that seals with `keys`.
pub(super) fn sealing(
    db: &DatabaseConnection,
    fence: Fence,
    fenced: &CancellationToken,
    keys: Arc<SessionKeys>,
) -> Journal {
    Journal::new(JournalConfig {
        db: db.clone(),
        fence,
        owner: UserId::new(),
        session: SessionId(fence.key),
        bus: Bus::default(),
        outbox: Wake::default(),
        clock: Arc::new(SystemClock),
        tasks: Tasks::new(&Stop::default()),
        fenced: fenced.clone(),
        keys,
    })
}

pub(super) fn keys(session: SessionId) -> Arc<SessionKeys> {
    let (keys, _) = Master::from_bytes([7; 32])
        .new_session_keys(session)
        .unwrap();
    Arc::new(keys)
}

pub(super) fn message(number: usize) -> Message {
    let sender = Party::person(Some("491700300001".to_owned()), None);
    Message {
        message_id: wharf::protocol::message_id(),
        chat: Chat {
            party: sender.clone(),
            kind: ChatKind::User,
        },
        sender,
        from_me: false,
        push_name: None,
        timestamp: "2026-01-01T00:00:00Z".to_owned(),
        content: Content::text(format!("text {number}")),
        context: Context::default(),
        private: None,
    }
}

/// An event by somebody who does not run the session.
async fn tell(db: &DatabaseConnection, session: SessionId) {
    let tx = db::begin(db).await.unwrap();
    let seq = db::leases::take_number(&tx, session)
        .await
        .unwrap()
        .unwrap();
    let row = events::Model {
        session_id: session,
        seq,
        id: EventId::new(),
        owner_id: UserId::new(),
        event_type: "webhook.disabled".to_owned(),
        payload: "{}".to_owned(),
        created_at: 0,
    };
    let mut script = Script::new(db.get_database_backend());
    db::events::insert(&mut script, vec![row]);
    assert!(script.run(&tx).await.unwrap());
    tx.commit().await.unwrap();
}

async fn a_number_that_somebody_else_takes_is_given_to_nobody_else_and_leaves_no_hole(
    test: TestDb,
) {
    let session = SessionId::new();
    let fence = leased(&test.db, session, NodeId::new()).await;
    let fenced = CancellationToken::new();
    let journal = journal(&test.db, fence, &fenced);
    let own = async {
        for number in 0..EACH {
            journal
                .record_messages(vec![message(number)])
                .await
                .unwrap();
        }
    };
    let foreign = join_all((0..EACH).map(|_| tell(&test.db, session)));
    join(own, foreign).await;
    assert!(!fenced.is_cancelled(), "it still has its lease");

    let log = db::events::page(&test.db, session, 0, &[], 1_000)
        .await
        .unwrap();
    let numbers: Vec<i64> = log.iter().map(|event| event.seq).collect();
    let expected: Vec<i64> = (1..).take(2 * EACH).collect();
    assert_eq!(numbers, expected);
    let own = log.iter().filter(|event| event.event_type == "message");
    assert_eq!(own.count(), EACH);
}

async fn a_session_that_has_lost_its_lease_learns_it_from_its_next_write(test: TestDb) {
    let session = SessionId::new();
    let fence = leased(&test.db, session, NodeId::new()).await;
    let fenced = CancellationToken::new();
    let journal = journal(&test.db, fence, &fenced);
    journal.record_messages(vec![message(1)]).await.unwrap();
    claim(&test.db, fence, NodeId::new()).await;
    tell(&test.db, session).await;
    let refused = journal.record_messages(vec![message(2)]).await.unwrap_err();
    assert!(matches!(refused, JournalError::Fenced));
    assert!(fenced.is_cancelled());
}

async fn a_session_that_is_gone_gives_no_number(test: TestDb) {
    let tx = db::begin(&test.db).await.unwrap();
    let taken = db::leases::take_number(&tx, SessionId::new())
        .await
        .unwrap();
    assert_eq!(taken, None);
    tx.rollback().await.unwrap();
}
