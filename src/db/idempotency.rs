//! `idempotency_keys`: answers kept for a day, so that a repeated request gets the same one.

use entity::{
    idempotency_keys::{ActiveModel, Column, Entity, Model},
    ids::UserId,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    SqlErr, sea_query::Expr,
};

/// Takes a key that is not in use; tells whether it did.
pub async fn insert(
    db: &impl ConnectionTrait,
    owner: UserId,
    key: &str,
    fingerprint: &str,
    now: i64,
) -> Result<bool, DbErr> {
    let row = ActiveModel {
        owner_id: Set(owner),
        idem_key: Set(key.to_owned()),
        fingerprint: Set(fingerprint.to_owned()),
        status: Set(None),
        body: Set(None),
        created_at: Set(now),
    };
    match Entity::insert(row).exec_without_returning(db).await {
        Ok(_) => Ok(true),
        Err(error) => match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Ok(false),
            _ => Err(error),
        },
    }
}

/// The row of a key.
pub async fn find(
    db: &impl ConnectionTrait,
    owner: UserId,
    key: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id((owner, key.to_owned())).one(db).await
}

/// Keeps the answer of the request that took the key at `taken_at`.
pub async fn finish(
    db: &impl ConnectionTrait,
    owner: UserId,
    key: &str,
    taken_at: i64,
    (status, body): (i32, String),
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value(status))
        .col_expr(Column::Body, Expr::value(body))
        .filter(row(owner, key))
        .filter(Column::CreatedAt.eq(taken_at))
        .exec(db)
        .await?;
    Ok(())
}

/// Frees a key whose request has no answer to keep.
pub async fn release(
    db: &impl ConnectionTrait,
    owner: UserId,
    key: &str,
    taken_at: i64,
) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(row(owner, key))
        .filter(Column::CreatedAt.eq(taken_at))
        .exec(db)
        .await?;
    Ok(())
}

/// Removes the keys of an owner that are of no use any more: kept longer than `answered_before`, or taken before
/// `unanswered_before` by a process that is gone.
pub async fn sweep(
    db: &impl ConnectionTrait,
    owner: UserId,
    answered_before: i64,
    unanswered_before: i64,
) -> Result<(), DbErr> {
    let abandoned = Condition::all()
        .add(Column::Status.is_null())
        .add(Column::CreatedAt.lt(unanswered_before));
    Entity::delete_many()
        .filter(Column::OwnerId.eq(owner))
        .filter(
            Condition::any()
                .add(Column::CreatedAt.lt(answered_before))
                .add(abandoned),
        )
        .exec(db)
        .await?;
    Ok(())
}

fn row(owner: UserId, key: &str) -> Condition {
    Condition::all()
        .add(Column::OwnerId.eq(owner))
        .add(Column::IdemKey.eq(key))
}
