//! Whether this process can serve.

use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;

use super::Error;

/// Whether this process can serve: the database answers, and no stop has begun.
#[derive(Debug, Clone)]
pub struct Health {
    db: DatabaseConnection,
    stopping: CancellationToken,
}

impl Health {
    /// Watches `db` and the soft stop token.
    pub fn new(db: DatabaseConnection, stopping: CancellationToken) -> Self {
        Self { db, stopping }
    }

    /// Says what keeps the process from serving.
    pub async fn check(&self) -> Result<(), Error> {
        if self.stopping.is_cancelled() {
            return Err(Error::Unavailable {
                code: "stopping",
                detail: "this process is stopping",
            });
        }
        self.db.ping().await.map_err(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the database does not answer"
            );
            Error::Unavailable {
                code: "database_unavailable",
                detail: "the database does not answer",
            }
        })
    }
}
