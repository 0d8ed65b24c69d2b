//! An endpoint: as it is asked for, as it is changed, as it is shown.

use std::collections::BTreeMap;

use entity::{
    enums::{DeliveryOrdering, EndpointState},
    ids::EndpointId,
    webhook_endpoints::Model,
};

use super::{Error, Webhooks};
use crate::{
    db,
    webhook::filter::{Chats, Sessions, Types},
};
pub use crate::{
    db::webhook_endpoints::Backlog,
    webhook::health::{Gate, Health},
};

/// An endpoint to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEndpoint {
    /// Where to.
    pub url: String,
    /// Names of events.
    pub types: Vec<String>,
    /// Ids or handles of sessions; none means all that the credential may touch.
    pub sessions: Option<Vec<String>>,
    /// Addresses of chats, or `*`.
    pub chats: Vec<String>,
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
    /// Addresses of chats, or `*`.
    pub chats: Option<Vec<String>>,
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
    /// Canonical ids of chats, or `*`.
    pub chats: Vec<String>,
    /// The order within a session.
    pub ordering: DeliveryOrdering,
    /// The names of the custom headers; their values are not shown again.
    pub header_names: Vec<String>,
    /// Whether it gets events.
    pub state: EndpointState,
    /// Why not.
    pub disabled_reason: Option<String>,
    /// How it fares.
    pub health: Health,
    /// Whether it is posted to right now.
    pub gate: Gate,
    /// What waits for it and what was given up, each up to [`COUNTED_MAX`](crate::db::webhook_endpoints::COUNTED_MAX).
    pub backlog: Backlog,
    /// Until when the previous secret signs as well.
    pub previous_secret_until: Option<i64>,
    /// When it was made.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

impl Webhooks {
    /// What the owner sees of `row`.
    pub(super) fn show(&self, row: &Model, backlog: Backlog) -> Result<Endpoint, Error> {
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
            chats: Chats::from_stored(row.chats.as_deref()).entries(),
            ordering: row.ordering,
            header_names: headers.into_keys().collect(),
            state: row.state,
            disabled_reason: row.disabled_reason.clone(),
            health: Health::from(row),
            gate: Health::from(row).gate(now),
            backlog,
            previous_secret_until: row.prev_until.filter(|until| *until > now),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }

    /// What the owner sees of `row`, with what waits for it counted.
    pub(super) async fn show_counted(&self, row: &Model) -> Result<Endpoint, Error> {
        let backlog = db::webhook_endpoints::backlog(&self.parts.db, row.id).await?;
        self.show(row, backlog)
    }
}
