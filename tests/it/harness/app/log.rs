//! What happens in a session, written into its log without a session that runs.

use std::sync::Arc;

use entity::{
    enums::{AttemptTrigger, DeliveryState},
    events,
    ids::{DeliveryId, EventId, SessionId},
    sessions, webhook_deliveries,
};
use sea_orm::{ActiveModelTrait as _, ColumnTrait, ConnectionTrait as _, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use wharf::{db, domain::clock::Clock, events::LogEntry};

use super::TestApp;

impl TestApp {
    /// Drops the events before `seq`, as retention does.
    pub(crate) async fn forget_before(&self, session: &str, seq: i64) {
        let session: SessionId = session.parse().unwrap();
        events::Entity::delete_many()
            .filter(events::Column::SessionId.eq(session))
            .filter(events::Column::Seq.lt(seq))
            .exec(&self.db)
            .await
            .unwrap();
    }

    /// Writes an event to the log of a session and tells the live readers, as the session itself does.
    pub(crate) async fn emit(&self, session: &str, kind: &str, data: Value) -> i64 {
        let entry = self.write(session, kind, data).await;
        self.bus.publish(std::slice::from_ref(&entry));
        entry.seq
    }

    /// Writes an event to the log of a session and tells nobody, as another node does.
    pub(crate) async fn write(&self, session: &str, kind: &str, data: Value) -> Arc<LogEntry> {
        let session: SessionId = session.parse().unwrap();
        let tx = db::begin(&self.db).await.unwrap();
        let seq = db::leases::take_number(&tx, session).await.unwrap();
        let owned = sessions::Entity::find_by_id(session).one(&tx).await;
        let row = events::Model {
            session_id: session,
            seq: seq.expect("the session has a lease"),
            id: EventId::new(),
            owner_id: owned.unwrap().unwrap().owner_id,
            event_type: kind.into(),
            payload: data.to_string(),
            created_at: self.clock.now_ms(),
        };
        let mut script = db::Script::new(tx.get_database_backend());
        db::events::insert(&mut script, vec![row.clone()]);
        assert!(script.run(&tx).await.unwrap());
        tx.commit().await.unwrap();
        Arc::new(row.into())
    }

    /// A delivery of a new event that was given up.
    pub(crate) async fn dead_delivery(&self, session: &str, webhook: &str) -> DeliveryId {
        let event = self.write(session, "message", json!({})).await;
        let row = webhook_deliveries::Model {
            id: DeliveryId::new(),
            owner_id: event.owner,
            endpoint_id: webhook.parse().unwrap(),
            session_id: event.session,
            event_id: event.id,
            seq: event.seq,
            state: DeliveryState::Dead,
            attempt: 1,
            triggered_by: AttemptTrigger::Auto,
            next_at: None,
            lease_node: None,
            last_error: None,
            created_at: event.at,
            updated_at: event.at,
        };
        let id = row.id;
        let row = webhook_deliveries::ActiveModel::from(row).reset_all();
        let insert = webhook_deliveries::Entity::insert(row);
        insert.exec_without_returning(&self.db).await.unwrap();
        id
    }
}
