//! `media`: the files of a session. Found through the session, whose owner the caller has checked.

use super::Script;
use entity::{
    ids::{MediaId, SessionId, UserId},
    media::{ActiveModel, Column, Entity, Model},
    sessions,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait,
    IntoActiveModel as _, QueryFilter, QueryOrder, QuerySelect, Value,
    sea_query::{Expr, ExprTrait, Query},
};

/// The table, as what is sealed in it names it.
pub const TABLE: &str = "media";

/// Adds a file that came with a message, as part of `script`.
pub fn add(script: &mut Script, row: Model) {
    script.insert([ActiveModel::from(row)]);
}

/// WhatsApp has a file that was here before, as part of `script`; it may be gone.
pub fn refer(script: &mut Script, (session, id): (SessionId, MediaId), sealed: Vec<u8>) {
    let update = Entity::update_many()
        .col_expr(Column::ReferenceSealed, Expr::value(sealed))
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.eq(id));
    script.add_lenient(&update);
}

/// Adds a file.
pub async fn insert(db: &DatabaseConnection, row: Model) -> Result<(), DbErr> {
    let tx = super::begin(db).await?;
    let row: ActiveModel = row.into_active_model();
    Entity::insert(row).exec_without_returning(&*tx).await?;
    tx.commit().await
}

/// The file with this id.
pub async fn find(
    db: &impl ConnectionTrait,
    session: SessionId,
    id: MediaId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id((session, id)).one(db).await
}

/// How many bytes of the files of `owner` are in the store.
pub async fn stored_bytes(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbErr> {
    let sessions = Query::select()
        .column(sessions::Column::Id)
        .from(sessions::Entity)
        .and_where(Expr::col(sessions::Column::OwnerId).eq(owner))
        .to_owned();
    // A sum is a decimal number on two of the databases.
    let number = match db.get_database_backend() {
        DbBackend::MySql => "SIGNED",
        _ => "BIGINT",
    };
    let sum = Expr::col(Column::Size).sum().cast_as(number);
    let sum: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(sum, "bytes")
        .filter(Column::SessionId.in_subquery(sessions))
        .filter(Column::Stored.eq(true))
        .into_tuple()
        .one(db)
        .await?;
    Ok(sum
        .flatten()
        .and_then(|sum| u64::try_from(sum).ok())
        .unwrap_or(0))
}

/// Notes a use.
pub async fn touch(
    db: &DatabaseConnection,
    (session, id): (SessionId, MediaId),
    now: i64,
) -> Result<(), DbErr> {
    let columns = [(Column::UsedAt, now.into())];
    set(db, (session, id), columns).await
}

/// Stored files that nobody has used since `before`, the longest unused first.
pub async fn unused(
    db: &impl ConnectionTrait,
    before: i64,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::Stored.eq(true))
        .filter(Column::UsedAt.lt(before))
        .order_by_asc(Column::UsedAt)
        .limit(limit)
        .all(db)
        .await
}

/// Files whose session is gone.
pub async fn orphans(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Model>, DbErr> {
    let sessions = Query::select()
        .column(sessions::Column::Id)
        .from(sessions::Entity)
        .to_owned();
    Entity::find()
        .filter(Column::SessionId.not_in_subquery(sessions))
        .limit(limit)
        .all(db)
        .await
}

/// Files that WhatsApp has and the store does not, written since `since`, the oldest first; without `passed`.
pub async fn awaited(
    db: &impl ConnectionTrait,
    session: SessionId,
    since: i64,
    passed: &[MediaId],
    limit: u64,
) -> Result<Vec<MediaId>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SessionId.eq(session))
        .filter(Column::Stored.eq(false))
        .filter(Column::CreatedAt.gte(since))
        .filter(Column::ReferenceSealed.is_not_null())
        .filter(Column::Id.is_not_in(passed.iter().copied()))
        .order_by_asc(Column::CreatedAt)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
}

/// Its bytes are in the store no longer; WhatsApp may have them.
pub async fn unstore(
    db: &DatabaseConnection,
    (session, id): (SessionId, MediaId),
) -> Result<(), DbErr> {
    let columns = [(Column::Stored, false.into())];
    set(db, (session, id), columns).await
}

/// The store has its bytes from now on.
pub async fn store(
    db: &DatabaseConnection,
    (session, id): (SessionId, MediaId),
    now: i64,
) -> Result<(), DbErr> {
    let columns = [(Column::Stored, true.into()), (Column::UsedAt, now.into())];
    set(db, (session, id), columns).await
}

async fn set(
    db: &DatabaseConnection,
    (session, id): (SessionId, MediaId),
    columns: impl IntoIterator<Item = (Column, Value)>,
) -> Result<(), DbErr> {
    let tx = super::begin(db).await?;
    let mut update = Entity::update_many()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.eq(id));
    for (column, value) in columns {
        update = update.col_expr(column, Expr::value(value));
    }
    update.exec(&*tx).await?;
    tx.commit().await
}

/// Forgets a file.
pub async fn remove(
    db: &DatabaseConnection,
    (session, id): (SessionId, MediaId),
) -> Result<(), DbErr> {
    let tx = super::begin(db).await?;
    Entity::delete_by_id((session, id)).exec(&*tx).await?;
    tx.commit().await
}
