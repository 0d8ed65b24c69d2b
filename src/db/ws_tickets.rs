//! `ws_tickets`: single-use tickets for a socket.

use entity::{
    ids::UserId,
    ws_tickets::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

/// Adds a ticket.
pub async fn insert(db: &impl ConnectionTrait, ticket: Model) -> Result<(), DbErr> {
    let row = ActiveModel {
        ticket_hash: Set(ticket.ticket_hash),
        owner_id: Set(ticket.owner_id),
        principal: Set(ticket.principal),
        expires_at: Set(ticket.expires_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Takes a ticket out of the table; of two that try at once, one gets it.
pub async fn take(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Model>, DbErr> {
    let Some(ticket) = Entity::find_by_id(hash.to_owned()).one(db).await? else {
        return Ok(None);
    };
    let gone = Entity::delete_by_id(hash.to_owned()).exec(db).await?;
    Ok((gone.rows_affected == 1).then_some(ticket))
}

/// Removes the tickets of a user that ended before `now`.
pub async fn sweep(db: &impl ConnectionTrait, user: UserId, now: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::OwnerId.eq(user))
        .filter(Column::ExpiresAt.lt(now))
        .exec(db)
        .await?;
    Ok(())
}

/// Removes every ticket of a user.
pub async fn delete_user(db: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::OwnerId.eq(user))
        .exec(db)
        .await?;
    Ok(())
}
