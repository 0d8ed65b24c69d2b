//! Webhooks as a caller sees them: filters, health, dead letters, the log of attempts.

use entity::{
    enums::AttemptTrigger,
    ids::{AttemptId, DeliveryId, NodeId},
    webhook_attempts, webhook_endpoints,
};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
use serde_json::{Value, json};
use wharf::domain::clock::Clock;

use crate::harness::app::{Caller, TestApp};

async fn webhook(owner: &Caller, extra: Value) -> Value {
    let mut body = json!({"url": "http://127.0.0.1:9/hook"});
    for (name, value) in extra.as_object().unwrap() {
        body[name] = value.clone();
    }
    owner.post("/v1/webhooks", body).await.expect(201)
}

/// A dead delivery with one attempt.
async fn dead(app: &TestApp, owner: &Caller, webhook: &Value) -> DeliveryId {
    let session = owner.session("of-the-dead").await;
    let webhook = webhook["id"].as_str().unwrap();
    let id = app.dead_delivery(&session, webhook).await;
    let head = json!({"url": "http://127.0.0.1:9/hook", "headers": [["webhook-id", "evt_1"]]});
    let attempt = webhook_attempts::Model {
        id: AttemptId::new(),
        delivery_id: id,
        attempt: 1,
        node_id: NodeId::new(),
        started_at: app.clock.now_ms(),
        duration_ms: 12,
        status: Some(410),
        error: Some("gone: the receiver answered 410 and gets nothing more".to_owned()),
        response: Some(String::new()),
        triggered_by: AttemptTrigger::Auto,
        request_head: Some(head.to_string()),
        response_head: Some(json!({"headers": [["server", "x"]]}).to_string()),
        head_ms: Some(11),
    };
    let row = webhook_attempts::ActiveModel::from(attempt).reset_all();
    let insert = webhook_attempts::Entity::insert(row);
    insert.exec_without_returning(&app.db).await.unwrap();
    id
}

#[tokio::test]
async fn a_webhook_is_filtered_by_chat_and_a_bad_chat_is_named() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let made = webhook(&ann, json!({})).await;
    assert_eq!(made["chats"], json!(["*"]));
    let made = webhook(&ann, json!({"chats": ["+491701234567", "1-2@g.us"]})).await;
    let canonical = json!(["491701234567@s.whatsapp.net", "1-2@g.us"]);
    assert_eq!(made["chats"], canonical);
    let path = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    let bad = ann.patch(&path, json!({"chats": ["alice"]})).await;
    let body = bad.refused(400, "validation_failed");
    assert!(body["errors"]["/chats"].is_array(), "{body}");
    let all = ann.patch(&path, json!({"chats": ["*"]})).await.expect(200);
    assert_eq!(all["chats"], json!(["*"]));
}

#[tokio::test]
async fn the_health_of_a_webhook_is_shown_and_enable_clears_it() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let made = webhook(&ann, json!({})).await;
    let well = json!({
        "state": "healthy", "failing_since": null, "failed_attempts": 0, "consecutive_failures": 0,
        "retry_at": null, "disables_at": null, "pending": 0, "dead": 0,
    });
    assert_eq!(made["health"], well);
    dead(&app, &ann, &made).await;
    let now = app.clock.now_ms();
    let health = async |until: Option<i64>| {
        use webhook_endpoints::Column;
        webhook_endpoints::Entity::update_many()
            .col_expr(Column::FirstFailureAt, Expr::value(now))
            .col_expr(Column::FailedAttempts, Expr::value(6))
            .col_expr(Column::FailuresInARow, Expr::value(5))
            .col_expr(Column::BreakerUntil, Expr::value(until))
            .col_expr(Column::WarnedAt, Expr::value(now))
            .filter(Column::BreakerOpens.eq(0))
            .exec(&app.db)
            .await
            .unwrap();
        let listed = ann.get("/v1/webhooks").await.expect(200);
        listed["data"][0]["health"].clone()
    };
    let open = health(Some(now + 1_000)).await;
    assert_eq!(open["state"], "open");
    assert_eq!(open["consecutive_failures"], 5);
    assert_eq!((&open["dead"], &open["pending"]), (&json!(1), &json!(0)));
    let retry_at = wharf::domain::clock::rfc3339(now + 1_000);
    assert_eq!(open["retry_at"], retry_at);
    let disables_at = wharf::domain::clock::rfc3339(now + 5 * 24 * 3_600_000);
    assert_eq!(open["disables_at"], disables_at);
    assert_eq!(health(Some(now)).await["state"], "half_open");
    assert_eq!(health(None).await["state"], "failing");

    let path = format!("/v1/webhooks/{}/enable", made["id"].as_str().unwrap());
    let enabled = ann.post(&path, json!({})).await.expect(200);
    assert_eq!(enabled["health"]["state"], "healthy");
    assert_eq!(enabled["health"]["dead"], 1, "what was given up stays");
}

#[tokio::test]
async fn the_log_of_attempts_shows_the_heads() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let made = webhook(&ann, json!({})).await;
    let id = dead(&app, &ann, &made).await;
    let shown = ann.get(&format!("/v1/deliveries/{id}")).await.expect(200);
    let attempt = &shown["attempt_log"][0];
    assert_eq!(
        (&attempt["duration_ms"], &attempt["head_ms"]),
        (&json!(12), &json!(11))
    );
    let request = json!({
        "url": "http://127.0.0.1:9/hook",
        "headers": [{"name": "webhook-id", "value": "evt_1"}],
    });
    assert_eq!(attempt["request_head"], request);
    let response = json!({"url": null, "headers": [{"name": "server", "value": "x"}]});
    assert_eq!(attempt["response_head"], response);
}

#[tokio::test]
async fn the_dead_are_queued_again_and_removed_by_their_state() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let made = webhook(&ann, json!({})).await;
    let id = dead(&app, &ann, &made).await;
    let base = format!("/v1/webhooks/{}", made["id"].as_str().unwrap());
    let replay = format!("{base}/replay");
    let nothing = ann.post(&replay, json!({})).await;
    let body = nothing.refused(400, "validation_failed");
    assert!(body["errors"]["/from"].is_array(), "{body}");
    let odd = ann.post(&replay, json!({"state": "pending"})).await;
    odd.refused(400, "validation_failed");
    let queued = ann
        .post(&replay, json!({"state": "dead"}))
        .await
        .expect(202);
    let all = json!({"queued": 1, "more": false, "gone": 0, "gone_before": null});
    assert_eq!(queued, all);
    let shown = ann.get(&format!("/v1/deliveries/{id}")).await.expect(200);
    assert_eq!(shown["state"], "pending");

    let list = format!("{base}/deliveries");
    let odd = ann.delete(&format!("{list}?state=pending")).await;
    odd.refused(400, "validation_failed");
    let none = ann.delete(&list).await.expect(200);
    assert_eq!(none, json!({"deleted": 0, "more": false}), "it waits now");
}
