//! What the operator allows a tenant, and how much of it is used.
//!
//! Owns every limit of a tenant but the number of its sessions, which stands with the owner. What was read is good for a second, as a
//! credential is. Messages are counted in the database, so that several nodes together let no more through; a refusal is remembered
//! and costs no look-up. The verbs that use something up ask here first.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
use entity::{enums::Period, ids::UserId, tenant_quotas::Model};
use sea_orm::DatabaseConnection;

use super::{Ctx, Error, Fault};
use crate::{
    db::{self, tenants::length_ms},
    domain::{clock::SharedClock, principal::Scope},
};

/// How long what was read is good.
const FRESH_MS: i64 = 1000;
/// Tenants that are remembered; when there are more, all are forgotten.
const REMEMBERED: usize = 10_000;

/// The largest share of a busy node.
pub const MAX_WEIGHT: u32 = 100;

/// What a tenant may use; none means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Messages of a minute of the clock.
    pub messages_per_minute: Option<u32>,
    /// Messages of a day, in UTC.
    pub messages_per_day: Option<u32>,
    /// Live sockets and event streams on each node.
    pub sockets: Option<u32>,
    /// Webhook endpoints.
    pub endpoints: Option<u32>,
    /// Bytes of files.
    pub storage_bytes: Option<u64>,
    /// The share of a busy node against that of others: 1 to [`MAX_WEIGHT`].
    pub weight: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            messages_per_minute: None,
            messages_per_day: None,
            sockets: None,
            endpoints: None,
            storage_bytes: None,
            weight: 1,
        }
    }
}

impl From<Model> for Limits {
    fn from(row: Model) -> Self {
        let number = |stored: Option<i32>| stored.and_then(|stored| u32::try_from(stored).ok());
        Self {
            messages_per_minute: number(row.messages_per_minute),
            messages_per_day: number(row.messages_per_day),
            sockets: number(row.sockets),
            endpoints: number(row.endpoints),
            storage_bytes: row
                .storage_bytes
                .and_then(|stored| u64::try_from(stored).ok()),
            weight: u32::try_from(row.weight).unwrap_or(1),
        }
    }
}

/// How much a tenant uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Sessions that there are.
    pub sessions: u64,
    /// Messages of this minute; counted only while there is a limit.
    pub messages_per_minute: u64,
    /// Messages of this day; counted only while there is a limit.
    pub messages_per_day: u64,
    /// Webhook endpoints that there are.
    pub endpoints: u64,
    /// Bytes of files in the store.
    pub storage_bytes: u64,
}

/// Limits and use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many sessions there may be.
    pub session_limit: Option<i32>,
    /// The other limits.
    pub limits: Limits,
    /// What is used.
    pub used: Used,
}

#[derive(Debug)]
struct Known {
    read_at: i64,
    limits: Limits,
    /// Until when no message goes through, and which limit says so.
    spent_until: [AtomicI64; 2],
}

/// The limits of tenants. Clones share what was read.
#[derive(Debug, Clone)]
pub struct Quotas {
    db: DatabaseConnection,
    clock: SharedClock,
    known: Arc<DashMap<UserId, Arc<Known>>>,
}

impl Quotas {
    /// Over the tables.
    pub fn new(db: DatabaseConnection, clock: SharedClock) -> Self {
        Self {
            db,
            clock,
            known: Arc::default(),
        }
    }

    /// What `tenant` may use.
    pub async fn limits(&self, tenant: UserId) -> Result<Limits, Error> {
        Ok(self.known(tenant).await?.limits)
    }

    async fn known(&self, tenant: UserId) -> Result<Arc<Known>, Error> {
        let now = self.clock.now_ms();
        let before = self.known.get(&tenant).map(|known| Arc::clone(&known));
        if let Some(known) = &before
            && (known.read_at..known.read_at + FRESH_MS).contains(&now)
        {
            return Ok(Arc::clone(known));
        }
        let row = db::tenants::quotas(&self.db, tenant).await?;
        let limits = row.map_or_else(Limits::default, Limits::from);
        let is_same = |before: &Arc<Known>| before.limits == limits;
        let spent = |at: usize| {
            let before = before.as_ref().filter(|before| is_same(before));
            before.map_or(0, |before| before.spent_until[at].load(Ordering::Relaxed))
        };
        let known = Arc::new(Known {
            read_at: now,
            limits,
            spent_until: [AtomicI64::new(spent(0)), AtomicI64::new(spent(1))],
        });
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(tenant, Arc::clone(&known));
        Ok(known)
    }

    /// Refuses what no message could be sent for, as far as this process knows.
    pub async fn may_send(&self, tenant: UserId) -> Result<(), Error> {
        let known = self.known(tenant).await?;
        for (at, period) in Period::ALL.iter().enumerate() {
            known.refuse_spent(at, *period, self.clock.now_ms())?;
        }
        Ok(())
    }

    /// Counts a message that is about to be sent, or refuses it.
    pub async fn spend(&self, tenant: UserId) -> Result<(), Error> {
        let known = self.known(tenant).await?;
        for (at, period) in Period::ALL.iter().enumerate() {
            let now = self.clock.now_ms();
            let Some(limit) = known.limit(*period) else {
                continue;
            };
            known.refuse_spent(at, *period, now)?;
            let began_at = now - now.rem_euclid(length_ms(*period));
            let counted = db::tenants::spend(&self.db, tenant, (*period, began_at), limit.into());
            if !counted.await? {
                known.spent_until[at].store(began_at + length_ms(*period), Ordering::Relaxed);
                known.refuse_spent(at, *period, now)?;
            }
        }
        Ok(())
    }

    /// How many more bytes of files the tenant may have; none means any number. Files that come in at the same moment do not know of
    /// each other.
    pub async fn storage_left(&self, tenant: UserId) -> Result<Option<u64>, Error> {
        let Some(limit) = self.limits(tenant).await?.storage_bytes else {
            return Ok(None);
        };
        let stored = db::media::stored_bytes(&self.db, tenant).await?;
        Ok(Some(limit.saturating_sub(stored)))
    }

    /// What the caller's tenant may use, and what it uses.
    pub async fn own(&self, ctx: &Ctx) -> Result<Standing, Error> {
        ctx.require(Scope::SessionsRead)?;
        ctx.require_account()?;
        self.standing(ctx.owner()).await
    }

    /// What the tenant of the user `owner` may use, and what it uses. For administrators of the service.
    pub async fn of(&self, ctx: &Ctx, owner: UserId) -> Result<Standing, Error> {
        super::users::may_see(ctx)?;
        self.standing(owner).await
    }

    /// Sets what the tenant of the user `owner` may use. For administrators of the service.
    pub async fn set(&self, ctx: &Ctx, owner: UserId, limits: Limits) -> Result<Standing, Error> {
        super::users::may_see(ctx)?;
        let row = row(owner, limits, self.clock.now_ms())?;
        let tx = db::begin(&self.db).await?;
        let user = db::users::lock(&tx, owner).await?;
        let user = user.ok_or(Error::NotFound { what: "user" })?;
        if user.tenant_id.is_some() {
            return Err(Error::conflict(
                "member_of_tenant",
                "the limits of an account are those of its owner",
            ));
        }
        db::tenants::put_quotas(&*tx, row).await?;
        for period in Period::ALL {
            db::tenants::begin_counting(&*tx, owner, *period).await?;
        }
        tx.commit().await?;
        self.known.remove(&owner);
        self.standing(owner).await
    }

    async fn standing(&self, tenant: UserId) -> Result<Standing, Error> {
        let db = &self.db;
        let owner = db::users::by_id(db, tenant).await?;
        let owner = owner.ok_or(Error::NotFound { what: "user" })?;
        let sent = db::tenants::sent(db, tenant).await?;
        let now = self.clock.now_ms();
        let of = |period: Period| {
            let counted = sent.iter().find(|row| row.period == period);
            let counted = counted.filter(|row| now < row.began_at + length_ms(period));
            counted.map_or(0, |row| u64::try_from(row.messages).unwrap_or(0))
        };
        Ok(Standing {
            session_limit: owner.session_limit,
            limits: self.limits(tenant).await?,
            used: Used {
                sessions: db::sessions::count(db, tenant).await?,
                messages_per_minute: of(Period::Minute),
                messages_per_day: of(Period::Day),
                endpoints: db::webhook_endpoints::count_all(db, tenant).await?,
                storage_bytes: db::media::stored_bytes(db, tenant).await?,
            },
        })
    }
}

impl Known {
    const fn limit(&self, period: Period) -> Option<u32> {
        match period {
            Period::Minute => self.limits.messages_per_minute,
            Period::Day => self.limits.messages_per_day,
        }
    }

    fn refuse_spent(&self, at: usize, period: Period, now: i64) -> Result<(), Error> {
        let left = self.spent_until[at].load(Ordering::Relaxed) - now;
        let Some(left) = u64::try_from(left).ok().filter(|left| *left > 0) else {
            return Ok(());
        };
        let limit = self.limit(period).unwrap_or(0);
        Err(Error::Limited {
            code: "message_quota_reached",
            detail: format!("this account may send {limit} messages a {period}"),
            retry_after: Duration::from_millis(left),
        })
    }
}

fn row(tenant_id: UserId, limits: Limits, now: i64) -> Result<Model, Error> {
    let mut faults = Vec::new();
    let mut number = |pointer: &str, limit: Option<u32>| {
        let stored = limit.map(i32::try_from);
        if let Some(Err(_)) = stored {
            faults.push(Fault::new(pointer, format!("must be at most {}", i32::MAX)));
        }
        stored.and_then(Result::ok)
    };
    let mut row = Model {
        tenant_id,
        messages_per_minute: number("/messages_per_minute", limits.messages_per_minute),
        messages_per_day: number("/messages_per_day", limits.messages_per_day),
        sockets: number("/sockets", limits.sockets),
        endpoints: number("/endpoints", limits.endpoints),
        storage_bytes: None,
        weight: 1,
        updated_at: now,
    };
    match limits.storage_bytes.map(i64::try_from) {
        Some(Err(_)) => faults.push(Fault::new("/storage_bytes", "must be less than 2^63")),
        stored => row.storage_bytes = stored.and_then(Result::ok),
    }
    match i32::try_from(limits.weight) {
        Ok(weight) if (1..=MAX_WEIGHT).contains(&limits.weight) => row.weight = weight,
        _ => faults.push(Fault::new("/weight", format!("must be 1 to {MAX_WEIGHT}"))),
    }
    if faults.is_empty() {
        Ok(row)
    } else {
        Err(Error::Invalid {
            code: "validation_failed",
            faults,
        })
    }
}
