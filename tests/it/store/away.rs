//! Which faults of a database say: come again. Each is raised by the real database.

use sea_orm::{ConnectionTrait, DbErr};
use wharf::db;

use crate::harness::databases::{Engine, TestDb};

/// The fault that `statement` raises.
async fn raised(test: &TestDb, statement: &str) -> DbErr {
    test.db.execute_unprepared(statement).await.unwrap_err()
}

#[tokio::test]
async fn postgres_asks_to_come_again_after_a_deadlock_but_not_after_a_wrong_value() {
    let test = TestDb::migrated(Engine::Postgres).await;
    for code in ["40001", "40P01", "53100", "55P03", "57P01"] {
        let raise = format!("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$");
        let error = raised(&test, &raise).await;
        assert!(db::is_away(&error), "{code}: {error}");
    }
    for code in ["22P02", "23505", "42P01"] {
        let raise = format!("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{code}'; END $$");
        let error = raised(&test, &raise).await;
        assert!(!db::is_away(&error), "{code}: {error}");
    }
}

#[tokio::test]
async fn mariadb_asks_to_come_again_after_a_deadlock_but_not_after_a_wrong_value() {
    let test = TestDb::migrated(Engine::MariaDb).await;
    let signal = |state: &str, number: u16| {
        format!(
            "BEGIN NOT ATOMIC SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'raised'; END"
        )
    };
    // A deadlock, a lock waited for in vain, a full disk, a full table.
    for (state, number) in [
        ("40001", 1213),
        ("HY000", 1205),
        ("HY000", 1021),
        ("HY000", 1114),
    ] {
        let error = raised(&test, &signal(state, number)).await;
        assert!(db::is_away(&error), "{number}: {error}");
    }
    // A value twice, no such table, and what has no class and no number of ours.
    for (state, number) in [("23000", 1062), ("42S02", 1146), ("HY000", 1364)] {
        let error = raised(&test, &signal(state, number)).await;
        assert!(!db::is_away(&error), "{number}: {error}");
    }
}
