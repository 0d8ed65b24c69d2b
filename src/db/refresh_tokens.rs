//! `refresh_tokens`: one row per token; a family is one sign-in with its rotations.

use entity::{
    ids::{RefreshTokenId, UserId},
    refresh_tokens::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::Expr,
};

/// Adds a token.
pub async fn insert(db: &impl ConnectionTrait, token: Model) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Set(token.id),
        family_id: Set(token.family_id),
        user_id: Set(token.user_id),
        token_hash: Set(token.token_hash),
        expires_at: Set(token.expires_at),
        created_at: Set(token.created_at),
        used_at: Set(token.used_at),
        revoked_at: Set(token.revoked_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The token with this hash.
pub async fn by_hash(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::TokenHash.eq(hash))
        .one(db)
        .await
}

/// Whether the sign-in of `user` that this token belongs to has not ended.
pub async fn stands(
    db: &impl ConnectionTrait,
    user: UserId,
    id: RefreshTokenId,
) -> Result<bool, DbErr> {
    let token = Entity::find_by_id(id)
        .filter(Column::UserId.eq(user))
        .filter(Column::RevokedAt.is_null())
        .one(db)
        .await?;
    Ok(token.is_some())
}

/// Marks a token as exchanged. Of two that try at once, one is told `true`.
pub async fn take(db: &impl ConnectionTrait, id: RefreshTokenId, now: i64) -> Result<bool, DbErr> {
    let taken = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::UsedAt.is_null())
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Makes a whole family worthless.
pub async fn revoke_family(
    db: &impl ConnectionTrait,
    family: RefreshTokenId,
    now: i64,
) -> Result<(), DbErr> {
    revoke(db, Condition::all().add(Column::FamilyId.eq(family)), now).await
}

/// Makes every token of a user worthless.
pub async fn revoke_user(db: &impl ConnectionTrait, user: UserId, now: i64) -> Result<(), DbErr> {
    revoke(db, Condition::all().add(Column::UserId.eq(user)), now).await
}

async fn revoke(db: &impl ConnectionTrait, which: Condition, now: i64) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .filter(which)
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Removes the tokens of a user that ended before `now`, so that the table does not grow with every sign-in.
pub async fn sweep(db: &impl ConnectionTrait, user: UserId, now: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user))
        .filter(Column::ExpiresAt.lt(now))
        .exec(db)
        .await?;
    Ok(())
}

/// Removes every token of a user.
pub async fn delete_user(db: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user))
        .exec(db)
        .await?;
    Ok(())
}
