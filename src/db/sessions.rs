//! `sessions`: what owners see. Every finder takes the owner.

use entity::{
    api_keys, chat_labels, chats, contacts,
    enums::{LeaseKind, SessionState},
    events,
    ids::{SessionId, UserId},
    labels, leases, link_tokens, message_marks, message_secrets, message_texts, messages, outgoing,
    session_credentials,
    sessions::{ActiveModel, Column, Entity, Model},
    users, webhook_deliveries,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, JoinType,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select, UpdateMany,
    sea_query::{Expr, IntoCondition},
};

use super::{Script, leases::Standing};

/// A session, and how its lease stands.
#[derive(Debug, FromQueryResult)]
pub struct Shown {
    /// The session.
    #[sea_orm(nested)]
    pub session: Model,
    /// Its lease.
    #[sea_orm(nested)]
    pub standing: Option<Standing>,
}

/// What is shown of a session's run: state, reason and account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunState {
    /// The state.
    pub state: SessionState,
    /// A stable word, when there is something to say.
    pub reason: Option<String>,
    /// Digits.
    pub phone: Option<String>,
    /// `…@lid`.
    pub lid: Option<String>,
    /// The name the account goes by.
    pub push_name: Option<String>,
    /// Since when it is connected.
    pub connected_at: Option<i64>,
}

/// Writes a new session.
pub async fn insert(db: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    let row: ActiveModel = row.into();
    Entity::insert(row.reset_all())
        .exec_without_returning(db)
        .await
        .map(|_| ())
}

/// One session of `owner`, by id.
pub async fn find(
    db: &impl ConnectionTrait,
    owner: UserId,
    id: SessionId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id)
        .filter(Column::OwnerId.eq(owner))
        .one(db)
        .await
}

/// One session of `owner`, by handle.
pub async fn find_by_handle(
    db: &impl ConnectionTrait,
    owner: UserId,
    handle: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::OwnerId.eq(owner))
        .filter(Column::Handle.eq(handle))
        .one(db)
        .await
}

/// One session of `owner`, by id, and how it stands.
pub async fn find_shown(
    db: &impl ConnectionTrait,
    owner: UserId,
    id: SessionId,
) -> Result<Option<Shown>, DbErr> {
    shown(owner)
        .filter(Column::Id.eq(id))
        .into_model()
        .one(db)
        .await
}

/// One session of `owner`, by handle, and how it stands.
pub async fn find_shown_by_handle(
    db: &impl ConnectionTrait,
    owner: UserId,
    handle: &str,
) -> Result<Option<Shown>, DbErr> {
    let shown = shown(owner).filter(Column::Handle.eq(handle));
    shown.into_model().one(db).await
}

/// In one read: a session is looked at far more often than anything else is done.
fn shown(owner: UserId) -> Select<Entity> {
    let lease = Entity::belongs_to(leases::Entity)
        .from(Column::Id)
        .to(leases::Column::LeaseKey)
        .on_condition(|_, _| leases::Column::Kind.eq(LeaseKind::Session).into_condition());
    Entity::find()
        .join(JoinType::LeftJoin, lease.into())
        .columns([
            leases::Column::LeaseKey,
            leases::Column::LastSeq,
            leases::Column::Desired,
            leases::Column::OwnerNode,
        ])
        .filter(Column::OwnerId.eq(owner))
}

/// A session of anybody, by id. Only for what asks whether its caller may.
pub async fn find_of_anybody(
    db: &impl ConnectionTrait,
    id: SessionId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// The oldest session of anybody, by handle. Only for what asks whether its caller may.
pub async fn find_of_anybody_by_handle(
    db: &impl ConnectionTrait,
    handle: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::Handle.eq(handle))
        .order_by_asc(Column::Id)
        .limit(1)
        .one(db)
        .await
}

/// A page of everybody's sessions, oldest first, after `cursor`. Only for what asks whether its caller may.
pub async fn page_of_everybody(
    db: &impl ConnectionTrait,
    cursor: Option<SessionId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut find = Entity::find().order_by_asc(Column::Id).limit(limit);
    if let Some(after) = cursor {
        find = find.filter(Column::Id.gt(after));
    }
    find.all(db).await
}

/// The session that a claim was won for. Only for the manager: a claim is no caller, it has no owner to check.
pub async fn find_claimed(
    db: &impl ConnectionTrait,
    id: SessionId,
) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// A page of the sessions of `owner`, oldest first, after `cursor`; at most one of them when `only` says so.
pub async fn page(
    db: &impl ConnectionTrait,
    owner: UserId,
    only: Option<SessionId>,
    cursor: Option<SessionId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut find = Entity::find()
        .filter(Column::OwnerId.eq(owner))
        .order_by_asc(Column::Id)
        .limit(limit);
    if let Some(after) = cursor {
        find = find.filter(Column::Id.gt(after));
    }
    if let Some(only) = only {
        find = find.filter(Column::Id.eq(only));
    }
    find.all(db).await
}

/// How many sessions `owner` has.
pub async fn count(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::OwnerId.eq(owner))
        .count(db)
        .await
}

/// How many sessions `owner` may have; none is no limit. Locks the user's row, so that two creations at the same
/// time cannot both take the last place. `tx` must come from [`super::begin`].
pub async fn lock_limit(tx: &super::Transaction, owner: UserId) -> Result<Option<i32>, DbErr> {
    let mut find = users::Entity::find_by_id(owner);
    if tx.get_database_backend() != DbBackend::Sqlite {
        find = find.lock_exclusive();
    }
    Ok(find.one(tx).await?.and_then(|user| user.session_limit))
}

/// Writes what an owner may change.
pub async fn update_profile(db: &impl ConnectionTrait, row: &Model, now: i64) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Handle, Expr::value(row.handle.clone()))
        .col_expr(Column::Name, Expr::value(row.name.clone()))
        .col_expr(Column::Metadata, Expr::value(row.metadata.clone()))
        .col_expr(Column::Settings, Expr::value(row.settings.clone()))
        .col_expr(Column::ProxySealed, Expr::value(row.proxy_sealed.clone()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(row.id))
        .filter(Column::OwnerId.eq(row.owner_id))
        .exec(db)
        .await
        .map(|_| ())
}

/// Writes how a run is going, as part of a script under the session's fence; a session that is deleted has no row.
pub fn record_run(script: &mut Script, id: SessionId, run: RunState, now: i64) {
    script.add_lenient(&run_update(id, run, now));
}

/// Writes how a run has ended. The session is not running anywhere.
pub async fn update_run(
    db: &impl ConnectionTrait,
    id: SessionId,
    run: RunState,
    now: i64,
) -> Result<(), DbErr> {
    run_update(id, run, now).exec(db).await.map(|_| ())
}

fn run_update(id: SessionId, run: RunState, now: i64) -> UpdateMany<Entity> {
    Entity::update_many()
        .set(ActiveModel {
            state: Set(run.state),
            reason: Set(run.reason),
            phone: Set(run.phone),
            lid: Set(run.lid),
            push_name: Set(run.push_name),
            connected_at: Set(run.connected_at),
            updated_at: Set(now),
            ..Default::default()
        })
        .filter(Column::Id.eq(id))
}

/// Deletes a session of `owner` with everything that hangs on it but its lease and its device state.
pub async fn delete(
    db: &impl ConnectionTrait,
    owner: UserId,
    id: SessionId,
) -> Result<bool, DbErr> {
    let gone = Entity::delete_many()
        .filter(Column::Id.eq(id))
        .filter(Column::OwnerId.eq(owner))
        .exec(db)
        .await?;
    if gone.rows_affected == 0 {
        return Ok(false);
    }
    events::Entity::delete_many()
        .filter(events::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    messages::Entity::delete_many()
        .filter(messages::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    contacts::Entity::delete_many()
        .filter(contacts::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    chats::Entity::delete_many()
        .filter(chats::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    labels::Entity::delete_many()
        .filter(labels::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    chat_labels::Entity::delete_many()
        .filter(chat_labels::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    message_texts::Entity::delete_many()
        .filter(message_texts::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    outgoing::Entity::delete_many()
        .filter(outgoing::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    message_secrets::Entity::delete_many()
        .filter(message_secrets::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    message_marks::Entity::delete_many()
        .filter(message_marks::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    api_keys::Entity::delete_many()
        .filter(api_keys::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    session_credentials::Entity::delete_many()
        .filter(session_credentials::Column::SessionId.eq(id))
        .exec(db)
        .await?;
    let links = link_tokens::Column::SessionId.eq(id);
    link_tokens::Entity::delete_many()
        .filter(links)
        .exec(db)
        .await?;
    let deliveries = webhook_deliveries::Column::SessionId.eq(id);
    webhook_deliveries::Entity::delete_many()
        .filter(deliveries)
        .exec(db)
        .await?;
    Ok(true)
}
