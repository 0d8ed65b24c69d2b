//! Replay: the events of a span of time, once more, under their own ids.

use std::collections::HashSet;

use entity::{
    enums::{AttemptTrigger, DeliveryState, EndpointState},
    ids::{DeliveryId, EndpointId, EventId, SessionId},
    webhook_deliveries,
    webhook_endpoints::Model,
};
use sea_orm::ConnectionTrait as _;

use super::{Ctx, Error, Webhooks};
use crate::{
    db::{
        self,
        webhook_deliveries::replay::{self, Past, Span},
    },
    webhook::{
        filter::{Chats, Sessions, Types},
        outbox,
    },
};

/// The most events of one replay.
const EVENTS_MAX: u64 = 100_000;

/// Events queued in one transaction.
const PAGE: u64 = 500;

/// Sessions read at once.
const SESSIONS: u64 = 200;

/// What a replay has queued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many deliveries.
    pub queued: u64,
    /// Where retention has been faster: what happened before that time is not in every log any more.
    pub gone_before: Option<i64>,
}

impl Webhooks {
    /// Queue what happened from `from_ms` on and before `to_ms` (now, if none) for an endpoint, as its filters
    /// are today. What is still on its way is not queued twice.
    pub async fn replay(
        &self,
        ctx: &Ctx,
        id: EndpointId,
        from_ms: Option<i64>,
        to_ms: Option<i64>,
    ) -> Result<Replayed, Error> {
        let endpoint = self.find(ctx, id).await?;
        if endpoint.state == EndpointState::Disabled {
            return Err(super::deliveries::disabled());
        }
        let Some(from_ms) = from_ms else {
            return Err(Error::invalid(
                "/from",
                "is required, unless there is a state",
            ));
        };
        let now = self.parts.clock.now_ms();
        let span = Span {
            from_ms,
            to_ms: to_ms.unwrap_or(now + 1),
        };
        if span.from_ms >= span.to_ms {
            return Err(Error::invalid("/from", "must be before to"));
        }
        let sessions = self.replayed(ctx, &endpoint).await?;
        let mut events = 0;
        for session in &sessions {
            events += replay::count(&self.parts.db, ctx.owner(), *session, span).await?;
        }
        if events > EVENTS_MAX {
            return Err(Error::invalid(
                "/from",
                format!("{events} events are in this span; a replay takes at most {EVENTS_MAX}"),
            ));
        }
        let mut replayed = Replayed::default();
        for session in sessions {
            replayed.queued += self.replay_session(&endpoint, session, span, now).await?;
            // Looked at last: what went before it was read was not queued.
            let gone = self.gone_before(ctx, session, span).await?;
            replayed.gone_before = replayed.gone_before.max(gone);
        }
        self.parts.wake.wake();
        Ok(replayed)
    }

    /// Until when the log of `session` misses what is asked for, if it does.
    async fn gone_before(
        &self,
        ctx: &Ctx,
        session: SessionId,
        span: Span,
    ) -> Result<Option<i64>, Error> {
        let db = &self.parts.db;
        let until = match replay::first(db, ctx.owner(), session).await? {
            Some((1, _)) => None,
            Some((_, at)) => Some(at.min(span.to_ms)),
            None => {
                let lease = db::leases::find(db, session).await?;
                lease.filter(|lease| lease.last_seq > 0).map(|_| span.to_ms)
            }
        };
        Ok(until.filter(|until| span.from_ms < *until))
    }

    /// The sessions whose events the endpoint gets.
    async fn replayed(&self, ctx: &Ctx, endpoint: &Model) -> Result<Vec<SessionId>, Error> {
        if let Sessions::Only(ids) = Sessions::from_stored(&endpoint.sessions) {
            return Ok(ids);
        }
        let mut all = Vec::new();
        loop {
            let after = all.last().copied();
            let page =
                db::sessions::page(&self.parts.db, ctx.owner(), None, after, SESSIONS).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page.into_iter().map(|row| row.id));
        }
    }

    async fn replay_session(
        &self,
        endpoint: &Model,
        session: SessionId,
        span: Span,
        now: i64,
    ) -> Result<u64, Error> {
        let types = Types::from_stored(&endpoint.types);
        let chats = Chats::from_stored(endpoint.chats.as_deref());
        let in_chats = |event: &Past| {
            chats == Chats::All || chats.matches(outbox::chat_of(&event.payload).as_deref())
        };
        let (mut after, mut queued) = (0, 0);
        loop {
            let tx = db::begin(&self.parts.db).await?;
            let page = replay::page(&tx, endpoint.owner_id, session, span, after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(queued);
            };
            after = last.seq;
            let wanted: Vec<Past> = page
                .into_iter()
                .filter(|event| types.matches(&event.event_type) && in_chats(event))
                .collect();
            let ids: Vec<EventId> = wanted.iter().map(|event| event.id).collect();
            let known = db::webhook_deliveries::known_events(&tx, endpoint.id, &ids).await?;
            queued += db::webhook_deliveries::requeue(&tx, endpoint.id, &known, now).await?;
            let known: HashSet<EventId> = known.into_iter().collect();
            let rows: Vec<_> = wanted
                .into_iter()
                .filter(|event| !known.contains(&event.id))
                .map(|event| row(endpoint, session, &event, now))
                .collect();
            queued += rows.len() as u64;
            let mut script = db::Script::new(tx.get_database_backend());
            db::webhook_deliveries::insert(&mut script, rows);
            script.run(&tx).await?;
            tx.commit().await?;
        }
    }
}

fn row(endpoint: &Model, session: SessionId, event: &Past, now: i64) -> webhook_deliveries::Model {
    webhook_deliveries::Model {
        id: DeliveryId::new(),
        owner_id: endpoint.owner_id,
        endpoint_id: endpoint.id,
        session_id: session,
        event_id: event.id,
        seq: event.seq,
        state: DeliveryState::Pending,
        attempt: 0,
        triggered_by: AttemptTrigger::Manual,
        next_at: None,
        lease_node: None,
        last_error: None,
        created_at: now,
        updated_at: now,
    }
}
