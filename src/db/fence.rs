//! The fence: proof, inside a transaction, that the writer still owns its lease.
//!
//! Owns the statement that every write of a session begins with. Must never claim or release a lease
//! (`db::leases` does). Called by `protocol::store`, the inbox and the webhook dispatcher.

use entity::{enums::LeaseKind, ids::NodeId, leases};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QuerySelect, QueryTrait, Select, Value, sea_query::Expr,
};
use uuid::Uuid;

use super::{Script, script::texts::Remembered};

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

/// What a holder may remember from one write to the next: the fence of the next proves that it still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Standing {
    /// The last event number given out.
    pub last_seq: i64,
    /// Raised when what the owner's webhook endpoints want changes.
    pub endpoints_version: i64,
}

impl Fence {
    /// Lock the lease row until the end of `tx`, which must come from [`super::begin`]; gives what stands in it.
    ///
    /// A claim by another node waits for `tx`; a claim that came first makes this [`FenceError::Stale`].
    pub async fn lock(&self, tx: &super::Transaction) -> Result<Standing, FenceError> {
        let row = self.row(tx.get_database_backend());
        row.into_model().one(tx).await?.ok_or(FenceError::Stale)
    }

    /// A script that takes no numbers. It is refused when the fence is stale.
    pub fn held_script(&self, backend: DbBackend) -> Script {
        static HELD: Remembered = Remembered::new();
        let held = HELD.with(backend, self.values(), || self.row(backend).build(backend));
        Script::held(backend, held)
    }

    /// The lease row, locked until the end of the transaction that asks for it.
    fn row(&self, backend: DbBackend) -> Select<leases::Entity> {
        let row = leases::Entity::find()
            .select_only()
            .columns([leases::Column::LastSeq, leases::Column::EndpointsVersion])
            .filter(self.held());
        // SQLite has no row locks: its immediate transaction is the lock. `lock_shared` would not do:
        // MariaDB does not know `FOR SHARE`.
        match backend {
            DbBackend::Sqlite => row,
            _ => row.lock_exclusive(),
        }
    }

    /// A script that takes the `n` numbers after `standing`. It is refused when the fence is stale, or `standing` is: when
    /// an endpoint was changed since, or somebody else has taken a number.
    pub fn script(&self, backend: DbBackend, standing: Standing, n: i64) -> Script {
        static TAKEN: Remembered = Remembered::new();
        let mut values = vec![Value::from(standing.last_seq + n)];
        values.extend(self.values());
        values.extend([standing.last_seq.into(), standing.endpoints_version.into()]);
        let taken = TAKEN.with(backend, values, || {
            let update = leases::Entity::update_many()
                .col_expr(leases::Column::LastSeq, Expr::value(standing.last_seq + n))
                .filter(self.held())
                .filter(leases::Column::LastSeq.eq(standing.last_seq))
                .filter(leases::Column::EndpointsVersion.eq(standing.endpoints_version));
            update.build(backend)
        });
        Script::fenced(backend, taken)
    }

    fn held(&self) -> Condition {
        Condition::all()
            .add(leases::Column::Kind.eq(self.kind))
            .add(leases::Column::LeaseKey.eq(self.key))
            .add(leases::Column::Epoch.eq(self.epoch))
            .add(leases::Column::OwnerNode.eq(self.node))
    }

    /// The parameters of [`Self::held`].
    fn values(&self) -> Vec<Value> {
        vec![
            self.kind.into(),
            self.key.into(),
            self.epoch.into(),
            self.node.into(),
        ]
    }
}
