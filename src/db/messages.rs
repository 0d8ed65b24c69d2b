//! `messages`: both directions, unique by (session, chat, sender, message id).

use std::ops::RangeInclusive;

use entity::{
    ids::{MessageRowId, SessionId},
    messages::{ActiveModel, Column, Entity, Model},
    outgoing,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};

use super::{Script, search};
use crate::domain::{
    message::{Ack, Content},
    words::Search,
};

/// What makes a message the same as an earlier one of its session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The canonical id of the chat.
    pub chat: String,
    /// The canonical id of the sender.
    pub sender: String,
    /// WhatsApp's id.
    pub message_id: String,
}

/// Those of `ids` that the session has stored, each with its row if no event has told it.
pub async fn known(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[&str],
) -> Result<Vec<(Key, Option<MessageRowId>)>, DbErr> {
    let columns = [Column::Chat, Column::Sender, Column::MessageId];
    let rows: Vec<(String, String, String, MessageRowId, bool)> = Entity::find()
        .select_only()
        .columns(columns)
        .columns([Column::Id, Column::Untold])
        .filter(Column::SessionId.eq(session))
        .filter(Column::MessageId.is_in(ids.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(chat, sender, message_id, row, untold)| {
            let key = Key {
                chat,
                sender,
                message_id,
            };
            (key, untold.then_some(row))
        })
        .collect())
}

/// Writes new messages, as part of `script`.
pub fn insert(script: &mut Script, rows: Vec<Model>) {
    script.insert(rows.into_iter().map(ActiveModel::from));
}

/// Writes that an event tells messages of the past now, as part of `script`; all of `rows` were there before it.
pub fn set_told(script: &mut Script, session: SessionId, rows: &[MessageRowId]) {
    if rows.is_empty() {
        return;
    }
    let update = Entity::update_many()
        .col_expr(Column::Untold, Expr::value(false))
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(rows.iter().copied()));
    script.add(&update, rows.len());
}

/// An own message and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Own {
    /// Our id.
    pub id: MessageRowId,
    /// WhatsApp's id.
    pub message_id: String,
    /// The canonical id of the chat.
    pub chat: String,
    /// The word of its kind.
    pub kind: String,
    /// The number of its ack.
    pub ack: i16,
    /// Its row in `outgoing`, if it is still there.
    pub outgoing: Option<MessageRowId>,
}

/// The own messages among `ids` whose ack is below `ack`.
pub async fn below_ack(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[&str],
    ack: i16,
) -> Result<Vec<Own>, DbErr> {
    let mut find = Entity::find()
        .select_only()
        .columns([
            Column::Id,
            Column::MessageId,
            Column::Chat,
            Column::Kind,
            Column::Ack,
        ])
        .column_as(outgoing::Column::Id, "outgoing")
        .filter(Column::SessionId.eq(session))
        .filter(Column::MessageId.is_in(ids.iter().copied()))
        .filter(Column::FromMe.eq(true))
        .filter(Column::Ack.lt(ack));
    let of_session = Expr::col((Entity, Column::SessionId))
        .equals((outgoing::Entity, outgoing::Column::SessionId));
    let same = Expr::col((Entity, Column::Id)).equals((outgoing::Entity, outgoing::Column::Id));
    QuerySelect::query(&mut find).left_join(outgoing::Entity, of_session.and(same));
    find.into_model().all(db).await
}

/// Writes how far own messages have come, as part of `script`; all of `rows` are there.
pub fn set_ack(script: &mut Script, session: SessionId, rows: &[MessageRowId], ack: i16) {
    let update = Entity::update_many()
        .col_expr(Column::Ack, Expr::value(ack))
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(rows.iter().copied()));
    script.add(&update, rows.len());
}

/// A message of others that was not read yet.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Unread {
    /// Our id.
    pub id: MessageRowId,
    /// WhatsApp's id.
    pub message_id: String,
    /// The canonical id of the chat.
    pub chat: String,
}

/// Messages of others that count as unread.
fn unread(session: SessionId) -> Select<Entity> {
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::MessageId, Column::Chat])
        .filter(Column::SessionId.eq(session))
        .filter(Column::FromMe.eq(false))
        .filter(Column::Ack.lt(Ack::Read.number()))
        .filter(Column::Kind.is_not_in(Content::ABOUT_OTHERS))
}

/// The unread messages among `ids`.
pub async fn unread_among(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[&str],
) -> Result<Vec<Unread>, DbErr> {
    let among = Column::MessageId.is_in(ids.iter().copied());
    unread(session).filter(among).into_model().all(db).await
}

/// The `count` latest unread messages of a chat.
pub async fn unread_in(
    db: &impl ConnectionTrait,
    session: SessionId,
    chat: &str,
    count: u64,
) -> Result<Vec<Unread>, DbErr> {
    unread(session)
        .filter(Column::Chat.eq(chat))
        .order_by_desc(Column::Id)
        .limit(count)
        .into_model()
        .all(db)
        .await
}

/// The first message of a chat.
pub async fn oldest(
    db: &impl ConnectionTrait,
    session: SessionId,
    chat: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Chat.eq(chat))
        .filter(Column::Kind.is_not_in(Content::ABOUT_OTHERS))
        .order_by_asc(Column::Id)
        .one(db)
        .await
}

/// The messages of a session with these ids of WhatsApp's.
pub async fn with_ids(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[&str],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::MessageId.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// The messages of a session with these ids of ours.
pub async fn with_row_ids(
    db: &impl ConnectionTrait,
    session: SessionId,
    ids: &[MessageRowId],
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .all(db)
        .await
}

/// Which messages of a session are wanted; what is none wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The canonical id of the chat.
    pub chat: Option<String>,
    /// The canonical id of who wrote it.
    pub sender: Option<String>,
    /// The word of the kind.
    pub kind: Option<String>,
    /// Whether this account wrote it.
    pub from_me: Option<bool>,
    /// Not written before, in milliseconds since 1970.
    pub from: Option<i64>,
    /// Written before, in milliseconds since 1970.
    pub to: Option<i64>,
    /// With an ack whose number is one of these.
    pub acks: Option<RangeInclusive<i16>>,
    /// With these words.
    pub search: Option<Search>,
}

impl Filter {
    /// Whether messages with the words can be left out that were written in its time.
    const fn is_narrow(&self) -> bool {
        self.chat.is_some()
            || self.sender.is_some()
            || self.kind.is_some()
            || self.from_me.is_some()
            || self.acks.is_some()
    }

    /// Those of `rows`; a message that is about another is in no list.
    fn of(&self, mut rows: Select<Entity>) -> Select<Entity> {
        let words = [
            (Column::Chat, &self.chat),
            (Column::Sender, &self.sender),
            (Column::Kind, &self.kind),
        ];
        for (column, wanted) in words {
            if let Some(wanted) = wanted {
                rows = rows.filter(column.eq(wanted));
            }
        }
        if self.kind.is_none() {
            rows = rows.filter(Column::Kind.is_not_in(Content::ABOUT_OTHERS));
        }
        if let Some(from_me) = self.from_me {
            rows = rows.filter(Column::FromMe.eq(from_me));
        }
        if let Some(acks) = &self.acks {
            rows = rows.filter(Column::Ack.between(*acks.start(), *acks.end()));
        }
        if let Some(from) = self.from {
            rows = rows.filter(Column::Id.gte(MessageRowId::first_at(from)));
        }
        if let Some(to) = self.to {
            rows = rows.filter(Column::Id.lt(MessageRowId::first_at(to)));
        }
        rows
    }
}

/// A page of a session's messages, newest first, before `cursor`. Words are found that the index has
/// ([`super::message_texts::settle`]).
pub async fn page(
    db: &impl ConnectionTrait,
    session: SessionId,
    filter: &Filter,
    cursor: Option<MessageRowId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut rows = filter.of(Entity::find().filter(Column::SessionId.eq(session)));
    if let Some(before) = cursor {
        rows = rows.filter(Column::Id.lt(before));
    }
    let Some(search) = &filter.search else {
        return rows.order_by_desc(Column::Id).limit(limit).all(db).await;
    };
    let to = filter.to.map(MessageRowId::first_at);
    let wanted = search::Wanted {
        session,
        rows,
        is_narrow: filter.is_narrow(),
        search,
        before: cursor.into_iter().chain(to).min(),
        from: filter.from,
        limit,
    };
    search::page(db, wanted).await
}

/// `limit` of a session's messages, newest first, after the first `skip`; it does not look at the words.
pub async fn page_from(
    db: &impl ConnectionTrait,
    session: SessionId,
    filter: &Filter,
    (skip, limit): (u64, u64),
) -> Result<Vec<Model>, DbErr> {
    filter
        .of(Entity::find().filter(Column::SessionId.eq(session)))
        .order_by_desc(Column::Id)
        .offset(skip)
        .limit(limit)
        .all(db)
        .await
}

/// The messages of a session that sort into the millisecond `at`.
pub async fn in_millisecond(
    db: &impl ConnectionTrait,
    session: SessionId,
    at: i64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::SessionId.eq(session))
        .filter(Column::Id.gte(MessageRowId::first_at(at)))
        .filter(Column::Id.lt(MessageRowId::first_at(at + 1)))
        .all(db)
        .await
}

/// How many of a session's messages `filter` wants; it does not look at the words.
pub async fn count(
    db: &impl ConnectionTrait,
    session: SessionId,
    filter: &Filter,
) -> Result<u64, DbErr> {
    let rows = Entity::find().filter(Column::SessionId.eq(session));
    filter.of(rows).count(db).await
}

/// One message of a session by WhatsApp's id or by ours.
pub async fn find(
    db: &impl ConnectionTrait,
    session: SessionId,
    reference: &str,
) -> Result<Option<Model>, DbErr> {
    let find = Entity::find().filter(Column::SessionId.eq(session));
    match reference.parse::<MessageRowId>() {
        Ok(id) => find.filter(Column::Id.eq(id)).one(db).await,
        Err(_) => find.filter(Column::MessageId.eq(reference)).one(db).await,
    }
}
