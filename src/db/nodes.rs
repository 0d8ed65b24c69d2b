//! `nodes`: which processes are alive.

use std::time::Duration;

use entity::{
    ids::NodeId,
    nodes::{ActiveModel, Column, Entity},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};

use super::now;

/// What a node says of itself.
#[derive(Debug, Clone)]
pub struct NewNode {
    /// Its id: fresh at every boot.
    pub id: NodeId,
    /// The machine's name.
    pub host: String,
    /// Where it listens.
    pub addr: String,
}

/// Writes the node's row with a lease of `ttl` from now, by the database's clock.
pub async fn insert(db: &impl ConnectionTrait, node: NewNode, ttl: Duration) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Set(node.id),
        host: Set(node.host),
        addr: Set(node.addr),
        version: Set(env!("CARGO_PKG_VERSION").to_owned()),
        started_at: Set(0),
        lease_until: Set(0),
        draining: Set(false),
        capacity: Set(0),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Entity::update_many()
        .col_expr(Column::StartedAt, now::expr(db.get_database_backend()))
        .filter(Column::Id.eq(node.id))
        .exec(db)
        .await?;
    renew(db, node.id, ttl).await.map(|_| ())
}

/// Moves the node's lease to `ttl` from now; false when the row is gone.
pub async fn renew(db: &impl ConnectionTrait, id: NodeId, ttl: Duration) -> Result<bool, DbErr> {
    let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
    let until = now::expr(db.get_database_backend()).add(Expr::val(ttl));
    let renewed = Entity::update_many()
        .col_expr(Column::LeaseUntil, until)
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(renewed.rows_affected > 0)
}

/// Forgets a node that has stopped, or that is known to be dead.
pub async fn delete(db: &impl ConnectionTrait, id: NodeId) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::Id.eq(id))
        .exec(db)
        .await
        .map(|_| ())
}
