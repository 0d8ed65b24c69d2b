//! The check at the start: the key at hand is the one that this database was sealed with.

use std::sync::Arc;

use entity::{ids::SessionId, seal_check, session_keys};
use sea_orm::{ActiveValue::Set, DatabaseConnection, EntityTrait, sea_query::OnConflict};
use secrecy::SecretString;
use uuid::Uuid;

use super::{KeySource, Master, SealError};

/// The row that every process opens before anything else.
pub(super) const ROW: i32 = 1;
pub(super) const PURPOSE: &str = "seal_check";
const KNOWN: &[u8] = b"wharf";

/// The master key from `source`, made sure to be the one this database was sealed with.
///
/// A new database gets a new key if `source` is a file that does not exist. A database with sealed values
/// never does: without its key they are lost, and a new one would only hide that.
///
/// While keys are changed, `other` opens what this one does not.
pub async fn unlock(
    db: &DatabaseConnection,
    source: &KeySource,
    other: Option<&SecretString>,
) -> Result<Arc<Master>, SealError> {
    let known = sealed_text(db).await?;
    let master = match (Master::load(source)?, source) {
        (Some(master), _) => master,
        (None, KeySource::File(path)) if known.is_some() => {
            return Err(SealError::MissingKey(path.clone()));
        }
        (None, KeySource::File(path)) => Master::create(path)?,
        (None, KeySource::Given(_)) => return Err(SealError::NotAKey),
    };
    let master = match other {
        Some(other) => master.with_other(other)?,
        None => master,
    };
    let known = match known {
        Some(known) => known,
        None => mark(db, &master).await?,
    };
    let text = master.open(PURPOSE, Uuid::nil(), &known)?;
    if text.as_slice() != KNOWN {
        return Err(SealError::NotInPlace);
    }
    Ok(Arc::new(master))
}

async fn sealed_text(db: &DatabaseConnection) -> Result<Option<Vec<u8>>, SealError> {
    let row = seal_check::Entity::find_by_id(ROW).one(db).await?;
    Ok(row.map(|row| row.sealed))
}

/// Leave the known text in a database that has none; whoever comes first decides the key.
async fn mark(db: &DatabaseConnection, master: &Master) -> Result<Vec<u8>, SealError> {
    // Session keys without the known text: somebody removed it, and this key has to prove itself first.
    if let Some(keys) = session_keys::Entity::find().one(db).await? {
        let session: SessionId = keys.session_id;
        master.session_keys(session, &keys.wrapped)?;
    }
    let row = seal_check::ActiveModel {
        id: Set(ROW),
        sealed: Set(master.seal(PURPOSE, Uuid::nil(), KNOWN)?),
    };
    seal_check::Entity::insert(row)
        .on_conflict(
            OnConflict::column(seal_check::Column::Id)
                .do_nothing_on([seal_check::Column::Id])
                .to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    sealed_text(db).await?.ok_or(SealError::NotInPlace)
}
