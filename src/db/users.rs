//! `users`: the people who sign in.

use entity::{
    enums::{Role, TenantRole},
    ids::UserId,
    sessions,
    users::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, SqlErr,
    sea_query::{Expr, ExprTrait},
};

/// What became of an insert.
#[derive(Debug)]
pub enum Inserted {
    /// It is there now.
    Done(Model),
    /// Somebody has that name already.
    NameTaken,
}

/// What changes; `None` leaves a column as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// The role.
    pub role: Option<Role>,
    /// What a member may do in the tenant.
    pub tenant_role: Option<TenantRole>,
    /// How many sessions; the inner `None` means no limit.
    pub session_limit: Option<Option<i32>>,
    /// Whether the user may sign in.
    pub is_active: Option<bool>,
    /// A new password, hashed.
    pub password_hash: Option<String>,
    /// Whether every token of the user becomes worthless.
    pub revoke_tokens: bool,
}

/// Adds a user.
pub async fn insert(db: &impl ConnectionTrait, user: Model) -> Result<Inserted, DbErr> {
    let row = ActiveModel {
        id: Set(user.id),
        username: Set(user.username.clone()),
        password_hash: Set(user.password_hash.clone()),
        role: Set(user.role),
        session_limit: Set(user.session_limit),
        is_active: Set(user.is_active),
        token_version: Set(user.token_version),
        created_at: Set(user.created_at),
        updated_at: Set(user.updated_at),
        tenant_id: Set(user.tenant_id),
        tenant_role: Set(user.tenant_role),
    };
    match Entity::insert(row).exec_without_returning(db).await {
        Ok(_) => Ok(Inserted::Done(user)),
        Err(error) => match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Ok(Inserted::NameTaken),
            _ => Err(error),
        },
    }
}

/// The user of this id.
pub async fn by_id(db: &impl ConnectionTrait, id: UserId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(db).await
}

/// `user`, if they may come in: a member may not where the owner of the tenant may not.
pub async fn let_in(
    db: &impl ConnectionTrait,
    user: Option<Model>,
) -> Result<Option<Model>, DbErr> {
    let Some(user) = user.filter(|user| user.is_active) else {
        return Ok(None);
    };
    if let Some(tenant) = user.tenant_id {
        let owner = by_id(db, tenant).await?;
        return Ok(owner.filter(|owner| owner.is_active).map(|_| user));
    }
    Ok(Some(user))
}

/// The user of this id, locked until the end of the transaction.
pub async fn lock(tx: &super::Transaction, id: UserId) -> Result<Option<Model>, DbErr> {
    let mut find = Entity::find_by_id(id);
    // SQLite has no row locks: its immediate transaction is the lock.
    if tx.get_database_backend() != DbBackend::Sqlite {
        find = find.lock_exclusive();
    }
    find.one(tx).await
}

/// The user of this name.
pub async fn by_name(db: &impl ConnectionTrait, name: &str) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::Username.eq(name))
        .one(db)
        .await
}

/// Users in the order they were made, those after `after`.
pub async fn list(
    db: &impl ConnectionTrait,
    after: Option<UserId>,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut find = Entity::find().order_by_asc(Column::Id).limit(limit);
    if let Some(after) = after {
        find = find.filter(Column::Id.gt(after));
    }
    find.all(db).await
}

/// The members of a tenant in the order they were made, `limit` at most; without its owner.
pub async fn members(
    db: &impl ConnectionTrait,
    tenant: UserId,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::TenantId.eq(tenant))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await
}

/// How many members a tenant has, without its owner.
pub async fn count_members(db: &impl ConnectionTrait, tenant: UserId) -> Result<u64, DbErr> {
    Entity::find()
        .filter(Column::TenantId.eq(tenant))
        .count(db)
        .await
}

/// The ids of everybody in a tenant.
pub async fn of_tenant(db: &impl ConnectionTrait, tenant: UserId) -> Result<Vec<UserId>, DbErr> {
    let mut ids: Vec<UserId> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::TenantId.eq(tenant))
        .into_tuple()
        .all(db)
        .await?;
    ids.push(tenant);
    Ok(ids)
}

/// Whether there is any user.
pub async fn any(db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .limit(1)
        .into_tuple::<UserId>()
        .one(db)
        .await?
        .is_some())
}

/// The administrator who was made first, of those who may sign in.
pub async fn first_admin(db: &impl ConnectionTrait) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::Role.eq(Role::Admin))
        .filter(Column::IsActive.eq(true))
        .order_by_asc(Column::Id)
        .limit(1)
        .one(db)
        .await
}

/// Whether somebody other than `id` is an administrator who may sign in.
pub async fn another_admin(db: &impl ConnectionTrait, id: UserId) -> Result<bool, DbErr> {
    Ok(Entity::find()
        .filter(Column::Role.eq(Role::Admin))
        .filter(Column::IsActive.eq(true))
        .filter(Column::Id.ne(id))
        .count(db)
        .await?
        > 0)
}

/// Whether the user has sessions.
pub async fn has_sessions(db: &impl ConnectionTrait, id: UserId) -> Result<bool, DbErr> {
    Ok(sessions::Entity::find()
        .filter(sessions::Column::OwnerId.eq(id))
        .count(db)
        .await?
        > 0)
}

/// Changes a user; tells whether there was one.
pub async fn update(
    db: &impl ConnectionTrait,
    id: UserId,
    change: UserChange,
    now: i64,
) -> Result<bool, DbErr> {
    let mut update = Entity::update_many()
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id));
    if let Some(role) = change.role {
        update = update.col_expr(Column::Role, Expr::value(role.as_str()));
    }
    if let Some(role) = change.tenant_role {
        update = update.col_expr(Column::TenantRole, Expr::value(role.as_str()));
    }
    if let Some(limit) = change.session_limit {
        update = update.col_expr(Column::SessionLimit, Expr::value(limit));
    }
    if let Some(active) = change.is_active {
        update = update.col_expr(Column::IsActive, Expr::value(active));
    }
    if let Some(hash) = change.password_hash {
        update = update.col_expr(Column::PasswordHash, Expr::value(hash));
    }
    if change.revoke_tokens {
        update = update.col_expr(Column::TokenVersion, Expr::col(Column::TokenVersion).add(1));
    }
    Ok(update.exec(db).await?.rows_affected > 0)
}

/// Removes a user; tells whether there was one.
pub async fn delete(db: &impl ConnectionTrait, id: UserId) -> Result<bool, DbErr> {
    Ok(Entity::delete_by_id(id).exec(db).await?.rows_affected > 0)
}
