//! Which node runs what. The database is the truth; this module keeps the node's own lease alive.
//!
//! Owns the node's row and the moment at which this node must stop by itself because it could not renew: other
//! nodes may claim its sessions after that. Must never know what a session is. `app` starts it, `session` asks it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entity::ids::NodeId;
use sea_orm::{DatabaseConnection, DbErr};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    db::{leases, nodes, webhook_deliveries::dispatch},
    lifecycle::{Stop, Tasks},
};

/// How long a node's lease lasts, by the database's clock.
pub const LEASE_TTL: Duration = Duration::from_secs(12);
/// How often it is renewed.
pub const RENEW_EVERY: Duration = Duration::from_secs(3);
/// How long after the start of the last renewal this node trusts its own lease; shorter than [`LEASE_TTL`], so that
/// it has let go before anybody may claim.
pub const SELF_FENCE_AFTER: Duration = Duration::from_secs(10);
/// How long after the end of a lease others wait before they claim.
pub const CLAIM_GRACE: Duration = Duration::from_secs(2);

/// This node, alive.
#[derive(Debug, Clone)]
pub struct Node {
    /// The id of this boot.
    pub id: NodeId,
    db: DatabaseConnection,
    renewed: Arc<Mutex<Instant>>,
    lost: CancellationToken,
}

impl Node {
    /// Writes this node's row, and frees what `previous` held: the caller knows that process to be dead.
    pub async fn join(
        db: DatabaseConnection,
        host: String,
        addr: String,
        previous: Option<NodeId>,
    ) -> Result<Self, DbErr> {
        let id = NodeId::new();
        let renewed = Instant::now();
        nodes::insert(&db, nodes::NewNode { id, host, addr }, LEASE_TTL).await?;
        if let Some(dead) = previous {
            let freed = leases::release_all(&db, dead).await?;
            let posting = dispatch::release_all(&db, dead).await?;
            nodes::delete(&db, dead).await?;
            tracing::info!(node.id = %id, node.previous = %dead, "took over {freed} leases of the previous run, and {posting} deliveries that it was at");
        }
        Ok(Self {
            id,
            db,
            renewed: Arc::new(Mutex::new(renewed)),
            lost: CancellationToken::new(),
        })
    }

    /// Renews the lease until the stop; [`Node::lost`] falls when it could not be renewed in time.
    pub fn start(&self, tasks: &Tasks, stop: &Stop) {
        let node = self.clone();
        let hard = stop.hard_token();
        // It must outlive the soft stop: sessions still write while they close.
        tasks.spawn("cluster.renew", async move {
            loop {
                tokio::select! {
                    () = hard.cancelled() => return,
                    () = tokio::time::sleep(RENEW_EVERY) => {}
                }
                node.renew().await;
                if node.lost.is_cancelled() {
                    return;
                }
            }
        });
    }

    /// One renewal. Tells nobody when it fails: [`Node::lost`] falls once the lease can no longer be trusted.
    pub async fn renew(&self) {
        let started = Instant::now();
        let deadline = self.last_renewal() + SELF_FENCE_AFTER;
        match tokio::time::timeout_at(deadline, nodes::renew(&self.db, self.id, LEASE_TTL)).await {
            Ok(Ok(true)) => {
                *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = started;
                return;
            }
            Ok(Ok(false)) => tracing::error!(node.id = %self.id, "this node's row is gone"),
            Ok(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(node.id = %self.id, error, "the node's lease could not be renewed");
            }
            Err(_) => tracing::warn!(node.id = %self.id, "the database did not answer in time"),
        }
        if Instant::now() >= self.last_renewal() + SELF_FENCE_AFTER {
            tracing::error!(node.id = %self.id, "the node's lease has run out; its sessions stop");
            self.lost.cancel();
        }
    }

    /// Falls when this node can no longer be sure that it owns anything.
    pub fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// How long ago the lease was renewed.
    pub fn renewal_age(&self) -> Duration {
        self.last_renewal().elapsed()
    }

    /// Frees everything and forgets the node.
    pub async fn leave(&self) -> Result<(), DbErr> {
        leases::release_all(&self.db, self.id).await?;
        nodes::delete(&self.db, self.id).await
    }

    fn last_renewal(&self) -> Instant {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
