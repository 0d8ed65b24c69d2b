//! The schema at the start: bring it up to date, and refuse one that is newer than this program.

use std::collections::HashSet;

use migration::{Migrator, MigratorTrait, SchemaManager};
use sea_orm::{DatabaseConnection, DbErr};

/// Why the schema is not as this program needs it.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer version has changed the schema.
    #[error(
        "the database was migrated by a newer version of wharf (unknown: {}); start that version or restore a backup",
        .0.join(", ")
    )]
    Newer(Vec<String>),
    /// Steps are missing.
    #[error("the database lacks {} of the migrations; run `wharf migrate`", .0.len())]
    Behind(Vec<String>),
    /// A step, or reading what was applied, failed.
    #[error("the database could not be migrated")]
    Db(#[from] DbErr),
}

/// Apply what is missing; gives the names of the steps it applied.
pub async fn migrate(db: &DatabaseConnection) -> Result<Vec<String>, MigrateError> {
    let missing = missing(db).await?;
    if !missing.is_empty() {
        Migrator::up(db, None).await?;
    }
    Ok(missing)
}

/// Make sure that nothing is missing, and change nothing.
pub async fn check(db: &DatabaseConnection) -> Result<(), MigrateError> {
    match missing(db).await? {
        missing if missing.is_empty() => Ok(()),
        missing => Err(MigrateError::Behind(missing)),
    }
}

async fn missing(db: &DatabaseConnection) -> Result<Vec<String>, MigrateError> {
    let applied = applied(db).await?;
    let known: Vec<String> = Migrator::migrations()
        .iter()
        .map(|step| step.name().to_owned())
        .collect();
    let mut unknown: Vec<String> = applied
        .iter()
        .filter(|name| !known.contains(name))
        .cloned()
        .collect();
    if unknown.is_empty() {
        return Ok(known
            .into_iter()
            .filter(|name| !applied.contains(name))
            .collect());
    }
    unknown.sort();
    Err(MigrateError::Newer(unknown))
}

/// The steps that this database has seen. Reading them must not create their table.
async fn applied(db: &DatabaseConnection) -> Result<HashSet<String>, DbErr> {
    let table = Migrator::migration_table_name();
    if !SchemaManager::new(db).has_table(table.to_string()).await? {
        return Ok(HashSet::new());
    }
    let steps = Migrator::get_migration_models(db).await?;
    Ok(steps.into_iter().map(|step| step.version).collect())
}
