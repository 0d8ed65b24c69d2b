//! The migrations: up, down and up again, and never over a newer schema.

use migration::{Migrator, MigratorTrait, SchemaManager};
use sea_orm::ConnectionTrait;
use wharf::db::migrate::{MigrateError, check, migrate};

use crate::harness::databases::{Engine, TestDb};

macro_rules! on_each_engine_empty {
    ($($name:ident),+ $(,)?) => {
        on_each_engine_empty!(@ sqlite, Sqlite, $($name)+);
        on_each_engine_empty!(@ postgres, Postgres, $($name)+);
        on_each_engine_empty!(@ mariadb, MariaDb, $($name)+);
    };
    (@ $module:ident, $engine:ident, $($name:ident)+) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $name() {
                    use super::*;
                    super::$name(TestDb::empty(Engine::$engine).await).await;
                }
            )+
        }
    };
}

on_each_engine_empty!(
    the_schema_goes_up_down_and_up_again,
    each_step_goes_down_alone_and_up_again,
    a_database_of_a_newer_version_is_refused,
    a_database_that_lacks_steps_is_told_so,
);

async fn has(test: &TestDb, table: &str) -> bool {
    SchemaManager::new(&test.db).has_table(table).await.unwrap()
}

async fn the_schema_goes_up_down_and_up_again(test: TestDb) {
    let steps = Migrator::migrations().len();
    assert_eq!(migrate(&test.db).await.unwrap().len(), steps);
    assert!(has(&test, "leases").await && has(&test, "wa_prekeys").await);
    Migrator::down(&test.db, None).await.unwrap();
    assert!(!has(&test, "leases").await && !has(&test, "wa_prekeys").await);
    assert_eq!(migrate(&test.db).await.unwrap().len(), steps);
    assert!(has(&test, "wa_prekeys").await);
    assert!(
        migrate(&test.db).await.unwrap().is_empty(),
        "nothing is left to do"
    );
}

/// A step that left something behind could not be taken again.
async fn each_step_goes_down_alone_and_up_again(test: TestDb) {
    let steps = migrate(&test.db).await.unwrap().len();
    for _ in 0..steps {
        Migrator::down(&test.db, Some(1)).await.unwrap();
        Migrator::up(&test.db, Some(1)).await.unwrap();
        Migrator::down(&test.db, Some(1)).await.unwrap();
    }
    assert!(!has(&test, "webhook_endpoints").await && !has(&test, "wa_prekeys").await);
    assert_eq!(migrate(&test.db).await.unwrap().len(), steps);
}

async fn a_database_of_a_newer_version_is_refused(test: TestDb) {
    migrate(&test.db).await.unwrap();
    check(&test.db).await.unwrap();
    test.db
        .execute_unprepared(
            "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29990101_000001_from_the_future', 1)",
        )
        .await
        .unwrap();
    for refused in [
        migrate(&test.db).await.unwrap_err(),
        check(&test.db).await.unwrap_err(),
    ] {
        assert!(matches!(refused, MigrateError::Newer(_)));
        let told = refused.to_string();
        assert!(
            told.contains("newer version") && told.contains("m29990101"),
            "{told}"
        );
    }
}

async fn a_database_that_lacks_steps_is_told_so(test: TestDb) {
    let refused = check(&test.db).await.unwrap_err();
    assert!(matches!(refused, MigrateError::Behind(_)), "{refused}");
    assert!(refused.to_string().contains("wharf migrate"));
    assert!(
        !has(&test, "seaql_migrations").await,
        "a check changes nothing"
    );
}
