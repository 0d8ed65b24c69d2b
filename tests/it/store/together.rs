//! Writes that wait for the same database go together, and each stands for itself all the same.

use entity::{
    ids::{NodeId, SessionId},
    wa_base_keys,
};
use futures_util::FutureExt as _;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, SqlErr,
};
use wharf::db::{self, Committed, Script, fence::Fence};

use super::claim;
use crate::harness::databases::{Engine, TestDb, leased, on_each_engine};

on_each_engine!(
    writes_that_wait_together_fail_apart,
    a_write_of_more_than_a_statement_may_hold_is_one_all_the_same,
);

/// Writes rows named `tags`, unless the fence is stale.
fn writing(db: &DatabaseConnection, fence: Fence, tags: &[u8]) -> Script {
    let mut script = fence.held_script(db.get_database_backend());
    for tag in tags {
        let row = wa_base_keys::Model {
            session_id: SessionId(fence.key),
            message_tag: vec![*tag],
            base_key_tag: vec![0],
        };
        let row = wa_base_keys::ActiveModel::from(row).reset_all();
        script.add(&wa_base_keys::Entity::insert(row), 1);
    }
    script
}

/// The tags of the rows that are there.
async fn written(db: &DatabaseConnection, session: SessionId) -> Vec<u8> {
    let rows = wa_base_keys::Entity::find()
        .filter(wa_base_keys::Column::SessionId.eq(session))
        .all(db)
        .await
        .unwrap();
    let mut tags: Vec<u8> = rows.iter().map(|row| row.message_tag[0]).collect();
    tags.sort_unstable();
    tags
}

/// Rows named by `numbers`, in one statement.
fn add_many(script: &mut Script, session: SessionId, numbers: std::ops::Range<u32>) {
    let count = numbers.len();
    let rows = numbers.map(|number| {
        let row = wa_base_keys::Model {
            session_id: session,
            message_tag: [[0; 12].as_slice(), &number.to_be_bytes()].concat(),
            base_key_tag: vec![0; 16],
        };
        wa_base_keys::ActiveModel::from(row).reset_all()
    });
    script.add(&wa_base_keys::Entity::insert_many(rows), count);
}

async fn a_write_of_more_than_a_statement_may_hold_is_one_all_the_same(test: TestDb) {
    // Three parameters a row: more than the 65,535 that PostgreSQL takes at once.
    const STATEMENTS: u32 = 5;
    const ROWS: u32 = 5_000;
    let db = &test.db;
    let session = SessionId::new();
    let fence = leased(db, session, NodeId::new()).await;
    let many = |last: u32| {
        let mut script = fence.held_script(db.get_database_backend());
        for statement in 0..last {
            add_many(
                &mut script,
                session,
                statement * ROWS..(statement + 1) * ROWS,
            );
        }
        script
    };
    let mut twice = many(STATEMENTS);
    add_many(&mut twice, session, 0..1);
    twice.commit(db).await.unwrap_err();
    assert!(
        written(db, session).await.is_empty(),
        "one of them fails, and none is written"
    );

    assert_eq!(many(STATEMENTS).commit(db).await.unwrap(), Committed::Yes);
    assert_eq!(
        written(db, session).await.len(),
        (STATEMENTS * ROWS) as usize
    );
}

async fn writes_that_wait_together_fail_apart(test: TestDb) {
    let db = &test.db;
    let (session, lost) = (SessionId::new(), SessionId::new());
    let fence = leased(db, session, NodeId::new()).await;
    let stale = leased(db, lost, NodeId::new()).await;
    claim(db, stale, NodeId::new()).await;

    let busy = db::begin(db).await.unwrap();
    let (first, refused, broken, last, ()) = tokio::join!(
        writing(db, fence, &[1]).commit(db),
        writing(db, stale, &[2]).commit(db),
        writing(db, fence, &[3, 3]).commit(db),
        writing(db, fence, &[4, 5]).commit(db),
        // Asked last, when the others wait.
        async { busy.rollback().await.unwrap() },
    );
    assert_eq!(first.unwrap(), Committed::Yes);
    assert_eq!(refused.unwrap(), Committed::Refused);
    assert!(matches!(
        broken.unwrap_err().sql_err(),
        Some(SqlErr::UniqueConstraintViolation(_))
    ));
    assert_eq!(last.unwrap(), Committed::Yes);
    assert_eq!(written(db, session).await, [1, 4, 5]);
    assert!(written(db, lost).await.is_empty());
}

/// The others have no turns: each write has a connection of its own.
#[tokio::test]
async fn a_write_that_is_given_up_before_its_turn_is_not_written() {
    let test = TestDb::migrated(Engine::Sqlite).await;
    let db = &test.db;
    let session = SessionId::new();
    let fence = leased(db, session, NodeId::new()).await;
    let busy = db::begin(db).await.unwrap();
    let mut given_up = Box::pin(writing(db, fence, &[1]).commit(db));
    assert!((&mut given_up).now_or_never().is_none(), "it waits");
    drop(given_up);
    busy.rollback().await.unwrap();
    let kept = writing(db, fence, &[2]).commit(db).await.unwrap();
    assert_eq!(kept, Committed::Yes);
    assert_eq!(written(db, session).await, [2]);
}
