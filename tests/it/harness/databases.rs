//! A database of its own for every test, on each engine; gone when the test ends, also when it fails.

use std::{env, path::Path, sync::OnceLock};

use entity::{
    enums::LeaseKind,
    ids::{NodeId, SessionId},
    leases,
};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, Statement,
};
use tempfile::TempDir;
use uuid::Uuid;
use wharf::db::{self, fence::Fence};

/// Connections of a test's pool: some tests hold two transactions at once.
const CONNECTIONS: u32 = 8;

/// The databases that Wharf runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    MariaDb,
}

/// A database that belongs to one test.
#[derive(Debug)]
pub(crate) struct TestDb {
    pub(crate) db: DatabaseConnection,
    pub(crate) url: String,
    _home: Home,
}

/// Where a database lives, and what removes it.
#[derive(Debug)]
enum Home {
    Folder(#[expect(dead_code, reason = "removed when it is dropped")] TempDir),
    Server { admin: String, name: String },
}

impl TestDb {
    /// A database with the schema of today.
    pub(crate) async fn migrated(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = migrated_file(&folder.path().join("wharf.db"));
                Self::open(url, Home::Folder(folder)).await
            }
            Engine::Postgres => {
                let template = postgres_template();
                let (url, home) = on_server("TEST_POSTGRES_URL", Some(template)).await;
                Self::open(url, home).await
            }
            Engine::MariaDb => {
                let test = Self::empty(engine).await;
                test.db.execute_unprepared(mariadb_schema()).await.unwrap();
                test
            }
        }
    }

    /// A database without any table.
    pub(crate) async fn empty(engine: Engine) -> Self {
        let (url, home) = match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = sqlite_url(&folder.path().join("wharf.db"));
                (url, Home::Folder(folder))
            }
            Engine::Postgres => on_server("TEST_POSTGRES_URL", None).await,
            Engine::MariaDb => on_server("TEST_MARIADB_URL", None).await,
        };
        Self::open(url, home).await
    }

    async fn open(url: String, home: Home) -> Self {
        Self {
            db: db::connect(&url, CONNECTIONS).await.unwrap(),
            url,
            _home: home,
        }
    }
}

pub(crate) fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

/// Lays a database with the schema of today at `file`, and gives its URL. It is migrated once and copied from then on:
/// to migrate takes longer than most tests.
pub(crate) fn migrated_file(file: &Path) -> String {
    static MIGRATED: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = MIGRATED.get_or_init(|| {
        in_a_runtime(|| async {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("wharf.db");
            let db = db::connect(&sqlite_url(&file), 1).await.unwrap();
            db::migrate::migrate(&db).await.unwrap();
            let whole = "PRAGMA wal_checkpoint(TRUNCATE)";
            db.execute_unprepared(whole).await.unwrap();
            db.close().await.unwrap();
            std::fs::read(&file).unwrap()
        })
        .unwrap()
    });
    std::fs::write(file, bytes).unwrap();
    sqlite_url(file)
}

/// The name of a database that is migrated once and copied from then on. It goes with its server.
fn postgres_template() -> &'static str {
    static MIGRATED: OnceLock<String> = OnceLock::new();
    MIGRATED.get_or_init(|| {
        in_a_runtime(|| async {
            let (url, home) = on_server("TEST_POSTGRES_URL", None).await;
            let db = db::connect(&url, 1).await.unwrap();
            db::migrate::migrate(&db).await.unwrap();
            // A database that somebody is connected to is not copied.
            db.close().await.unwrap();
            let Home::Server { name, .. } = &home else {
                unreachable!("it is on a server")
            };
            let name = name.clone();
            std::mem::forget(home);
            name
        })
        .unwrap()
    })
}

/// What lays the schema of today in a database of MariaDB, with what the migrations have written: it is migrated once.
fn mariadb_schema() -> &'static str {
    static SCHEMA: OnceLock<String> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        in_a_runtime(|| async {
            let (url, home) = on_server("TEST_MARIADB_URL", None).await;
            let db = db::connect(&url, 1).await.unwrap();
            db::migrate::migrate(&db).await.unwrap();
            let Home::Server { name, .. } = &home else {
                unreachable!("it is on a server")
            };
            // Tables are made in any order.
            let mut schema = vec!["SET SESSION foreign_key_checks = 0".to_owned()];
            for table in column(&db, "SHOW TABLES", 0).await {
                schema.append(&mut column(&db, &format!("SHOW CREATE TABLE `{table}`"), 1).await);
                let rows = format!("INSERT INTO `{table}` SELECT * FROM {name}.`{table}`");
                schema.push(rows);
            }
            schema.push("SET SESSION foreign_key_checks = 1".to_owned());
            db.close().await.unwrap();
            std::mem::forget(home);
            schema.join(";")
        })
        .unwrap()
    })
}

async fn column(db: &DatabaseConnection, query: &str, index: usize) -> Vec<String> {
    let query = Statement::from_string(DbBackend::MySql, query);
    let rows = db.query_all_raw(query).await.unwrap();
    let cells = rows.iter().map(|row| row.try_get_by_index(index).unwrap());
    cells.collect()
}

/// Runs `work` where nothing async is under way; the runtime of a test cannot wait for another.
fn in_a_runtime<T: Send, F: Future<Output = T>>(
    work: impl FnOnce() -> F + Send,
) -> std::thread::Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(work())
        });
        thread.join()
    })
}

/// A new database on the server that `variable` names, empty or a copy of `template`.
async fn on_server(variable: &str, template: Option<&str>) -> (String, Home) {
    let admin = env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: `make test` starts the databases and sets it (scripts/services.sh)")
    });
    let name = format!("wharf_{}", Uuid::now_v7().simple());
    let from = template.map_or_else(String::new, |template| {
        format!(" TEMPLATE {template} STRATEGY file_copy")
    });
    execute(&admin, &format!("CREATE DATABASE {name}{from}")).await;
    let mut url = url::Url::parse(&admin).unwrap();
    url.set_path(&name);
    (url.into(), Home::Server { admin, name })
}

async fn execute(url: &str, statement: &str) {
    let db = db::connect(url, 1).await.unwrap();
    db.execute_unprepared(statement).await.unwrap();
    db.close().await.unwrap();
}

/// Remove a database although a failed test has left transactions open on it.
async fn drop_database(admin: &str, name: &str) {
    if admin.starts_with("postgres") {
        return execute(admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
    let db = db::connect(admin, 1).await.unwrap();
    let query = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}'");
    let open = Statement::from_string(DbBackend::MySql, query);
    for row in db.query_all_raw(open).await.unwrap() {
        let id: i64 = row.try_get_by_index(0).unwrap();
        // It may be gone by now.
        drop(db.execute_unprepared(&format!("KILL {id}")).await);
    }
    db.execute_unprepared(&format!("DROP DATABASE {name}"))
        .await
        .unwrap();
    db.close().await.unwrap();
}

impl Drop for Home {
    fn drop(&mut self) {
        let Self::Server { admin, name } = self else {
            return;
        };
        // A drop cannot await, and the runtime of the test may be gone.
        let gone = in_a_runtime(|| drop_database(admin, name)).is_ok();
        assert!(
            gone || std::thread::panicking(),
            "the database of the test could not be removed"
        );
    }
}

/// Run each test on each engine: `on_each_engine!(a_test, another);` calls `async fn a_test(test: TestDb)`. What stands in
/// brackets before them is how: `on_each_engine!((flavor = "multi_thread") a_test);`.
macro_rules! on_each_engine {
    ($($name:ident),+ $(,)?) => {
        on_each_engine!((flavor = "current_thread") $($name),+);
    };
    ($how:tt $($name:ident),+ $(,)?) => {
        on_each_engine!(@ $how sqlite, Sqlite, $($name)+);
        on_each_engine!(@ $how postgres, Postgres, $($name)+);
        on_each_engine!(@ $how mariadb, MariaDb, $($name)+);
    };
    (@ $how:tt $module:ident, $engine:ident, $($name:ident)+) => {
        mod $module {
            $(
                #[tokio::test $how]
                async fn $name() {
                    use crate::harness::databases::{Engine, TestDb};
                    super::$name(TestDb::migrated(Engine::$engine).await).await;
                }
            )+
        }
    };
}
pub(crate) use on_each_engine;

/// A session whose lease `node` holds at epoch 1.
pub(crate) async fn leased(db: &DatabaseConnection, session: SessionId, node: NodeId) -> Fence {
    let row = leases::ActiveModel {
        kind: Set(LeaseKind::Session),
        lease_key: Set(session.uuid()),
        desired: Set(true),
        owner_node: Set(Some(node)),
        epoch: Set(1),
        last_seq: Set(0),
        claimed_at: Set(Some(1)),
        not_before: Set(0),
        fail_count: Set(0),
        endpoints_version: Set(0),
    };
    leases::Entity::insert(row)
        .exec_without_returning(db)
        .await
        .unwrap();
    Fence {
        kind: LeaseKind::Session,
        key: session.uuid(),
        epoch: 1,
        node,
    }
}
