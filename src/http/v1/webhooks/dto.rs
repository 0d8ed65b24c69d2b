//! The shapes of `/v1/webhooks`.

use std::collections::BTreeMap;

use entity::{
    enums::{DeliveryOrdering, DeliveryState, EndpointState},
    ids::{EndpointId, EventId},
};
use serde::{Deserialize, Serialize};

use crate::{
    domain::clock::rfc3339,
    service::webhooks::{
        Endpoint, EndpointPatch, Gate, Many, NewEndpoint, Replayed, Secret, Trial,
    },
};

/// In which order the events of a session are delivered.
#[derive(Clone, Copy, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ordering {
    /// First attempts in order; a failed one moves aside.
    #[default]
    Session,
    /// Nothing overtakes an undelivered event.
    Strict,
    /// No order.
    None,
}

impl From<Ordering> for DeliveryOrdering {
    fn from(ordering: Ordering) -> Self {
        match ordering {
            Ordering::Session => Self::Session,
            Ordering::Strict => Self::Strict,
            Ordering::None => Self::None,
        }
    }
}

impl From<DeliveryOrdering> for Ordering {
    fn from(ordering: DeliveryOrdering) -> Self {
        match ordering {
            DeliveryOrdering::Session => Self::Session,
            DeliveryOrdering::Strict => Self::Strict,
            DeliveryOrdering::None => Self::None,
        }
    }
}

/// Whether an endpoint gets events.
#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WebhookState {
    Active,
    /// Gets nothing until it is enabled again.
    Disabled,
    /// Fails; its deliveries wait.
    Tripped,
}

impl From<EndpointState> for WebhookState {
    fn from(state: EndpointState) -> Self {
        match state {
            EndpointState::Active => Self::Active,
            EndpointState::Disabled => Self::Disabled,
            EndpointState::Tripped => Self::Tripped,
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Webhook)]
pub(super) struct WebhookResponse {
    #[schema(value_type = String, example = "whe_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: EndpointId,
    #[schema(example = "https://example.com/hook")]
    url: String,
    types: Vec<String>,
    /// Ids of sessions, or `*`.
    sessions: Vec<String>,
    /// Canonical ids of chats, or `*`.
    chats: Vec<String>,
    ordering: Ordering,
    /// The names of the custom headers. Their values are not shown again.
    header_names: Vec<String>,
    state: WebhookState,
    /// Why it is disabled: `gone` (it answered 410), `disabled_by_receiver` (it answered `webhook-delivery: disable`),
    /// `failing` (nothing but failures for five days), `exhausted` (three events were tried in vain),
    /// `secret_unreadable`, `disabled_by_owner`.
    disabled_reason: Option<String>,
    health: WebhookHealthResponse,
    /// Since when it has only failed.
    failing_since: Option<String>,
    /// Until when the previous secret signs next to the current one.
    previous_secret_until: Option<String>,
    created_at: String,
    updated_at: String,
}

/// Whether an endpoint answers.
#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WebhookHealthState)]
enum HealthWord {
    Healthy,
    /// Its last attempt failed.
    Failing,
    /// It does not answer: nothing is posted until `retry_at`, and deliveries wait without losing an attempt.
    Open,
    /// One delivery is posted to find out whether it is back.
    HalfOpen,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = WebhookHealth)]
pub(super) struct WebhookHealthResponse {
    state: HealthWord,
    /// Since when it has only failed.
    failing_since: Option<String>,
    /// How many attempts have failed since then.
    failed_attempts: i32,
    /// Attempts in a row that brought no answer, or a 5xx. Five open the breaker.
    consecutive_failures: i32,
    /// When it is tried again, if nothing is posted now.
    retry_at: Option<String>,
    /// A warning: when it will be disabled if it goes on failing.
    disables_at: Option<String>,
    /// Deliveries that wait; 10000 stands for that many or more.
    pending: u64,
    /// Deliveries that were given up; 10000 stands for that many or more.
    dead: u64,
}

impl WebhookHealthResponse {
    fn new(endpoint: &Endpoint) -> Self {
        let health = &endpoint.health;
        let state = match endpoint.gate {
            Gate::Open { .. } => HealthWord::Open,
            Gate::HalfOpen => HealthWord::HalfOpen,
            Gate::Closed if health.is_well() => HealthWord::Healthy,
            Gate::Closed => HealthWord::Failing,
        };
        Self {
            state,
            failing_since: health.failing_since.map(rfc3339),
            failed_attempts: health.failed_attempts,
            consecutive_failures: health.failures_in_a_row,
            retry_at: health.breaker_until.map(rfc3339),
            disables_at: health.given_up_at().map(rfc3339),
            pending: endpoint.backlog.pending,
            dead: endpoint.backlog.dead,
        }
    }
}

impl From<Endpoint> for WebhookResponse {
    fn from(endpoint: Endpoint) -> Self {
        let health = WebhookHealthResponse::new(&endpoint);
        Self {
            id: endpoint.id,
            url: endpoint.url,
            types: endpoint.types,
            sessions: endpoint.sessions,
            chats: endpoint.chats,
            ordering: endpoint.ordering.into(),
            header_names: endpoint.header_names,
            state: endpoint.state.into(),
            disabled_reason: endpoint.disabled_reason,
            failing_since: health.failing_since.clone(),
            health,
            previous_secret_until: endpoint.previous_secret_until.map(rfc3339),
            created_at: rfc3339(endpoint.created_at),
            updated_at: rfc3339(endpoint.updated_at),
        }
    }
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct WebhookWithSecretResponse {
    #[serde(flatten)]
    webhook: WebhookResponse,
    /// What the requests are signed with. It is shown here and never again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    secret: String,
}

impl From<(Endpoint, Secret)> for WebhookWithSecretResponse {
    fn from((endpoint, secret): (Endpoint, Secret)) -> Self {
        Self {
            webhook: endpoint.into(),
            secret: secret.reveal().to_string(),
        }
    }
}

fn every_one() -> Vec<String> {
    vec!["*".to_owned()]
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateWebhookRequest {
    #[schema(example = "https://example.com/hook")]
    url: String,
    /// Names of events; `*` for all, `message.*` for all below `message.`.
    #[serde(default = "every_one")]
    #[schema(required = false)]
    types: Vec<String>,
    /// Ids or handles of one's own sessions; `*`, as when absent, for all of them.
    sessions: Option<Vec<String>>,
    /// Addresses of chats; `*` for all. What belongs to no chat always comes.
    #[serde(default = "every_one")]
    #[schema(required = false)]
    chats: Vec<String>,
    #[serde(default)]
    #[schema(required = false)]
    ordering: Ordering,
    /// Headers of every request.
    #[serde(default)]
    #[schema(required = false)]
    headers: BTreeMap<String, String>,
}

impl From<CreateWebhookRequest> for NewEndpoint {
    fn from(request: CreateWebhookRequest) -> Self {
        Self {
            url: request.url,
            types: request.types,
            sessions: request.sessions,
            chats: request.chats,
            ordering: request.ordering.into(),
            headers: request.headers,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateWebhookRequest {
    url: Option<String>,
    types: Option<Vec<String>>,
    sessions: Option<Vec<String>>,
    chats: Option<Vec<String>>,
    ordering: Option<Ordering>,
    /// They replace the old ones.
    headers: Option<BTreeMap<String, String>>,
    enabled: Option<bool>,
}

impl From<UpdateWebhookRequest> for EndpointPatch {
    fn from(request: UpdateWebhookRequest) -> Self {
        Self {
            url: request.url,
            types: request.types,
            sessions: request.sessions,
            chats: request.chats,
            ordering: request.ordering.map(Into::into),
            headers: request.headers,
            enabled: request.enabled,
        }
    }
}

/// How a test request was answered.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct WebhookTestResponse {
    /// Whether an event answered like this counts as delivered.
    delivered: bool,
    /// The `webhook-id` of the test request.
    #[schema(value_type = String)]
    event_id: EventId,
    status: Option<u16>,
    duration_ms: u64,
    /// The start of the answer.
    response: Option<String>,
    error: Option<String>,
}

impl From<Trial> for WebhookTestResponse {
    fn from(trial: Trial) -> Self {
        Self {
            delivered: trial.delivered,
            event_id: trial.event,
            status: trial.status,
            duration_ms: u64::try_from(trial.duration.as_millis()).unwrap_or(u64::MAX),
            response: trial.response,
            error: trial.error,
        }
    }
}

/// How a delivery has ended.
#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EndedState)]
pub(super) enum EndedWord {
    /// Given up after the last attempt.
    Dead,
    Delivered,
}

impl From<EndedWord> for DeliveryState {
    fn from(word: EndedWord) -> Self {
        match word {
            EndedWord::Dead => Self::Dead,
            EndedWord::Delivered => Self::Delivered,
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayRequest {
    /// RFC 3339; the first moment of the span. Required, unless there is a `state`.
    #[schema(example = "2026-01-31T12:00:00.000Z")]
    pub(super) from: Option<String>,
    /// RFC 3339; the end of the span, which is not in it. Now, if absent.
    pub(super) to: Option<String>,
    /// Instead of all events of the span: the deliveries that ended like that, of any time or queued within the span.
    /// At most 100,000 a call.
    #[schema(inline)]
    pub(super) state: Option<EndedWord>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ReplayResponse {
    /// How many deliveries were queued.
    queued: u64,
    /// There are more than one call takes: call again.
    more: bool,
    /// With `state`: how many stay as they are because the log does not hold their events any more.
    gone: u64,
    /// Without `state`: what happened before that time is not in every log any more, and so was not queued. Null when
    /// all of the span was there.
    gone_before: Option<String>,
}

impl From<Many> for ReplayResponse {
    fn from(many: Many) -> Self {
        Self {
            queued: many.count,
            more: many.more,
            gone: many.gone,
            gone_before: None,
        }
    }
}

impl From<Replayed> for ReplayResponse {
    fn from(replayed: Replayed) -> Self {
        Self {
            queued: replayed.queued,
            more: false,
            gone: 0,
            gone_before: replayed.gone_before.map(rfc3339),
        }
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PurgeQuery {
    /// How those have ended that are removed; `dead`, if absent.
    #[param(inline)]
    pub(super) state: Option<EndedWord>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PurgeResponse {
    /// How many deliveries were removed.
    deleted: u64,
    /// There are more than one call takes: call again.
    more: bool,
}

impl From<Many> for PurgeResponse {
    fn from(many: Many) -> Self {
        Self {
            deleted: many.count,
            more: many.more,
        }
    }
}
