//! `wharf migrate`: brings the database up to date, so that `serve` finds nothing to do.

use anyhow::Context;
use secrecy::ExposeSecret;

use super::{Failure, print};
use crate::{
    config::{Config, create_private},
    db::{self, migrate::MigrateError},
};

/// Applies what is missing and says what it was.
pub(super) fn run(config: &Config) -> Result<(), Failure> {
    if config.is_embedded_database() {
        create_private(&config.data.dir)?;
    }
    let runtime = super::runtime()?;
    let applied = runtime.block_on(async {
        let db = db::connect(config.database_url().expose_secret(), 1)
            .await
            .context("cannot connect to the database")
            .map_err(Failure::failed)?;
        let applied = db::migrate::migrate(&db).await?;
        db.close()
            .await
            .context("the database did not close")
            .map_err(Failure::failed)?;
        Ok::<_, Failure>(applied)
    })?;
    let lines: String = applied
        .iter()
        .map(|name| format!("applied {name}\n"))
        .collect();
    if lines.is_empty() {
        return print("nothing to do: the database is up to date\n");
    }
    print(&lines)
}

impl From<MigrateError> for Failure {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Newer(_) => Self::refused(error),
            MigrateError::Behind(_) | MigrateError::Db(_) => Self::failed(error),
        }
    }
}
