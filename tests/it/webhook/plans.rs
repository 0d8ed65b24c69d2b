//! No statement of the outbox reads a whole table, whatever has piled up in it: the databases say so themselves.

use entity::{
    enums::{AttemptTrigger, DeliveryState},
    events,
    ids::{AttemptId, DeliveryId, EndpointId, EventId, NodeId, SessionId, UserId},
    webhook_attempts, webhook_deliveries,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbBackend,
    EntityTrait, IntoActiveModel, QueryFilter as _,
};
use wharf::db::{
    events::{self as log, ends},
    webhook_attempts as attempts,
    webhook_deliveries::{
        self as deliveries,
        dispatch::{self, Lease},
        ended,
        replay::{self, Span},
    },
    webhook_endpoints as endpoints,
};

use super::desk::Desk;
use crate::harness::{
    databases::{TestDb, on_each_engine},
    explained::Explained,
};

/// Rows of each of the tables that grow.
const ROWS: usize = 10_000;
const ENDPOINTS: usize = 20;
const SESSIONS: usize = 50;
const NOW: i64 = 1_000_000;

/// The tables that grow.
const LARGE: [&str; 3] = ["webhook_deliveries", "webhook_attempts", "events"];

struct Heap {
    endpoints: Vec<EndpointId>,
    sessions: Vec<SessionId>,
    deliveries: Vec<webhook_deliveries::Model>,
}

/// Ten thousand deliveries with an attempt and an event each; most are over.
async fn heap(desk: &Desk) -> Heap {
    let db = &desk.test.db;
    let owner = desk.ctx.owner();
    let mut heap = Heap {
        endpoints: Vec::new(),
        sessions: (0..SESSIONS).map(|_| SessionId::new()).collect(),
        deliveries: Vec::new(),
    };
    for _ in 0..ENDPOINTS {
        heap.endpoints
            .push(desk.endpoint("http://127.0.0.1:9/").await.0);
    }
    let node = NodeId::new();
    let (mut told, mut tried) = (Vec::new(), Vec::new());
    for number in 0..ROWS {
        let session = heap.sessions[number % SESSIONS];
        let seq = i64::try_from(number).unwrap();
        let (state, attempt, next_at) = match number % 40 {
            0 => (DeliveryState::Pending, 0, None),
            1 => (DeliveryState::Pending, 2, Some(NOW - seq)),
            2 => (DeliveryState::Inflight, 0, Some(NOW + 1)),
            3..=20 => (DeliveryState::Dead, 13, None),
            _ => (DeliveryState::Delivered, 1, None),
        };
        let delivery = webhook_deliveries::Model {
            id: DeliveryId::new(),
            owner_id: owner,
            endpoint_id: heap.endpoints[(number / 40) % ENDPOINTS],
            session_id: session,
            event_id: EventId::new(),
            seq,
            state,
            attempt,
            triggered_by: AttemptTrigger::Auto,
            next_at,
            lease_node: (state == DeliveryState::Inflight).then_some(node),
            last_error: None,
            created_at: seq,
            updated_at: seq,
        };
        told.push(event(&delivery, owner));
        tried.push(webhook_attempts::Model {
            id: AttemptId::new(),
            delivery_id: delivery.id,
            attempt: 1,
            node_id: node,
            started_at: seq,
            duration_ms: 1,
            status: Some(200),
            error: None,
            response: None,
            triggered_by: AttemptTrigger::Auto,
            request_head: None,
            response_head: None,
            head_ms: None,
        });
        heap.deliveries.push(delivery);
    }
    insert::<webhook_deliveries::Entity, _>(db, &heap.deliveries).await;
    insert::<events::Entity, _>(db, &told).await;
    insert::<webhook_attempts::Entity, _>(db, &tried).await;
    let analyze = match db.get_database_backend() {
        DbBackend::MySql => format!("ANALYZE TABLE {}", LARGE.join(", ")),
        _ => "ANALYZE".to_owned(),
    };
    db.execute_unprepared(&analyze).await.unwrap();
    heap
}

fn event(delivery: &webhook_deliveries::Model, owner: UserId) -> events::Model {
    events::Model {
        session_id: delivery.session_id,
        seq: delivery.seq,
        id: delivery.event_id,
        owner_id: owner,
        event_type: "message".to_owned(),
        payload: "{}".to_owned(),
        created_at: delivery.created_at,
    }
}

async fn insert<E, A>(db: &DatabaseConnection, rows: &[E::Model])
where
    E: EntityTrait,
    A: ActiveModelTrait<Entity = E> + Send,
    E::Model: IntoActiveModel<A> + Clone,
{
    for rows in rows.chunks(500) {
        let rows = rows.iter().cloned().map(IntoActiveModel::into_active_model);
        E::insert_many(rows)
            .exec_without_returning(db)
            .await
            .unwrap();
    }
}

async fn no_statement_of_the_outbox_reads_a_whole_table(test: TestDb) {
    let desk = Desk::on(test).await;
    let heap = heap(&desk).await;
    let owner = desk.ctx.owner();
    let db = &Explained::new(&desk.test.db, &LARGE);
    let endpoint = heap.endpoints[0];
    let dead = DeliveryState::Dead;
    let span = Span {
        from_ms: 100,
        to_ms: 200,
    };

    // A round of the dispatcher.
    let with_work = endpoints::with_work(db, NOW).await.unwrap();
    assert_eq!(with_work.len(), ENDPOINTS);
    let first = dispatch::first_attempts(db, endpoint, None, 32)
        .await
        .unwrap();
    assert!(!first.is_empty());
    let after = first.first().map(|row| row.session_id);
    dispatch::first_attempts(db, endpoint, after, 32)
        .await
        .unwrap();
    dispatch::first_attempts_held(db, endpoint).await.unwrap();
    let due = dispatch::retries(db, endpoint, NOW, 8).await.unwrap();
    assert!(!due.is_empty());
    dispatch::lanes_with_retry(db, endpoint).await.unwrap();
    let ids: Vec<DeliveryId> = first.iter().map(|row| row.id).collect();
    let lease = Lease {
        node: NodeId::new(),
        until_ms: NOW + 60_000,
    };
    let leased = dispatch::lease(db, &ids, lease, NOW).await.unwrap();
    assert_eq!(leased, ids);
    let held = dispatch::held(db, ids.iter().copied(), lease.node).await;
    assert_eq!(held.unwrap().len(), ids.len());
    let events = first.iter().map(|row| row.event_id);
    let events: Vec<EventId> = events.collect();
    let told = dispatch::told(db, events.iter().copied()).await.unwrap();
    assert_eq!(told.len(), events.len());
    dispatch::release(db, &first, lease, NOW).await.unwrap();

    // What an owner asks for.
    let backlog = endpoints::backlog(db, endpoint).await.unwrap();
    assert!(backlog.pending > 0 && backlog.dead > 0);
    for state in [None, Some(dead)] {
        let cursor = Some(heap.deliveries[ROWS / 2].event_id);
        for cursor in [None, cursor] {
            deliveries::list(db, owner, endpoint, state, cursor, 50)
                .await
                .unwrap();
        }
    }
    attempts::of(db, first[0].id).await.unwrap();
    deliveries::hasten(db, owner, first[0].id, NOW)
        .await
        .unwrap();
    deliveries::known_events(db, endpoint, &events)
        .await
        .unwrap();
    deliveries::requeue(db, endpoint, &events, NOW)
        .await
        .unwrap();
    replay::count(db, owner, heap.sessions[0], span)
        .await
        .unwrap();
    replay::page(db, owner, heap.sessions[0], span, 0, 500)
        .await
        .unwrap();
    replay::first(db, owner, heap.sessions[0]).await.unwrap();
    let held = ends::lock_held(db, events.iter().copied()).await.unwrap();
    assert_eq!(held.len(), events.len());

    // Dead letters and retention.
    let some = ended::ids(db, endpoint, dead, 50).await.unwrap();
    assert_eq!(some.len(), 50);
    for span in [None, Some(span)] {
        ended::with_event(db, endpoint, dead, span, 50)
            .await
            .unwrap();
        let gone = ended::count_gone(db, endpoint, dead, span).await.unwrap();
        assert_eq!(gone, 0);
    }
    ended::requeue(db, &some[..10], dead, NOW).await.unwrap();
    ended::remove(db, &some[10..20], i64::MAX).await.unwrap();
    let end = heap.deliveries[100].id;
    ended::page(db, None, end, 50).await.unwrap();
    let after = Some(heap.deliveries[50].id);
    ended::page(db, after, end, 50).await.unwrap();
    ended::remove_attempts(db, AttemptId(end.uuid()), 50)
        .await
        .unwrap();
    deliveries::cancel(db, endpoint, NOW).await.unwrap();
    assert!(db.asked() >= 28, "the plans were asked for");
    db.assert_no_whole_table();
}

async fn no_statement_of_the_log_reads_a_whole_table(test: TestDb) {
    let desk = Desk::on(test).await;
    let heap = heap(&desk).await;
    let db = &Explained::new(&desk.test.db, &LARGE);
    let session = heap.sessions[0];

    // A reader.
    let page = log::page(db, session, 100, &[], 100).await.unwrap();
    assert_eq!(page.len(), 100);
    let types = ["message".to_owned()];
    log::page(db, session, 100, &types, 100).await.unwrap();
    assert_eq!(log::first_seq(db, session).await.unwrap(), Some(0));
    ends::first_seqs(db, &heap.sessions).await.unwrap();

    // Retention.
    ends::page(db, None, 200).await.unwrap();
    ends::page(db, Some(session), 200).await.unwrap();
    let old = ends::lock_oldest(db, session, 150).await.unwrap();
    assert_eq!(old.len(), 150);
    endpoints::ids(db, desk.ctx.owner()).await.unwrap();
    let events: Vec<EventId> = old.iter().map(|entry| entry.id).collect();
    for endpoint in &heap.endpoints {
        deliveries::first_waiting(db, *endpoint, &events)
            .await
            .unwrap();
    }
    assert_eq!(ends::remove_until(db, session, 50).await.unwrap(), 2);
    db.assert_no_whole_table();
}

async fn a_statement_that_does_read_a_whole_table_is_noticed(test: TestDb) {
    let desk = Desk::on(test).await;
    heap(&desk).await;
    let db = &Explained::new(&desk.test.db, &LARGE);
    for last_error in ["", "never"] {
        let found = webhook_deliveries::Entity::find()
            .filter(webhook_deliveries::Column::LastError.eq(last_error))
            .all(db)
            .await
            .unwrap();
        assert!(found.is_empty());
    }
    assert_eq!(db.faults().len(), 2);
}

on_each_engine!(
    no_statement_of_the_outbox_reads_a_whole_table,
    no_statement_of_the_log_reads_a_whole_table,
    a_statement_that_does_read_a_whole_table_is_noticed,
);
