//! `chats`: the conversations of a session.
//!
//! Written by a session's journal alone, under its fence, in the transaction of what changes them.

use entity::{
    chat_labels,
    chats::{ActiveModel, Column, Entity, Model},
    ids::SessionId,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{CaseStatement, Expr, ExprTrait, Func, OnConflict, Query},
};

use super::{Script, upsert};

/// Writes what is new of chats, as part of `script`: `unread` is added to what was, what a row does not say stays, and
/// the last message is the later one. No two rows are of the same chat.
pub fn upsert(script: &mut Script, rows: Vec<Model>) {
    let rows = rows.into_iter().map(ActiveModel::from);
    upsert::upsert(script, rows, merged);
}

fn merged(backend: DbBackend) -> OnConflict {
    let incoming = |column: Column| upsert::incoming(backend, column);
    let kept = |column: Column| Expr::col((Entity, column));
    let mut conflict = OnConflict::columns([Column::SessionId, Column::Id]);
    for column in [
        Column::Phone,
        Column::Lid,
        Column::Name,
        Column::MarkedUnread,
        Column::Archived,
        Column::Pinned,
        Column::MutedUntil,
        Column::EphemeralS,
    ] {
        let newest = Func::coalesce([incoming(column), kept(column)]);
        conflict.value(column, newest);
    }
    let sum = || kept(Column::Unread).add(incoming(Column::Unread));
    let unread = CaseStatement::new().case(sum().lt(0), 0).finally(sum());
    conflict.value(Column::Unread, unread);
    // Last: MariaDB works off one after the other, and what is compared must not be written yet.
    for column in [Column::LastMessageId, Column::LastSentAt, Column::LastAt] {
        let is_later = incoming(Column::LastAt).gte(kept(Column::LastAt));
        let later = CaseStatement::new()
            .case(is_later, incoming(column))
            .finally(kept(column));
        conflict.value(column, later);
    }
    conflict.value(Column::UpdatedAt, incoming(Column::UpdatedAt));
    conflict
}

/// Forgets chats, as part of `script`; they may be unknown.
pub fn remove<'a>(script: &mut Script, session: SessionId, ids: impl IntoIterator<Item = &'a str>) {
    let delete = Entity::delete_many()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(ids));
    script.add_lenient(&delete);
}

/// Those of `ids` that the session knows.
pub async fn of(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[&str],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// A page, the one with the latest message first, after the chat with `after`; with `label` of those that have it.
pub async fn page(
    db: &impl ConnectionTrait,
    session: SessionId,
    label: Option<&str>,
    after: Option<(i64, &str)>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut rows = Entity::find().filter(Column::SessionId.eq(session));
    if let Some(label) = label {
        let labeled = Query::select()
            .column(chat_labels::Column::Chat)
            .from(chat_labels::Entity)
            .and_where(chat_labels::Column::SessionId.eq(session))
            .and_where(chat_labels::Column::Label.eq(label))
            .to_owned();
        // Put on it before its other address was known here, it is kept by that one.
        let any = Condition::any()
            .add(Column::Id.in_subquery(labeled.clone()))
            .add(Column::Lid.in_subquery(labeled));
        rows = rows.filter(any);
    }
    if let Some((at, id)) = after {
        let same = Condition::all()
            .add(Column::LastAt.eq(at))
            .add(Column::Id.lt(id));
        // The first bound says nothing new; an index is walked by it.
        rows = rows
            .filter(Column::LastAt.lte(at))
            .filter(Condition::any().add(Column::LastAt.lt(at)).add(same));
    }
    rows.order_by_desc(Column::LastAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(db)
        .await
}

/// After how many seconds the messages of a chat disappear, where that is known; 0 is never.
pub async fn ephemeral(
    db: &impl ConnectionTrait,
    session: SessionId,
    id: &str,
) -> Result<Option<i32>, DbErr> {
    let found: Option<Option<i32>> = Entity::find_by_id((session, id.to_owned()))
        .select_only()
        .column(Column::EphemeralS)
        .into_tuple()
        .one(db)
        .await?;
    Ok(found.flatten())
}

/// The canonical id of the chat with this LID.
pub async fn by_lid(
    db: &impl ConnectionTrait,
    session: SessionId,
    lid: &str,
) -> Result<Option<String>, DbErr> {
    let ids = Entity::find().select_only().column(Column::Id);
    ids.filter(Column::SessionId.eq(session))
        .filter(Column::Lid.eq(lid))
        .into_tuple()
        .one(db)
        .await
}
