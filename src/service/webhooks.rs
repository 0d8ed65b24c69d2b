//! The verbs of webhooks: endpoints, their secrets, their deliveries.
//!
//! Owns who may do what, the limits, and the order of writes. Must never show a secret but at creation and at
//! rotation, nor the value of a custom header. `http` calls it.

use std::{collections::BTreeMap, sync::Arc};

use entity::{
    enums::{DeliveryOrdering, EndpointState},
    ids::{EndpointId, SessionId},
    webhook_endpoints::Model,
};
use sea_orm::{DatabaseConnection, DatabaseTransaction};
use tokio::sync::Semaphore;

use super::{Ctx, Error, Fault};
use crate::{
    db,
    domain::{clock::SharedClock, principal::Scope},
    webhook::{
        egress::Egress,
        filter::{FilterError, Sessions, Types},
        headers,
        outbox::Wake,
        sender::Sender,
        target::Vault,
    },
};

mod deliveries;
mod keys;
mod replay;
mod trial;

pub use deliveries::{Attempt, Delivery, DeliveryDetail};
pub use trial::Trial;

pub use crate::webhook::signer::Secret;

/// The most endpoints of one owner.
pub const ENDPOINTS_MAX: u64 = 100;

/// Test requests under way at once, in the whole process; one more is refused, not queued.
const TRIALS_MAX: usize = 8;

/// Why an endpoint was disabled by its owner.
const BY_OWNER: &str = "disabled_by_owner";

/// An endpoint to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Where to.
    pub url: String,
    /// Names of events.
    pub types: Vec<String>,
    /// Ids or handles of sessions; none means all that the credential may touch.
    pub sessions: Option<Vec<String>>,
    /// The order within a session.
    pub ordering: DeliveryOrdering,
    /// Headers of every request.
    pub headers: BTreeMap<String, String>,
}

/// What is to be changed; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointPatch {
    /// Where to.
    pub url: Option<String>,
    /// Names of events.
    pub types: Option<Vec<String>>,
    /// Ids or handles of sessions.
    pub sessions: Option<Vec<String>>,
    /// The order within a session.
    pub ordering: Option<DeliveryOrdering>,
    /// Headers of every request; they replace the old ones.
    pub headers: Option<BTreeMap<String, String>>,
    /// Whether it gets events.
    pub enabled: Option<bool>,
}

/// An endpoint as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where to.
    pub url: String,
    /// Names of events.
    pub types: Vec<String>,
    /// Ids of sessions, or `*`.
    pub sessions: Vec<String>,
    /// The order within a session.
    pub ordering: DeliveryOrdering,
    /// The names of the custom headers; their values are not shown again.
    pub header_names: Vec<String>,
    /// Whether it gets events.
    pub state: EndpointState,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// Since when it has only failed.
    pub failing_since: Option<i64>,
    /// Until when the previous secret signs as well.
    pub previous_secret_until: Option<i64>,
    /// When it was made.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

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
        ctx.require(Scope::WebhooksManage)?;
        let id = EndpointId::new();
        self.check_url(&new.url).await?;
        let types = Types::parse(&new.types).map_err(|error| fault("/types", &error))?;
        let sessions = self.sessions(ctx, new.sessions.as_deref()).await?;
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
        };
        let shown = self.show(&row)?;
        let tx = db::begin(&self.parts.db).await?;
        if db::webhook_endpoints::count(&tx, ctx.owner()).await? >= ENDPOINTS_MAX {
            return Err(Error::Quota {
                code: "webhook_limit_reached",
                detail: format!("at most {ENDPOINTS_MAX} webhooks"),
            });
        }
        db::webhook_endpoints::insert(&tx, row).await?;
        tx.commit().await?;
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
        let limit = u64::from(limit) + 1;
        // An owner has at most a hundred, so what a bound credential may not see is left out here.
        let all =
            db::webhook_endpoints::list(&self.parts.db, ctx.owner(), after, ENDPOINTS_MAX).await?;
        let seen = all.iter().filter(|row| may_see(ctx, row));
        seen.take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|row| self.show(row))
            .collect()
    }

    /// One endpoint.
    pub async fn get(&self, ctx: &Ctx, id: EndpointId) -> Result<Endpoint, Error> {
        let row = self.find(ctx, id).await?;
        self.show(&row)
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
        let headers = match &patch.headers {
            Some(headers) => Some(self.seal_headers(id, headers)?),
            None => None,
        };
        let shown = self
            .change(ctx, id, |row| {
                row.url = patch.url.unwrap_or_else(|| row.url.clone());
                row.types = types.map_or_else(|| row.types.clone(), |types| types.to_stored());
                row.ordering = patch.ordering.unwrap_or(row.ordering);
                if let Some(sessions) = sessions {
                    row.sessions = sessions.to_stored();
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
        let tx = db::begin(&self.parts.db).await?;
        if !db::webhook_endpoints::delete(&tx, ctx.owner(), id).await? {
            return Err(NOT_FOUND);
        }
        db::webhook_deliveries::cancel(&tx, id, self.parts.clock.now_ms()).await?;
        tx.commit().await?;
        Ok(())
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
        let tx = db::begin(&self.parts.db).await?;
        let mut row = self.locked(&tx, ctx, id).await?;
        change(&mut row)?;
        row.updated_at = self.parts.clock.now_ms();
        let shown = self.show(&row)?;
        db::webhook_endpoints::replace(&tx, row).await?;
        tx.commit().await?;
        Ok(shown)
    }

    async fn locked(
        &self,
        tx: &DatabaseTransaction,
        ctx: &Ctx,
        id: EndpointId,
    ) -> Result<Model, Error> {
        db::webhook_endpoints::lock(tx, ctx.owner(), id)
            .await?
            .filter(|row| may_see(ctx, row))
            .ok_or(NOT_FOUND)
    }

    async fn check_url(&self, text: &str) -> Result<(), Error> {
        let egress = &self.parts.egress;
        let refuse = |error: crate::webhook::egress::EgressError| Error::Invalid {
            code: error.code(),
            faults: vec![Fault::new("/url", error.to_string())],
        };
        let url = egress.check_url(text).map_err(refuse)?;
        egress.resolves(&url).await.map_err(refuse)
    }

    /// A list of ids and handles, as ids of sessions that the caller has.
    async fn sessions(&self, ctx: &Ctx, list: Option<&[String]>) -> Result<Sessions, Error> {
        let Some(list) = list else {
            return Ok(match ctx.principal.session {
                Some(only) => Sessions::Only(vec![only]),
                None => Sessions::All,
            });
        };
        if list.iter().any(|word| word == "*") {
            return match ctx.principal.session {
                None => Ok(Sessions::All),
                Some(_) => Err(Error::invalid(
                    "/sessions",
                    "this credential is bound to one session; name that one",
                )),
            };
        }
        let mut ids = Vec::with_capacity(list.len());
        for (index, word) in list.iter().enumerate() {
            ids.push(self.session(ctx, word, index).await?.to_string());
        }
        Sessions::parse(&ids).map_err(|error| fault("/sessions", &error))
    }

    async fn session(&self, ctx: &Ctx, word: &str, index: usize) -> Result<SessionId, Error> {
        let found = match word.parse::<SessionId>() {
            Ok(id) => db::sessions::find(&self.parts.db, ctx.owner(), id).await?,
            Err(_) => db::sessions::find_by_handle(&self.parts.db, ctx.owner(), word).await?,
        };
        found
            .map(|row| row.id)
            .filter(|id| ctx.principal.may_touch(*id))
            .ok_or_else(|| Error::invalid(format!("/sessions/{index}"), "there is no such session"))
    }

    fn seal_headers(
        &self,
        id: EndpointId,
        given: &BTreeMap<String, String>,
    ) -> Result<Option<Vec<u8>>, Error> {
        headers::check(given).map_err(|(name, error)| {
            let pointer = if name.is_empty() {
                "/headers".to_owned()
            } else {
                format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"))
            };
            Error::invalid(pointer, error.to_string())
        })?;
        self.parts
            .vault
            .seal_headers(id, given)
            .map_err(Error::internal)
    }

    fn show(&self, row: &Model) -> Result<Endpoint, Error> {
        let headers = self
            .parts
            .vault
            .open_headers(row.id, row.headers_sealed.as_deref())
            .map_err(Error::internal)?;
        let now = self.parts.clock.now_ms();
        Ok(Endpoint {
            id: row.id,
            url: row.url.clone(),
            types: Types::from_stored(&row.types).entries().to_vec(),
            sessions: Sessions::from_stored(&row.sessions).entries(),
            ordering: row.ordering,
            header_names: headers.into_keys().collect(),
            state: row.state,
            disabled_reason: row.disabled_reason.clone(),
            failing_since: row.first_failure_at,
            previous_secret_until: row.prev_until.filter(|until| *until > now),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
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
    row.first_failure_at = None;
}

fn fault(pointer: &str, error: &FilterError) -> Error {
    Error::invalid(pointer, error.to_string())
}
