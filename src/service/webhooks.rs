//! The verbs of webhooks: endpoints, their secrets, their deliveries.
//!
//! Owns who may do what, the limits, and the order of writes. Must never show a secret but at creation and at
//! rotation, nor the value of a custom header. `http` calls it.

use std::sync::Arc;

use entity::{enums::EndpointState, ids::EndpointId, webhook_endpoints::Model};
use sea_orm::DatabaseConnection;
use tokio::sync::Semaphore;

use super::{Ctx, Error, Fault, quotas::Quotas};
use crate::{
    db,
    domain::{clock::SharedClock, principal::Scope},
    egress::Egress,
    webhook::{
        filter::{Chats, Sessions, Types},
        outbox::Wake,
        render::NATIVE,
        sender::Sender,
        target::Vault,
    },
};

mod deliveries;
mod ended;
mod endpoint;
mod hooks;
mod input;
mod keys;
mod replay;
mod trial;

pub use deliveries::{Attempt, Delivery, DeliveryDetail, Head};
pub use ended::Many;
pub use endpoint::{Backlog, Endpoint, EndpointPatch, Gate, Health, NewEndpoint};
pub use hooks::{Hook, Telling};
use input::fault;
pub use replay::Replayed;
pub use trial::Trial;

pub use crate::webhook::{
    render::{Render, RenderError, Rendered, Told, Who},
    retry::Schedule,
    signer::Secret,
};

/// The most endpoints of one owner that are told in our own shape.
pub const ENDPOINTS_MAX: u64 = 100;

/// Test requests under way at once, in the whole process; one more is refused, not queued.
const TRIALS_MAX: usize = 8;

/// Why an endpoint was disabled by its owner.
const BY_OWNER: &str = "disabled_by_owner";

/// What the verbs stand on.
#[derive(Debug, Clone)]
pub struct WebhookParts {
    /// The rows.
    pub db: DatabaseConnection,
    /// The time.
    pub clock: SharedClock,
    /// Seals secrets and headers.
    pub vault: Vault,
    /// Judges URLs.
    pub egress: Egress,
    /// Posts test requests.
    pub sender: Sender,
    /// Tells the dispatcher.
    pub wake: Wake,
    /// How many endpoints a tenant may have.
    pub quotas: Quotas,
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Webhooks {
    parts: WebhookParts,
    trials: Arc<Semaphore>,
}

impl Webhooks {
    /// The verbs over `parts`.
    pub fn new(parts: WebhookParts) -> Self {
        Self {
            parts,
            trials: Arc::new(Semaphore::new(TRIALS_MAX)),
        }
    }

    /// Make an endpoint; gives its secret, which is shown this once.
    pub async fn create(&self, ctx: &Ctx, new: NewEndpoint) -> Result<(Endpoint, Secret), Error> {
        self.create_as(ctx, new, (NATIVE, "")).await
    }

    /// Make an endpoint that is told in this shape, and which of its variants.
    async fn create_as(
        &self,
        ctx: &Ctx,
        new: NewEndpoint,
        (shape, variant): (&str, &str),
    ) -> Result<(Endpoint, Secret), Error> {
        ctx.require(Scope::WebhooksManage)?;
        let id = EndpointId::new();
        self.check_url(&new.url).await?;
        let types = Types::parse(&new.types).map_err(|error| fault("/types", &error))?;
        let sessions = self.sessions(ctx, new.sessions.as_deref()).await?;
        let chats = Chats::parse(&new.chats).map_err(|error| fault("/chats", &error))?;
        let headers_sealed = self.seal_headers(id, &new.headers)?;
        let secret = Secret::generate().map_err(Error::internal)?;
        let now = self.parts.clock.now_ms();
        let row = Model {
            id,
            owner_id: ctx.owner(),
            url: new.url,
            secret_sealed: self
                .parts
                .vault
                .seal_secret(id, &secret)
                .map_err(Error::internal)?,
            prev_secret_sealed: None,
            prev_until: None,
            types: types.to_stored(),
            sessions: sessions.to_stored(),
            headers_sealed,
            ordering: new.ordering,
            rate_limit: None,
            state: EndpointState::Active,
            first_failure_at: None,
            disabled_reason: None,
            created_at: now,
            updated_at: now,
            chats: chats.to_stored(),
            failed_attempts: 0,
            exhausted_events: 0,
            failures_in_a_row: 0,
            breaker_opens: 0,
            breaker_until: None,
            warned_at: None,
            shape: shape.to_owned(),
            variant: variant.to_owned(),
        };
        let shown = self.show(&row, Backlog::default())?;
        let limit = self.parts.quotas.limits(ctx.owner()).await?.endpoints;
        let tx = self.begin(ctx).await?;
        // Those of other faces belong to sessions, of which there is a limit already.
        if shape == NATIVE
            && db::webhook_endpoints::count(&tx, ctx.owner(), NATIVE).await? >= ENDPOINTS_MAX
        {
            return Err(Error::Quota {
                code: "webhook_limit_reached",
                detail: format!("at most {ENDPOINTS_MAX} webhooks"),
            });
        }
        if let Some(limit) = limit
            && db::webhook_endpoints::count_all(&*tx, ctx.owner()).await? >= u64::from(limit)
        {
            return Err(Error::Quota {
                code: "webhook_limit_reached",
                detail: format!("this account may have {limit} webhooks"),
            });
        }
        db::webhook_endpoints::insert(&tx, row).await?;
        publish(tx, ctx).await?;
        Ok((shown, secret))
    }

    /// Up to `limit` + 1 endpoints after `after`, oldest first: the one more tells that there are more.
    pub async fn list(
        &self,
        ctx: &Ctx,
        after: Option<EndpointId>,
        limit: u32,
    ) -> Result<Vec<Endpoint>, Error> {
        ctx.require(Scope::WebhooksManage)?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut after = after;
        let mut shown = Vec::new();
        loop {
            let db = &self.parts.db;
            let page = db::webhook_endpoints::list(db, ctx.owner(), after, ENDPOINTS_MAX).await?;
            // What a bound credential may not see is left out here.
            for row in page.iter().filter(|row| may_see(ctx, row)) {
                shown.push(self.show_counted(row).await?);
                if shown.len() > wanted {
                    return Ok(shown);
                }
            }
            after = page.last().map(|row| row.id);
            if (page.len() as u64) < ENDPOINTS_MAX {
                return Ok(shown);
            }
        }
    }

    /// One endpoint.
    pub async fn get(&self, ctx: &Ctx, id: EndpointId) -> Result<Endpoint, Error> {
        let row = self.find(ctx, id).await?;
        self.show_counted(&row).await
    }

    /// Change an endpoint.
    pub async fn update(
        &self,
        ctx: &Ctx,
        id: EndpointId,
        patch: EndpointPatch,
    ) -> Result<Endpoint, Error> {
        self.find(ctx, id).await?;
        if let Some(url) = &patch.url {
            self.check_url(url).await?;
        }
        let types = patch.types.as_deref().map(Types::parse).transpose();
        let types = types.map_err(|error| fault("/types", &error))?;
        let sessions = match &patch.sessions {
            Some(list) => Some(self.sessions(ctx, Some(list)).await?),
            None => None,
        };
        let chats = patch.chats.as_deref().map(Chats::parse).transpose();
        let chats = chats.map_err(|error| fault("/chats", &error))?;
        let headers = match &patch.headers {
            Some(headers) => Some(self.seal_headers(id, headers)?),
            None => None,
        };
        let shown = self
            .change(ctx, id, |row| {
                if let Some(url) = patch.url {
                    // What the old one did says nothing about the new one.
                    Health::default().store(row);
                    row.url = url;
                }
                row.types = types.map_or_else(|| row.types.clone(), |types| types.to_stored());
                row.ordering = patch.ordering.unwrap_or(row.ordering);
                if let Some(sessions) = sessions {
                    row.sessions = sessions.to_stored();
                }
                if let Some(chats) = chats {
                    row.chats = chats.to_stored();
                }
                if let Some(sealed) = headers {
                    row.headers_sealed = sealed;
                }
                match patch.enabled {
                    Some(true) => enable(row),
                    Some(false) => {
                        row.state = EndpointState::Disabled;
                        row.disabled_reason = Some(BY_OWNER.to_owned());
                    }
                    None => {}
                }
                Ok(())
            })
            .await?;
        self.parts.wake.wake();
        Ok(shown)
    }

    /// Let an endpoint have events again, and what has waited.
    pub async fn enable(&self, ctx: &Ctx, id: EndpointId) -> Result<Endpoint, Error> {
        let shown = self
            .change(ctx, id, |row| {
                enable(row);
                Ok(())
            })
            .await?;
        self.parts.wake.wake();
        Ok(shown)
    }

    /// Delete an endpoint and cancel what is on its way.
    pub async fn delete(&self, ctx: &Ctx, id: EndpointId) -> Result<(), Error> {
        self.find(ctx, id).await?;
        let tx = self.begin(ctx).await?;
        if !db::webhook_endpoints::delete(&tx, ctx.owner(), id).await? {
            return Err(NOT_FOUND);
        }
        db::webhook_deliveries::cancel(&tx, id, self.parts.clock.now_ms()).await?;
        publish(tx, ctx).await
    }

    /// A transaction that changes what the caller's endpoints want; [`publish`] ends it.
    ///
    /// A log that reads the endpoints for the first time holds the same lock: it finds them changed, or it can be told.
    async fn begin(&self, ctx: &Ctx) -> Result<db::Transaction, Error> {
        let tx = db::begin(&self.parts.db).await?;
        db::users::lock(&tx, ctx.owner()).await?;
        Ok(tx)
    }

    async fn find(&self, ctx: &Ctx, id: EndpointId) -> Result<Model, Error> {
        ctx.require(Scope::WebhooksManage)?;
        db::webhook_endpoints::find(&self.parts.db, ctx.owner(), id)
            .await?
            .filter(|row| may_see(ctx, row))
            .ok_or(NOT_FOUND)
    }

    /// Change the locked row, so that nobody's change is lost.
    async fn change(
        &self,
        ctx: &Ctx,
        id: EndpointId,
        change: impl FnOnce(&mut Model) -> Result<(), Error>,
    ) -> Result<Endpoint, Error> {
        ctx.require(Scope::WebhooksManage)?;
        let tx = self.begin(ctx).await?;
        let mut row = self.locked(&tx, ctx, id).await?;
        change(&mut row)?;
        row.updated_at = self.parts.clock.now_ms();
        let backlog = db::webhook_endpoints::backlog(&*tx, id).await?;
        let shown = self.show(&row, backlog)?;
        db::webhook_endpoints::replace(&tx, row).await?;
        publish(tx, ctx).await?;
        Ok(shown)
    }

    async fn locked(
        &self,
        tx: &db::Transaction,
        ctx: &Ctx,
        id: EndpointId,
    ) -> Result<Model, Error> {
        db::webhook_endpoints::lock(tx, ctx.owner(), id)
            .await?
            .filter(|row| may_see(ctx, row))
            .ok_or(NOT_FOUND)
    }
}

/// Ends a transaction that began with [`Webhooks::begin`]: from its commit on, every log of the caller knows.
async fn publish(tx: db::Transaction, ctx: &Ctx) -> Result<(), Error> {
    db::leases::endpoints_changed(&tx, ctx.owner()).await?;
    Ok(tx.commit().await?)
}

const NOT_FOUND: Error = Error::NotFound { what: "webhook" };

/// A credential that is bound to a session sees the endpoints of that session alone.
fn may_see(ctx: &Ctx, row: &Model) -> bool {
    ctx.principal
        .session
        .is_none_or(|only| Sessions::from_stored(&row.sessions) == Sessions::Only(vec![only]))
}

fn enable(row: &mut Model) {
    row.state = EndpointState::Active;
    row.disabled_reason = None;
    Health::default().store(row);
}
