//! What sockets and event streams share: how many there may be, and when they have to end.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use axum::http::StatusCode;
use dashmap::DashMap;
use entity::ids::{SessionId, UserId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Api, extract::Peer, problem::Problem};
use crate::{
    domain::{event::Event, principal::Credential},
    service::{Ctx, Fault, auth::Access, quotas::Quotas, rates::Rate, throttle::network},
};

/// When to try again after a refusal.
const RETRY: Duration = Duration::from_secs(5);

/// What tells on a socket that events are missing: it is none itself.
const GAP: &str = "gap";

fn is_type(word: &str) -> bool {
    word == GAP || Event::NAMES.contains(&word)
}

/// The wanted types of `?types=a,b`; none, or `*`, means all.
pub(super) fn types(wanted: Option<&str>) -> Result<Vec<String>, Problem> {
    let wanted: Vec<String> = wanted
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|kind| !kind.is_empty())
        .map(str::to_owned)
        .collect();
    if wanted.iter().any(|kind| kind == "*") {
        return Ok(Vec::new());
    }
    match wanted.iter().find(|kind| !is_type(kind)) {
        None => Ok(wanted),
        Some(unknown) => {
            let fault = Fault::new("/types", format!("{unknown} is not a type of event"));
            Err(Problem::invalid("validation_failed", vec![fault]))
        }
    }
}

/// How many live connections there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveLimits {
    /// Of one user with one kind of credential.
    pub per_token: u32,
    /// Of one address, or one v6 network.
    pub per_address: u32,
    /// How fast one address may open sockets.
    pub handshakes: Rate,
    /// How long one frame may take to leave before the connection counts as stalled.
    pub write_stall: Duration,
}

impl LiveLimits {
    /// So many of one token and of one address; the pace of handshakes grows with the latter.
    pub fn of(per_token: u32, per_address: u32) -> Self {
        Self {
            per_token,
            per_address,
            handshakes: Rate::per_second((per_address / 10).max(10), (per_address / 2).max(50)),
            write_stall: Duration::from_secs(10),
        }
    }
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self::of(20, 100)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    /// Tickets and refreshed tokens come and go, so it is the user and what the credential is bound to.
    Token(UserId, u64),
    Tenant(UserId),
    Address(IpAddr),
}

/// Counts the live connections. Clones share the counters.
#[derive(Debug, Clone, Default)]
pub struct Live {
    limits: LiveLimits,
    count: Arc<DashMap<Holder, u32>>,
}

/// A place among the live connections; leaves when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    live: Live,
    holders: [Holder; 3],
}

impl Live {
    /// No connection yet.
    pub fn new(limits: LiveLimits) -> Self {
        Self {
            limits,
            count: Arc::default(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
            .iter()
            .filter(|entry| matches!(entry.key(), Holder::Token(..)))
            .map(|entry| *entry.value() as usize)
            .sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count.is_empty()
    }

    /// Takes a place, unless the caller, the tenant or the address has too many.
    pub(super) async fn enter(
        &self,
        ctx: &Ctx,
        Peer(address): Peer,
        quotas: &Quotas,
    ) -> Result<Slot, Problem> {
        let of_tenant = quotas.limits(ctx.owner()).await?.sockets;
        let principal = &ctx.principal;
        let kind = match principal.credential {
            Credential::AccessToken { .. } => 0_u8,
            Credential::ApiKey(_) => 1,
            Credential::LinkToken(_) => 2,
            Credential::Operator => 3,
            Credential::Outer(_) => 4,
        };
        let mut bound = DefaultHasher::new();
        (kind, principal.session.map(SessionId::uuid)).hash(&mut bound);
        let token = Holder::Token(principal.user, bound.finish());
        let wanted = [
            (token, self.limits.per_token),
            (Holder::Tenant(ctx.owner()), of_tenant.unwrap_or(u32::MAX)),
            (Holder::Address(network(address)), self.limits.per_address),
        ];
        for (at, (holder, limit)) in wanted.iter().enumerate() {
            if let Err(refused) = self.add(*holder, *limit) {
                for (taken, _) in wanted.iter().take(at) {
                    self.remove(taken);
                }
                return Err(refused);
            }
        }
        ctx.turn.step_aside();
        Ok(Slot {
            live: self.clone(),
            holders: wanted.map(|(holder, _)| holder),
        })
    }

    fn add(&self, holder: Holder, limit: u32) -> Result<(), Problem> {
        let mut count = self.count.entry(holder).or_insert(0);
        if *count >= limit {
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_connections",
                format!("there are {limit} live connections already"),
            )
            .retry_after(RETRY));
        }
        *count += 1;
        Ok(())
    }

    fn remove(&self, holder: &Holder) {
        self.count.remove_if_mut(holder, |_, count| {
            *count = count.saturating_sub(1);
            *count == 0
        });
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        for holder in &self.holders {
            self.live.remove(holder);
        }
    }
}

/// Why a live connection has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The service stops: come back in a moment.
    Drain,
    /// The credential ended, or was cut.
    Expired,
    /// What it is about was deleted.
    Deleted,
}

/// Falls when a live connection has to end.
#[derive(Debug)]
pub(super) struct Ending {
    stopping: CancellationToken,
    access: Access,
    expires: Option<Instant>,
}

impl Ending {
    /// Watches from now on: the credential, and the sessions that the connection is about, if it is about some alone.
    /// What has ended since the credential was judged is refused here.
    pub(super) async fn of(api: &Api, ctx: &Ctx, about: &[SessionId]) -> Result<Self, Problem> {
        let access = api.auth.watch(ctx, about).await?;
        let now = api.clock.now_ms();
        let expires = ctx.principal.expires_at.map(|end| {
            let left = u64::try_from(end - now).unwrap_or(0);
            Instant::now() + Duration::from_millis(left)
        });
        Ok(Self {
            stopping: api.stop.soft_token(),
            access,
            expires,
        })
    }

    /// When the credential ends.
    pub(super) const fn expires(&self) -> Option<Instant> {
        self.expires
    }

    /// Waits for a stop or a cut; the owner of a timer of its own looks at [`Ending::expires`] itself.
    pub(super) async fn cut(&self) -> End {
        tokio::select! {
            () = self.stopping.cancelled() => End::Drain,
            () = self.access.deleted() => End::Deleted,
            () = self.access.revoked() => End::Expired,
        }
    }

    /// Waits for whatever comes first.
    pub(super) async fn falls(&self) -> End {
        match self.expires {
            None => self.cut().await,
            Some(expires) => tokio::select! {
                end = self.cut() => end,
                () = tokio::time::sleep_until(expires) => End::Expired,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_the_contract() {
        assert_eq!(types(None).unwrap(), Vec::<String>::new());
        assert_eq!(types(Some("*")).unwrap(), Vec::<String>::new());
        assert_eq!(
            types(Some("qr, message.ack")).unwrap(),
            ["qr", "message.ack"]
        );
        assert!(types(Some("gap,webhook.disabled")).is_ok());
        assert!(types(Some("qr,bogus")).is_err());
    }
}
