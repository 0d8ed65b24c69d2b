//! What whatsapp-rust expects of a store, run against ours on each database and against its own.
//!
//! Its in-memory store is the reference: a test that fails there expects too much.

use std::sync::Arc;

use wacore::store::{InMemoryBackend, traits::Backend};

mod app_sync;
mod contacts;
mod device;
mod messages;
mod signal;

type Store = Arc<dyn Backend>;

fn reference() -> Store {
    Arc::new(InMemoryBackend::new())
}

/// Run each expectation against the reference and against our store on each engine.
macro_rules! expectations {
    ($($name:ident),+ $(,)?) => {
        mod reference {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::store::contract::reference()).await;
                }
            )+
        }
        expectations!(@ sqlite, Sqlite, $($name)+);
        expectations!(@ postgres, Postgres, $($name)+);
        expectations!(@ mariadb, MariaDb, $($name)+);
    };
    (@ $module:ident, $engine:ident, $($name:ident)+) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $name() {
                    use crate::harness::databases::{Engine, TestDb};
                    let test = TestDb::migrated(Engine::$engine).await;
                    let store = crate::store::store(&test.db).await;
                    super::$name(std::sync::Arc::new(store)).await;
                    test.db.close().await.unwrap();
                }
            )+
        }
    };
}
use expectations;
