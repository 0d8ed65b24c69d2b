//! `link_tokens`: tokens for a browser that may only pair and watch one session.

use entity::{
    ids::UserId,
    link_tokens::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

/// Adds a token.
pub async fn insert(db: &impl ConnectionTrait, token: Model) -> Result<(), DbErr> {
    let row = ActiveModel {
        token_hash: Set(token.token_hash),
        session_id: Set(token.session_id),
        owner_id: Set(token.owner_id),
        allowed_origins: Set(token.allowed_origins),
        expires_at: Set(token.expires_at),
        created_at: Set(token.created_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The token with this hash.
pub async fn by_hash(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(hash.to_owned()).one(db).await
}

/// Removes the tokens of a user that ended before `now`.
pub async fn sweep(db: &impl ConnectionTrait, user: UserId, now: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::OwnerId.eq(user))
        .filter(Column::ExpiresAt.lt(now))
        .exec(db)
        .await?;
    Ok(())
}

/// Removes every token of a user.
pub async fn delete_user(db: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::OwnerId.eq(user))
        .exec(db)
        .await?;
    Ok(())
}
