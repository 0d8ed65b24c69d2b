//! `tenant_quotas` and `tenant_sent`: what the operator allows a tenant, and how many messages it has sent in this period.

use entity::{
    enums::Period,
    ids::UserId,
    tenant_quotas::{self, Model},
    tenant_sent::{self, Column},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait,
    QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};

/// What the operator allows; none if nothing was said.
pub async fn quotas(db: &impl ConnectionTrait, tenant: UserId) -> Result<Option<Model>, DbErr> {
    tenant_quotas::Entity::find_by_id(tenant).one(db).await
}

/// Writes what the operator allows over what was there.
pub async fn put_quotas(db: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    use tenant_quotas::Column;
    let over = OnConflict::column(Column::TenantId)
        .update_columns([
            Column::MessagesPerMinute,
            Column::MessagesPerDay,
            Column::Sockets,
            Column::Endpoints,
            Column::StorageBytes,
            Column::Weight,
            Column::UpdatedAt,
        ])
        .to_owned();
    let row = tenant_quotas::ActiveModel::from(row).reset_all();
    tenant_quotas::Entity::insert(row)
        .on_conflict(over)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// How many messages were counted in the last period of each length that anything was sent in.
pub async fn sent(
    db: &impl ConnectionTrait,
    tenant: UserId,
) -> Result<Vec<tenant_sent::Model>, DbErr> {
    tenant_sent::Entity::find()
        .filter(Column::TenantId.eq(tenant))
        .all(db)
        .await
}

/// Counts one message more in the period that began at `began_at`, unless `limit` are counted already; tells whether it was.
///
/// One statement decides, so that of several nodes none lets more through.
pub async fn spend(
    db: &DatabaseConnection,
    tenant: UserId,
    (period, began_at): (Period, i64),
    limit: i64,
) -> Result<bool, DbErr> {
    let tx = super::begin(db).await?;
    let mine = || {
        tenant_sent::Entity::update_many()
            .filter(Column::TenantId.eq(tenant))
            .filter(Column::Period.eq(period))
    };
    let counted = mine()
        .col_expr(Column::Messages, Expr::col(Column::Messages).add(1))
        .filter(Column::BeganAt.eq(began_at))
        .filter(Column::Messages.lt(limit))
        .exec(&*tx)
        .await?;
    if counted.rows_affected > 0 {
        tx.commit().await?;
        return Ok(true);
    }
    let first = mine()
        .col_expr(Column::Messages, Expr::value(1_i64))
        .col_expr(Column::BeganAt, Expr::value(began_at))
        .filter(Column::BeganAt.lt(began_at))
        .exec(&*tx)
        .await?;
    if limit > 0 && first.rows_affected > 0 {
        tx.commit().await?;
        return Ok(true);
    }
    tx.rollback().await?;
    Ok(false)
}

/// Counts one message more wherever `tenant` has a limit; tells whether all of them let it through.
pub async fn spend_all(db: &DatabaseConnection, tenant: UserId, now: i64) -> Result<bool, DbErr> {
    let Some(limits) = quotas(db, tenant).await? else {
        return Ok(true);
    };
    let limits = [
        (Period::Minute, limits.messages_per_minute),
        (Period::Day, limits.messages_per_day),
    ];
    for (period, limit) in limits {
        let Some(limit) = limit else { continue };
        let began_at = now - now.rem_euclid(length_ms(period));
        if !spend(db, tenant, (period, began_at), limit.into()).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How long a period lasts; each begins at a whole multiple of that since 1970.
pub const fn length_ms(period: Period) -> i64 {
    const MINUTE: i64 = 60_000;
    match period {
        Period::Minute => MINUTE,
        Period::Day => 24 * 60 * MINUTE,
    }
}

/// A place to count in, if there is none yet.
pub async fn begin_counting(
    db: &impl ConnectionTrait,
    tenant: UserId,
    period: Period,
) -> Result<(), DbErr> {
    let row = tenant_sent::Model {
        tenant_id: tenant,
        period,
        began_at: 0,
        messages: 0,
    };
    let over = OnConflict::columns([Column::TenantId, Column::Period])
        .do_nothing_on([Column::TenantId, Column::Period])
        .to_owned();
    tenant_sent::Entity::insert(tenant_sent::ActiveModel::from(row).reset_all())
        .on_conflict(over)
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Forgets a tenant.
pub async fn remove(db: &impl ConnectionTrait, tenant: UserId) -> Result<(), DbErr> {
    tenant_quotas::Entity::delete_by_id(tenant).exec(db).await?;
    tenant_sent::Entity::delete_many()
        .filter(Column::TenantId.eq(tenant))
        .exec(db)
        .await?;
    Ok(())
}
