//! The frames that no log entry stands behind: greeting, snapshot, gap, pong.

use entity::{enums::SessionState, ids::SessionId};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    domain::{
        clock::rfc3339,
        event::{AccountData, Event, PairCodeData},
        session::{Phase, Snapshot},
    },
    http::openapi::SessionStateWord,
    service::{
        Error,
        event_log::{Bounds, Gap},
        feed::cursors::CURSORS_MAX,
        linking, qr,
    },
};

/// How often the server asks whether the other end is there.
pub(super) const HEARTBEAT_MS: u64 = 25_000;

/// Sessions that a greeting tells: as many as there may be cursors.
const GREETED_MAX: usize = CURSORS_MAX;

#[derive(Serialize)]
struct Frame<'a, T> {
    r#type: &'a str,
    seq: Option<i64>,
    id: Option<&'a str>,
    session: Option<SessionId>,
    at: String,
    data: T,
}

/// What a socket begins with.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct Hello {
    /// Of a socket of one session: where it is.
    #[schema(value_type = Option<SessionStateWord>)]
    state: Option<SessionState>,
    /// The first number that its log still holds.
    first_seq: Option<i64>,
    /// The last number given out.
    last_seq: Option<i64>,
    /// How often the server asks whether the other end is there.
    heartbeat_ms: u64,
    /// Of a socket of many sessions: where each is.
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<Vec<Greeted>>,
    /// Whether there are more sessions than are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

/// Where one of many sessions is.
#[derive(Serialize, utoipa::ToSchema)]
struct Greeted {
    #[schema(value_type = String)]
    session: SessionId,
    #[schema(value_type = SessionStateWord)]
    state: SessionState,
    first_seq: i64,
    last_seq: i64,
}

#[derive(Serialize)]
struct GapData {
    from: i64,
    to: i64,
}

pub(super) fn hello(
    now: i64,
    session: SessionId,
    state: SessionState,
    bounds: Bounds,
) -> Result<String, Error> {
    let data = Hello {
        state: Some(state),
        first_seq: Some(bounds.first_seq),
        last_seq: Some(bounds.last_seq),
        heartbeat_ms: HEARTBEAT_MS,
        sessions: None,
        more: None,
    };
    frame("hello", Some(session), now, data)
}

/// The greeting of a socket of many sessions; it tells up to [`GREETED_MAX`] of them.
pub(super) fn hello_all(
    now: i64,
    sessions: &[(SessionId, SessionState, Bounds)],
) -> Result<String, Error> {
    let told = sessions.iter().take(GREETED_MAX);
    let told = told.map(|(session, state, bounds)| Greeted {
        session: *session,
        state: *state,
        first_seq: bounds.first_seq,
        last_seq: bounds.last_seq,
    });
    let data = Hello {
        state: None,
        first_seq: None,
        last_seq: None,
        heartbeat_ms: HEARTBEAT_MS,
        sessions: Some(told.collect()),
        more: Some(sessions.len() > GREETED_MAX),
    };
    frame("hello", None, now, data)
}

/// What the log no longer holds of what would have come.
pub(super) fn gap(now: i64, gap: Gap) -> Result<String, Error> {
    let data = GapData {
        from: gap.from,
        to: gap.to,
    };
    frame("gap", Some(gap.session), now, data)
}

pub(super) fn pong(now: i64) -> Result<String, Error> {
    frame("pong", None, now, serde_json::Map::new())
}

/// Where the session is right now, when there is something to do about it or it works.
pub(super) fn snapshot(
    now: i64,
    session: SessionId,
    snapshot: &Snapshot,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<String>, Error> {
    let mut events = Vec::new();
    match &snapshot.phase {
        Phase::NeedScan(code) if now < code.expires_at => events.push(Event::Qr(qr::data(code)?)),
        Phase::Connected => events.push(Event::Connected(AccountData {
            phone: snapshot.account.phone.clone(),
            lid: snapshot.account.lid.clone(),
            push_name: snapshot.account.push_name.clone(),
        })),
        Phase::NeedScan(_)
        | Phase::Disconnected(_)
        | Phase::Connecting
        | Phase::LoggedOut(_)
        | Phase::Expired(_)
        | Phase::Degraded(_) => {}
    }
    if let Some(code) = snapshot
        .pair_code
        .as_ref()
        .filter(|code| now < code.expires_at)
    {
        events.push(Event::PairCode(PairCodeData {
            code: code.code.clone(),
            expires_at: rfc3339(code.expires_at),
        }));
    }
    let gate = snapshot.passkey.as_ref();
    if let Some(gate) = gate.filter(|gate| now < gate.expires_at) {
        events.push(Event::Passkey(linking::passkey_data(gate)));
    }
    events
        .iter()
        .filter(|event| wanted(event.name()))
        .map(|event| {
            let data = event.data_json().map_err(Error::internal)?;
            let data = RawValue::from_string(data).map_err(Error::internal)?;
            frame(event.name(), Some(session), now, data)
        })
        .collect()
}

fn frame<T: Serialize>(
    kind: &str,
    session: Option<SessionId>,
    now: i64,
    data: T,
) -> Result<String, Error> {
    serde_json::to_string(&Frame {
        r#type: kind,
        seq: None,
        id: None,
        session,
        at: rfc3339(now),
        data,
    })
    .map_err(Error::internal)
}
