//! `api_keys`: keys for programs.

use entity::{
    api_keys::{ActiveModel, Column, Entity, Model},
    ids::{ApiKeyId, SessionId, UserId},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

/// Adds a key.
pub async fn insert(db: &impl ConnectionTrait, key: Model) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Set(key.id),
        owner_id: Set(key.owner_id),
        name: Set(key.name),
        hint: Set(key.hint),
        key_hash: Set(key.key_hash),
        scopes: Set(key.scopes),
        session_id: Set(key.session_id),
        expires_at: Set(key.expires_at),
        last_used_at: Set(key.last_used_at),
        created_at: Set(key.created_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The key with this hash.
pub async fn by_hash(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::KeyHash.eq(hash))
        .one(db)
        .await
}

/// The keys of one owner in the order they were made, those after `after`.
pub async fn list(
    db: &impl ConnectionTrait,
    owner: UserId,
    after: Option<ApiKeyId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut find = Entity::find()
        .filter(Column::OwnerId.eq(owner))
        .order_by_asc(Column::Id)
        .limit(limit);
    if let Some(after) = after {
        find = find.filter(Column::Id.gt(after));
    }
    find.all(db).await
}

/// The keys of one owner that have this name, oldest first.
pub async fn named(
    db: &impl ConnectionTrait,
    owner: UserId,
    name: &str,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::Name.eq(name))
        .order_by_asc(Column::Id)
        .all(db)
        .await
}

/// The keys that are bound to a session, and who made each.
pub async fn bound_to(
    db: &impl ConnectionTrait,
    session: SessionId,
) -> Result<Vec<(UserId, ApiKeyId)>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::OwnerId, Column::Id])
        .filter(Column::SessionId.eq(session))
        .into_tuple()
        .all(db)
        .await
}

/// Removes a key of this owner; tells whether there was one.
pub async fn delete(db: &impl ConnectionTrait, owner: UserId, id: ApiKeyId) -> Result<bool, DbErr> {
    let gone = Entity::delete_many()
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(gone.rows_affected > 0)
}

/// Removes every key of a user.
pub async fn delete_user(db: &impl ConnectionTrait, owner: UserId) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::OwnerId.eq(owner))
        .exec(db)
        .await?;
    Ok(())
}

/// Notes a use, unless one was noted after `since`.
pub async fn touch(
    db: &impl ConnectionTrait,
    id: ApiKeyId,
    now: i64,
    since: i64,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(
            Condition::any()
                .add(Column::LastUsedAt.is_null())
                .add(Column::LastUsedAt.lt(since)),
        )
        .exec(db)
        .await?;
    Ok(())
}
