//! The protocol store: what the library expects of it, and what it promises on top.

use std::sync::Arc;

use entity::{
    ids::{NodeId, SessionId},
    leases,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait},
};
use wharf::{db::fence::Fence, domain::clock::SystemClock, protocol::store::Store, seal::Master};

use crate::harness::databases::leased;

mod away;
mod batches;
mod chats;
mod client;
mod closing;
mod contract;
mod eras;
mod fencing;
mod gaps;
mod marks;
mod numbers;
mod past;
mod people;
mod public_numbers;
mod queries;
mod riders;
mod schema;
mod sealing;
mod search;
mod together;

/// The master key of these tests.
fn master() -> Arc<Master> {
    Arc::new(Master::from_bytes([0x5A; 32]))
}

/// Another node takes the lease of `old`.
async fn claim(db: &impl ConnectionTrait, old: Fence, node: NodeId) -> Fence {
    let claimed = leases::Entity::update_many()
        .col_expr(leases::Column::OwnerNode, Expr::val(node.uuid()))
        .col_expr(
            leases::Column::Epoch,
            Expr::col(leases::Column::Epoch).add(1),
        )
        .filter(leases::Column::LeaseKey.eq(old.key))
        .exec(db)
        .await
        .unwrap();
    assert_eq!(claimed.rows_affected, 1);
    Fence {
        epoch: old.epoch + 1,
        node,
        ..old
    }
}

/// The store of a session of its own.
async fn store(db: &DatabaseConnection) -> Store {
    let fence = leased(db, SessionId::new(), NodeId::new()).await;
    open(db, fence).await
}

async fn open(db: &DatabaseConnection, fence: Fence) -> Store {
    Store::open(db.clone(), fence, master(), Arc::new(SystemClock))
        .await
        .unwrap()
}
