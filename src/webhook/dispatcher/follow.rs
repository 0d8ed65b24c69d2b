//! What follows from an attempt: the state of its delivery, and its row in the log of attempts. Pure.

use entity::{enums::DeliveryState, ids::AttemptId, webhook_attempts, webhook_deliveries::Model};

use super::{Parts, ms};
use crate::{
    db::webhook_deliveries::dispatch::Finish,
    webhook::{
        heads::Head,
        retry::{self, Hint},
        sender::{Sent, Verdict},
    },
};

/// The state after an attempt: delivered, dead, or pending until the next one.
pub(super) fn next(row: &Model, sent: Option<&Sent>, now_ms: i64, unit: f64) -> Finish {
    let dead = |error| Finish {
        state: DeliveryState::Dead,
        next_at: None,
        error,
    };
    let Some(sent) = sent else {
        let error = "event_gone: the event is no longer in the log";
        return dead(Some(error.to_owned()));
    };
    let retry = |hint: Hint| retry::wait(sent.schedule, row.attempt + 1, hint, unit);
    match sent.verdict {
        Verdict::Delivered => Finish {
            state: DeliveryState::Delivered,
            next_at: None,
            error: None,
        },
        Verdict::Gone => dead(sent.error.clone()),
        Verdict::Failed(hint) => match retry(hint) {
            None => dead(sent.error.clone()),
            Some(wait) => Finish {
                state: DeliveryState::Pending,
                next_at: Some(now_ms + ms(wait)),
                error: sent.error.clone(),
            },
        },
    }
}

/// The row of the log of attempts.
pub(super) fn attempt(parts: &Parts, row: &Model, sent: Sent) -> webhook_attempts::Model {
    webhook_attempts::Model {
        id: AttemptId::new(),
        delivery_id: row.id,
        attempt: row.attempt + 1,
        node_id: parts.node,
        started_at: sent.started_at,
        duration_ms: ms(sent.duration),
        status: sent.status.map(i32::from),
        error: sent.error,
        response: sent.response,
        triggered_by: row.triggered_by,
        request_head: sent.request_head.as_ref().and_then(Head::to_stored),
        response_head: sent.response_head.as_ref().and_then(Head::to_stored),
        head_ms: sent.head_after.map(ms),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entity::{
        enums::AttemptTrigger,
        ids::{DeliveryId, EndpointId, EventId, SessionId, UserId},
    };

    use super::*;
    use crate::webhook::health::Outcome;

    fn row(attempt: i32) -> Model {
        Model {
            id: DeliveryId::new(),
            owner_id: UserId::new(),
            endpoint_id: EndpointId::new(),
            session_id: SessionId::new(),
            event_id: EventId::new(),
            seq: 1,
            state: DeliveryState::Inflight,
            attempt,
            triggered_by: AttemptTrigger::Auto,
            next_at: Some(60_000),
            lease_node: None,
            last_error: None,
            created_at: 0,
            updated_at: 0,
        }
    }

    fn sent(verdict: Verdict) -> Sent {
        Sent {
            started_at: 0,
            duration: Duration::ZERO,
            status: Some(500),
            request_head: None,
            response_head: None,
            head_after: None,
            response: None,
            error: Some("status: the receiver answered 500".into()),
            verdict,
            outcome: Outcome::Down,
            disable: None,
            schedule: retry::Schedule::default(),
        }
    }

    #[test]
    fn the_thirteenth_failure_is_the_last() {
        let failed = sent(Verdict::Failed(Hint::default()));
        let twelfth = next(&row(11), Some(&failed), 1_000, 0.5);
        assert_eq!(twelfth.state, DeliveryState::Pending);
        assert_eq!(twelfth.next_at, Some(1_000 + 24 * 3_600_000));
        let last = next(&row(12), Some(&failed), 1_000, 0.5);
        assert_eq!((last.state, last.next_at), (DeliveryState::Dead, None));
    }

    #[test]
    fn an_event_that_retention_took_is_given_up_with_a_reason() {
        let gone = next(&row(0), None, 0, 0.5);
        assert_eq!(gone.state, DeliveryState::Dead);
        assert!(gone.error.unwrap().starts_with("event_gone"));
    }
}
