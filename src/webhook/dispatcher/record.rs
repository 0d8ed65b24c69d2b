//! How an attempt went, written: the attempt and the next state in one short transaction.

use entity::{enums::DeliveryState, ids::AttemptId, webhook_attempts, webhook_deliveries::Model};
use sea_orm::DbErr;

use super::{Parts, ms, run::Run};
use crate::{
    db::{self, webhook_deliveries::dispatch::Finish},
    webhook::{
        retry::{self, Hint},
        sender::{Sent, Verdict},
    },
};

/// Why an endpoint was disabled after a 410.
const GONE: &str = "gone";

/// Write how `row` went; gives its new state, or none when the lease was lost and nothing was written.
///
/// `sent` is none when the event is no longer in the log.
pub(super) async fn finish(
    parts: &Parts,
    run: &Run,
    row: &Model,
    sent: Option<&Sent>,
) -> Result<Option<DeliveryState>, DbErr> {
    let now = parts.clock.now_ms();
    let finish = next(row, sent, now, (parts.jitter)());
    let state = finish.state;
    let tx = db::begin(&parts.db).await?;
    let held =
        db::webhook_deliveries::dispatch::finish(&tx, row.id, run.lease, finish, now).await?;
    if !held {
        tx.rollback().await?;
        return Ok(None);
    }
    if let Some(sent) = sent {
        db::webhook_attempts::insert(&tx, vec![attempt(parts, row, sent)]).await?;
        endpoint(&tx, run, row, sent, now).await?;
    }
    tx.commit().await?;
    if sent.is_some_and(|sent| sent.verdict == Verdict::Gone) {
        tracing::warn!(
            endpoint.id = %row.endpoint_id,
            "endpoint {} answered 410 and was disabled",
            row.endpoint_id
        );
    }
    Ok(Some(state))
}

/// The state after an attempt: delivered, dead, or pending until the next one.
fn next(row: &Model, sent: Option<&Sent>, now_ms: i64, unit: f64) -> Finish {
    let dead = |error| Finish {
        state: DeliveryState::Dead,
        next_at: None,
        error,
    };
    let Some(sent) = sent else {
        let error = "event_gone: the event is no longer in the log";
        return dead(Some(error.to_owned()));
    };
    let retry = |hint: Hint| retry::wait(row.attempt + 1, hint, unit);
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

fn attempt(parts: &Parts, row: &Model, sent: &Sent) -> webhook_attempts::Model {
    webhook_attempts::Model {
        id: AttemptId::new(),
        delivery_id: row.id,
        attempt: row.attempt + 1,
        node_id: parts.node,
        started_at: sent.started_at,
        duration_ms: ms(sent.duration),
        status: sent.status.map(i32::from),
        error: sent.error.clone(),
        response: sent.response.clone(),
        triggered_by: row.triggered_by,
    }
}

/// What the attempt says about its endpoint; nothing is written while nothing changes.
async fn endpoint(
    tx: &db::Transaction,
    run: &Run,
    row: &Model,
    sent: &Sent,
    now_ms: i64,
) -> Result<(), DbErr> {
    let id = run.target.endpoint;
    let failing = run.target.failing_since.is_some();
    match sent.verdict {
        Verdict::Gone => {
            db::webhook_endpoints::disable(tx, id, GONE, now_ms).await?;
            db::leases::endpoints_changed(tx, row.owner_id).await?;
        }
        Verdict::Delivered if failing => {
            db::webhook_endpoints::mark_failing(tx, id, None).await?;
        }
        Verdict::Failed(_) if !failing => {
            db::webhook_endpoints::mark_failing(tx, id, Some(now_ms)).await?;
        }
        Verdict::Delivered | Verdict::Failed(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use entity::{
        enums::AttemptTrigger,
        ids::{DeliveryId, EndpointId, EventId, SessionId, UserId},
    };

    use super::*;

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
            response: None,
            error: Some("status: the receiver answered 500".into()),
            verdict,
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
