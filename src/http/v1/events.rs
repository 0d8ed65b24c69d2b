//! `/v1/sessions/{id}/events`: the log as a page, or as server-sent events.

use std::convert::Infallible;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{
        IntoResponse, Response,
        sse::{Event as SseEvent, KeepAlive, Sse},
    },
};
use entity::ids::{EventId, SessionId};
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    domain::clock::rfc3339,
    http::{
        Api,
        extract::{Json, Path, Peer, Query},
        live::{Ending, Slot, types},
        page,
        problem::{Problem, ProblemBody},
    },
    service::{
        Ctx, Error,
        event_log::LogEntry,
        feed::{Feed, Wanted},
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_events))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// Events after this number.
    after: Option<i64>,
    /// Only these types, with commas between.
    #[param(example = "message,message.ack")]
    types: Option<String>,
    /// How many, 1 to 200. Not for a stream.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// One event of the log.
#[derive(Serialize, utoipa::ToSchema)]
struct EventResponse {
    r#type: String,
    /// Its place in the session's log.
    seq: i64,
    #[schema(value_type = String, example = "evt_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: EventId,
    #[schema(value_type = String)]
    session: SessionId,
    at: String,
    /// As on the socket and in webhooks.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
}

impl TryFrom<&LogEntry> for EventResponse {
    type Error = Error;

    fn try_from(entry: &LogEntry) -> Result<Self, Error> {
        Ok(Self {
            r#type: entry.kind.to_string(),
            seq: entry.seq,
            id: entry.id,
            session: entry.session,
            at: rfc3339(entry.at),
            data: RawValue::from_string(entry.data.to_string()).map_err(Error::internal)?,
        })
    }
}

/// A page of the log; `after` of the next page is the last `seq`.
#[derive(Serialize, utoipa::ToSchema)]
struct EventsPage {
    data: Vec<EventResponse>,
    /// `after` of the next page; null at the end of the log.
    next_after: Option<i64>,
    /// The first number that the log still holds.
    first_seq: i64,
    /// The last number given out.
    last_seq: i64,
}

/// The event log of a session: a page, or with `Accept: text/event-stream` the log and then live.
///
/// A stream resumes after `Last-Event-ID`, or after `after`; without either it starts live.
#[utoipa::path(
    get, path = "/sessions/{id}/events", tag = "events",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        EventsQuery,
        ("Last-Event-ID" = Option<i64>, Header, description = "The `seq` that a stream resumes after"),
    ),
    responses(
        (status = 200, content((EventsPage = "application/json"), (String = "text/event-stream"))),
        (status = 404, body = ProblemBody),
    )
)]
async fn list_events(
    State(api): State<Api>,
    ctx: Ctx,
    peer: Peer,
    Path(id): Path<String>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let types = types(query.types.as_deref())?;
    let streams = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/event-stream"));
    if streams {
        let resume = headers
            .get("last-event-id")
            .and_then(|seq| seq.to_str().ok()?.parse().ok())
            .or(query.after);
        let slot = api.live.enter(&ctx, peer)?;
        return stream(api, ctx, &id, resume, types, slot).await;
    }
    let limit = page::limit(query.limit)?;
    let after = query.after.unwrap_or(0);
    let found = api
        .log
        .page(&ctx, &id, after, &types, u64::from(limit))
        .await?;
    let bounds = api.log.bounds(&ctx, &id).await?;
    let full = found.len() == limit as usize;
    let data = found
        .iter()
        .map(|entry| EventResponse::try_from(&**entry))
        .collect::<Result<Vec<_>, _>>()?;
    let next_after = data.last().filter(|_| full).map(|last| last.seq);
    Ok(Json(EventsPage {
        data,
        next_after,
        first_seq: bounds.first_seq,
        last_seq: bounds.last_seq,
    })
    .into_response())
}

async fn stream(
    api: Api,
    ctx: Ctx,
    id: &str,
    resume: Option<i64>,
    types: Vec<String>,
    slot: Slot,
) -> Result<Response, Problem> {
    let (session, live) = api.log.subscribe(&ctx, id).await?;
    let bounds = api.log.bounds(&ctx, id).await?;
    let ending = Ending::of(&api, &ctx).await?;
    let wanted = Wanted {
        sessions: Vec::new(),
        types,
    };
    let reached = resume.unwrap_or(bounds.last_seq).min(bounds.last_seq);
    let mut feed = Feed::of_session(ctx, api.log.clone(), (session, live), wanted, reached);
    if resume.is_some() {
        feed.replay(session);
    }
    let gap = resume
        .filter(|after| after + 1 < bounds.first_seq)
        .map(|after| {
            let data = serde_json::json!({"from": after + 1, "to": bounds.first_seq - 1});
            SseEvent::default().event("gap").data(data.to_string())
        });
    let events = events(feed, ending, gap, slot);
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// Holds one entry at a time: the next is fetched when the client has taken the last.
fn events(
    feed: Feed,
    ending: Ending,
    gap: Option<SseEvent>,
    slot: Slot,
) -> impl Stream<Item = Result<SseEvent, Infallible>> {
    futures_util::stream::unfold((feed, ending, gap, slot), |mut state| async move {
        let (feed, ending, gap, _slot) = &mut state;
        if let Some(gap) = gap.take() {
            return Some((Ok(gap), state));
        }
        let entry = tokio::select! {
            biased;
            _ = ending.falls() => return None,
            next = feed.next() => next.ok().flatten()?.entry,
        };
        let event = SseEvent::default()
            .id(entry.seq.to_string())
            .event(&*entry.kind)
            .data(entry.frame());
        Some((Ok(event), state))
    })
}
