//! The fence: proof, inside a transaction, that the writer still owns its lease.
//!
//! Owns the statement that every write of a session begins with. Must never claim or release a lease
//! (`db::leases` does). Called by `protocol::store`, the inbox and the webhook dispatcher.

use entity::{enums::LeaseKind, ids::NodeId, leases};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter,
    QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

/// A claim on a lease at one epoch, by one node.
///
/// A writer that was paused past its lease still holds the old epoch, and so can write nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// What the lease is for.
    pub kind: LeaseKind,
    /// The session, endpoint or job.
    pub key: Uuid,
    /// The epoch at which it was claimed.
    pub epoch: i64,
    /// The node that claimed it.
    pub node: NodeId,
}

/// Why a fenced transaction must not go on.
#[derive(Debug, thiserror::Error)]
pub enum FenceError {
    /// Another epoch or another node owns the lease now; the owner has to stop.
    #[error("the lease is no longer held at this epoch")]
    Stale,
    /// The database failed; nothing is known about the lease.
    #[error("the lease could not be read")]
    Db(#[from] DbErr),
}

impl Fence {
    /// Lock the lease row until the end of `tx`, which must come from [`super::begin`].
    ///
    /// A claim by another node waits for `tx`; a claim that came first makes this [`FenceError::Stale`].
    pub async fn lock(&self, tx: &super::Transaction) -> Result<(), FenceError> {
        let mut row = leases::Entity::find()
            .select_only()
            .column(leases::Column::Epoch)
            .filter(self.held());
        // SQLite has no row locks: its immediate transaction is the lock. `lock_shared` would not do:
        // MariaDB does not know `FOR SHARE`.
        if tx.get_database_backend() != DbBackend::Sqlite {
            row = row.lock_exclusive();
        }
        match row.into_tuple::<i64>().one(tx).await? {
            Some(_) => Ok(()),
            None => Err(FenceError::Stale),
        }
    }

    /// Lock the lease row and take `n` event numbers; gives the first of them.
    pub async fn advance(&self, tx: &super::Transaction, n: i64) -> Result<i64, FenceError> {
        let taken = leases::Entity::update_many()
            .col_expr(
                leases::Column::LastSeq,
                Expr::col(leases::Column::LastSeq).add(n),
            )
            .filter(self.held())
            .exec(tx)
            .await?;
        if taken.rows_affected == 0 {
            return Err(FenceError::Stale);
        }
        let last: Option<i64> = leases::Entity::find()
            .select_only()
            .column(leases::Column::LastSeq)
            .filter(self.held())
            .into_tuple()
            .one(tx)
            .await?;
        last.map(|last| last - n + 1).ok_or(FenceError::Stale)
    }

    /// The first statement of a script: lock the lease row and take the `n` numbers after `last`, for who knows that
    /// nobody else takes any at this epoch. A row that is not written says that the fence is stale.
    pub fn advance_from(&self, script: &mut super::Script, last: i64, n: i64) {
        let update = leases::Entity::update_many()
            .col_expr(leases::Column::LastSeq, Expr::value(last + n))
            .filter(self.held())
            .filter(leases::Column::LastSeq.eq(last));
        script.add(&update, 1);
    }

    fn held(&self) -> Condition {
        Condition::all()
            .add(leases::Column::Kind.eq(self.kind))
            .add(leases::Column::LeaseKey.eq(self.key))
            .add(leases::Column::Epoch.eq(self.epoch))
            .add(leases::Column::OwnerNode.eq(self.node))
    }
}
