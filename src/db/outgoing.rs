//! `outgoing`: own messages that the server does not have yet, as far as we know.
//!
//! Written by a session's journal alone, under its fence. A row goes in the transaction that writes the answer.

use entity::{
    enums::OutgoingState,
    ids::{MessageRowId, SessionId},
    messages,
    outgoing::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::Script;

/// Its name, which binds what is sealed in it.
pub const TABLE: &str = "outgoing";

/// Writes new rows, as part of `script`.
pub fn insert(script: &mut Script, rows: Vec<Model>) {
    script.insert(rows.into_iter().map(ActiveModel::from));
}

/// Removes rows that are there, as part of `script`.
pub fn remove(script: &mut Script, session: SessionId, ids: &[MessageRowId]) {
    if ids.is_empty() {
        return;
    }
    let delete = Entity::delete_many()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(ids.iter().copied()));
    script.add(&delete, ids.len());
}

/// Counts an attempt that was not answered, as part of `script`; the row may be gone.
pub fn unanswered(script: &mut Script, session: SessionId, id: MessageRowId, state: OutgoingState) {
    let update = Entity::update_many()
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.eq(id));
    script.add_lenient(&update);
}

/// What is to be sent, with the message, in the order in which it was asked for.
pub async fn queued(
    db: &impl ConnectionTrait,
    session: SessionId,
    limit: u64,
) -> Result<Vec<(Model, messages::Model)>, DbErr> {
    let rows = Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::State.eq(OutgoingState::Queued))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    let ids = rows.iter().map(|row| row.id);
    let mut messages = messages::Entity::find()
        .filter(messages::Column::SessionId.eq(session))
        .filter(messages::Column::Id.is_in(ids))
        .all(db)
        .await?;
    let pairs = rows.into_iter().filter_map(|row| {
        let index = messages.iter().position(|message| message.id == row.id)?;
        Some((row, messages.swap_remove(index)))
    });
    Ok(pairs.collect())
}

/// The states of those among `ids` that are still on their way.
pub async fn states(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[MessageRowId],
) -> Result<Vec<(MessageRowId, OutgoingState)>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::State])
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(db)
        .await
}
