//! `/v1/sessions/{id}/events`: the log as a page, or as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event as SseEvent, KeepAlive, Sse},
    },
};
use entity::ids::{EventId, SessionId};
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::clock::rfc3339,
    http::{
        Api,
        extract::{Json, Path, Peer, Query},
        guard,
        live::{Ending, Slot, types},
        page,
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx, Error,
        event_log::{Gap, LogEntry},
        feed::{Feed, Told, Wanted},
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
    /// The credential of a stream that can send no header, as an `EventSource`: a link token, best of all.
    #[serde(rename = "token")]
    _token: Option<String>,
    /// How many, 1 to 200. Not for a stream.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// One event of the log. What it is (`type`, `data`) is described with the events: `http::openapi`.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = LoggedEvent, description = "An event of the log.")]
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

/// Events that the log no longer holds.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = EventGap)]
struct GapResponse {
    /// The first number that is missing.
    from: i64,
    /// The last one.
    to: i64,
}

impl From<Gap> for GapResponse {
    fn from(gap: Gap) -> Self {
        Self {
            from: gap.from,
            to: gap.to,
        }
    }
}

/// When a browser comes again after its line broke; its own default is three seconds.
const RETRY: Duration = Duration::from_secs(1);

/// A page of the log; `after` of the next page is the last `seq`.
#[derive(Serialize, utoipa::ToSchema)]
struct EventsPage {
    data: Vec<EventResponse>,
    /// `after` of the next page; null at the end of the log.
    next_after: Option<i64>,
    /// What retention has taken of what was asked for: it would stand before `data`. Null when nothing is missing.
    gap: Option<GapResponse>,
    /// The first number that the log still holds.
    first_seq: i64,
    /// The last number given out.
    last_seq: i64,
}

/// The event log of a session: a page, or with `Accept: text/event-stream` the log and then live.
///
/// A stream resumes after `Last-Event-ID`, or after `after`; without either it starts live. An event `gap` tells what
/// retention has taken.
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
    if guard::asks_for_stream(&headers) {
        let resume = headers
            .get("last-event-id")
            .and_then(|seq| seq.to_str().ok()?.parse().ok())
            .or(query.after);
        let slot = api.live.enter(&ctx, peer, &api.quotas).await?;
        return stream(api, ctx, &id, resume, types, slot).await;
    }
    let limit = page::limit(query.limit)?;
    let after = query.after.unwrap_or(0);
    let page = api
        .log
        .page(&ctx, &id, after, &types, u64::from(limit))
        .await?;
    let data = page.entries.iter().map(|entry| (&**entry).try_into());
    Ok(Json(EventsPage {
        data: data.collect::<Result<_, _>>()?,
        next_after: page.next_after,
        gap: page.gap.map(Into::into),
        first_seq: page.bounds.first_seq,
        last_seq: page.bounds.last_seq,
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
    let ending = Ending::of(&api, &ctx, &[session]).await?;
    let wanted = Wanted {
        sessions: Vec::new(),
        types,
    };
    let reached = resume.map_or(bounds.last_seq, |after| after.clamp(0, bounds.last_seq));
    let mut feed = Feed::of_session(ctx, api.log.clone(), (session, live), wanted, reached);
    if reached < bounds.last_seq {
        feed.replay(session);
    }
    let mut start = SseEvent::default().retry(RETRY);
    if resume.is_none() {
        start = start.id(reached.to_string());
    }
    Ok(Sse::new(events(feed, ending, start, slot))
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// Holds one entry at a time: the next is fetched when the client has taken the last.
///
/// It begins with `start`, which has no data: a browser takes it without telling the page. The id in that of a stream that
/// starts live lets a line that breaks before the first event resume as well.
fn events(
    feed: Feed,
    ending: Ending,
    start: SseEvent,
    slot: Slot,
) -> impl Stream<Item = Result<SseEvent, Infallible>> {
    let state = (feed, ending, Some(start), slot);
    futures_util::stream::unfold(state, |mut state| async move {
        let (feed, ending, start, _slot) = &mut state;
        if let Some(start) = start.take() {
            return Some((Ok(start), state));
        }
        let told = tokio::select! {
            biased;
            _ = ending.falls() => return None,
            next = feed.next() => next.ok().flatten()?,
        };
        let event = match told {
            Told::Event(live) => SseEvent::default()
                .id(live.entry.seq.to_string())
                .event(&*live.entry.kind)
                .data(String::from_utf8_lossy(&live.frame)),
            // Its id is the last that is missing: who resumes there is not told again.
            Told::Gap(gap) => SseEvent::default()
                .id(gap.to.to_string())
                .event("gap")
                .data(serde_json::json!({"from": gap.from, "to": gap.to}).to_string()),
        };
        Some((Ok(event), state))
    })
}
