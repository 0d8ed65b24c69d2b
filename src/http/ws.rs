//! Sockets: `/ws/{id}` hears one session, `/ws` hears all of one's own (`native.md` §3).
//!
//! Owns the handshake: who it is, from which page, how many. All of it is answered in HTTP, before the upgrade.
//! [`conversation`] owns what follows. Opening a socket has no side effect.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entity::ids::SessionId;
use serde::Deserialize;

use super::{
    Api,
    extract::{Path, Peer, Query, RequestId},
    guard,
    live::{self, Ending},
    origin,
    problem::Problem,
    routing::get,
};
use crate::service::{
    Ctx, Fault,
    auth::Authenticated,
    feed::{
        Feed, Wanted,
        cursors::{self, Cursors},
    },
    sessions::SessionView,
    shares::Turn,
    throttle::network,
};

mod close;
mod conversation;
mod frames;
mod pulse;

use conversation::{Conversation, Opening};
pub(super) use frames::Hello;

/// What a socket reads at once: a client says little, and the default of 128 KiB is what an idle socket would cost.
const READ_BUFFER_BYTES: usize = 1024;

/// What is gathered of frames that leave together before it is written.
const WRITE_BUFFER_BYTES: usize = 8192;

/// What may wait for a slow reader before the write counts as stalled.
const MAX_WRITE_BUFFER_BYTES: usize = 1024 * 1024;

/// The largest message of a client.
const MAX_INBOUND_BYTES: usize = 64 * 1024;

/// A subprotocol that carries an access token, for browsers.
const BEARER_PROTOCOL: &str = "bearer.";

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/ws", get(all))
        .route("/ws/{id}", get(one))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WsQuery {
    ticket: Option<String>,
    token: Option<String>,
    /// A number for one session, cursors for many.
    since: Option<String>,
    types: Option<String>,
    /// Of `/ws` alone.
    sessions: Option<String>,
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

async fn one(
    State(api): State<Api>,
    peer: Peer,
    request_id: RequestId,
    Path(id): Path<String>,
    Query(query): Query<WsQuery>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let (ctx, protocol) = authenticate(&api, peer, &headers, &query, request_id).await?;
    let wanted = Wanted {
        sessions: Vec::new(),
        types: live::types(query.types.as_deref())?,
    };
    // Subscribed before anything is read, so that nothing falls in between.
    let (session, hears) = api.log.subscribe(&ctx, &id).await?;
    let bounds = api.log.bounds(&ctx, &session.to_string()).await?;
    let since = query.since.as_deref().map(number).transpose()?;
    let reached = since.map_or(bounds.last_seq, |since| since.clamp(0, bounds.last_seq));
    let mut feed = Feed::of_session(
        ctx.clone(),
        api.log.clone(),
        (session, hears),
        wanted.clone(),
        reached,
    );
    if reached < bounds.last_seq {
        feed.replay(session);
    }
    let opening = Opening::One {
        session,
        bounds,
        reached,
    };
    let slot = api.live.enter(&ctx, peer, &api.quotas).await?;
    let ending = Ending::of(&api, &ctx, &[session]).await?;
    let conversation = Conversation::new(&api, ctx, feed, wanted, (ending, slot));
    Ok(accept(upgrade?, protocol, conversation, opening))
}

async fn all(
    State(api): State<Api>,
    peer: Peer,
    request_id: RequestId,
    Query(query): Query<WsQuery>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    let (ctx, protocol) = authenticate(&api, peer, &headers, &query, request_id).await?;
    let cursors = query.since.as_deref().map(Cursors::parse).transpose()?;
    let types = live::types(query.types.as_deref())?;
    // Subscribed before anything is read, so that nothing falls in between.
    let hears = api.log.subscribe_all(&ctx)?;
    let mut heard = api.sessions.all(&ctx).await?;
    let mut sessions = Vec::new();
    for reference in query.sessions.as_deref().unwrap_or_default().split(',') {
        if !matches!(reference.trim(), "" | "*") {
            sessions.push(cursors::of_caller(&heard, reference.trim())?);
        }
    }
    let named = |session: &SessionId| sessions.is_empty() || sessions.contains(session);
    let ids = heard.iter().map(|session| session.id).filter(named);
    let ids: Vec<SessionId> = ids.collect();
    let cursors = match cursors {
        Some(cursors) => cursors.find(&heard, &ids)?,
        None => HashMap::new(),
    };
    heard.retain(|session| named(&session.id));
    // A socket of some alone ends with the last of them; one of all stays, whatever is deleted.
    let about = match ctx.principal.session {
        Some(only) => vec![only],
        None => sessions.clone(),
    };
    let wanted = Wanted { sessions, types };
    let opening = greeting(&api, &heard).await?;
    let mut feed = Feed::of_all(
        ctx.clone(),
        api.log.clone(),
        api.sessions.clone(),
        hears,
        wanted.clone(),
    );
    for session in &heard {
        let last = session.last_event_seq;
        feed.resume(session.id, cursors.get(&session.id).copied(), last);
    }
    let slot = api.live.enter(&ctx, peer, &api.quotas).await?;
    let ending = Ending::of(&api, &ctx, &about).await?;
    let conversation = Conversation::new(&api, ctx, feed, wanted, (ending, slot));
    Ok(accept(upgrade?, protocol, conversation, opening))
}

/// What a socket of all `sessions` greets with.
async fn greeting(api: &Api, sessions: &[SessionView]) -> Result<Opening, Problem> {
    let bounds = api.log.bounds_of_each(sessions).await?;
    let shown = sessions.iter().zip(bounds).map(|(session, bounds)| {
        let live = api.sessions.follow(session.id);
        let state = live.map_or(session.state, |live| live.borrow().phase.state());
        (session.id, state, bounds)
    });
    Ok(Opening::All(shown.collect()))
}

fn number(since: &str) -> Result<i64, Problem> {
    since.trim().parse().map_err(|_| {
        let fault = Fault::new("/since", "must be the number of an event");
        Problem::invalid("validation_failed", vec![fault])
    })
}

fn accept(
    upgrade: WebSocketUpgrade,
    protocol: Option<String>,
    conversation: Conversation,
    opening: Opening,
) -> Response {
    let mut upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .max_message_size(MAX_INBOUND_BYTES)
        .max_frame_size(MAX_INBOUND_BYTES);
    if let Some(protocol) = protocol.and_then(|protocol| HeaderValue::from_str(&protocol).ok()) {
        upgrade.set_selected_protocol(protocol);
    }
    upgrade
        .on_upgrade(move |socket| conversation.run(socket, opening))
        .into_response()
}

/// In the order of the contract: header, ticket, subprotocol, query. A link token may stand in any of them.
async fn authenticate(
    api: &Api,
    Peer(address): Peer,
    headers: &HeaderMap,
    query: &WsQuery,
    RequestId(request_id): RequestId,
) -> Result<(Ctx, Option<String>), Problem> {
    if let Some(after) = api.handshakes.take(&network(address)).retry_after {
        return Err(guard::too_many(after));
    }
    let mut protocol = None;
    let authenticated = if let Some(credential) = guard::credential(headers) {
        api.auth.authenticate(credential).await?
    } else if let Some(ticket) = &query.ticket {
        Authenticated {
            principal: api.tickets.redeem(ticket).await?,
            user: None,
            allowed_origins: None,
        }
    } else if let Some(offered) = bearer_protocol(headers) {
        let authenticated = api
            .auth
            .authenticate(&offered[BEARER_PROTOCOL.len()..])
            .await?;
        protocol = Some(offered.to_owned());
        authenticated
    } else if let Some(token) = &query.token {
        api.auth.authenticate(token).await?
    } else {
        return Err(guard::missing());
    };
    let configured = &api.settings.cors_origins;
    origin::check(
        headers,
        configured,
        authenticated.allowed_origins.as_deref(),
    )?;
    let ctx = Ctx {
        principal: Arc::new(authenticated.principal),
        request_id,
        known: None,
        // A socket is no request that is worked on.
        turn: Turn::default(),
    };
    // No layer around sockets asks what is left.
    guard::spend(api, &ctx, &Extensions::new())?;
    Ok((ctx, protocol))
}

fn bearer_protocol(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .find(|protocol| protocol.starts_with(BEARER_PROTOCOL))
}

impl From<WebSocketUpgradeRejection> for Problem {
    fn from(_: WebSocketUpgradeRejection) -> Self {
        Self::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade_required",
            "open this path as a WebSocket",
        )
    }
}
