//! Webhooks: under the names that were subscribed, with the secret in a header, on the dialect's own schedule.

use serde_json::{Value, json};

use crate::harness::{
    app::phones::{ALICE, BOB},
    processes::{DEADLINE, POLL, SandboxProcess, Wharf, client},
    receiver::{Receiver, Reply},
};

/// A session with a webhook whose code the phone has scanned.
async fn linked(
    wharf: &Wharf,
    sandbox: &SandboxProcess,
    receiver: &Receiver,
    names: Value,
) -> Value {
    let body = json!({
        "name": "one", "phone_number": format!("+{ALICE}"), "account_protection": false, "log_messages": true,
        "webhook_url": receiver.url(), "webhook_enabled": true, "webhook_events": names,
    });
    let made = wharf.call("POST", "/api/whatsapp-sessions", body).await;
    let session = made["data"].clone();
    let path = format!("/api/whatsapp-sessions/{}", session["id"]);
    let shown = wharf
        .call("POST", &format!("{path}/connect"), json!({}))
        .await;
    let scan = json!({"qr": shown["data"]["qrCode"]});
    sandbox
        .call("POST", &format!("/phones/{ALICE}/scan"), scan)
        .await;
    let started = std::time::Instant::now();
    while wharf
        .call("GET", &format!("{path}/status"), Value::Null)
        .await["status"]
        != "connected"
    {
        assert!(started.elapsed() < DEADLINE, "it is not connected");
        tokio::time::sleep(POLL).await;
    }
    session
}

/// The bodies of this name, once there are so many.
async fn told(receiver: &Receiver, name: &str, count: usize) -> Vec<Value> {
    let started = std::time::Instant::now();
    loop {
        let seen = receiver.seen().into_iter().map(|one| one.json());
        let of_name: Vec<Value> = seen.filter(|body| body["event"] == name).collect();
        if of_name.len() >= count {
            return of_name;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "{name} was told {} times",
            of_name.len()
        );
        tokio::time::sleep(POLL).await;
    }
}

#[tokio::test]
async fn a_message_is_told_under_each_name_that_was_subscribed_and_no_other_is() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let receiver = Receiver::start().await;
    let names = json!([
        "messages.received",
        "messages.upsert",
        "session.status",
        "message.sent",
        "message-receipt.update",
        "no.such.name"
    ]);
    let session = linked(&wharf, &sandbox, &receiver, names.clone()).await;
    assert_eq!(session["webhook_events"], names, "kept as it was written");
    sandbox.write(BOB, ALICE, "Hello!").await;
    let received = told(&receiver, "messages.received", 1).await.remove(0);
    let upsert = told(&receiver, "messages.upsert", 1).await.remove(0);
    assert_eq!(upsert["data"]["messages"][0], received["data"]["messages"]);
    assert_eq!(received["data"]["messages"]["messageBody"], "Hello!");
    assert_eq!(received["sessionId"], session["id"].to_string());
    let states: Vec<Value> = told(&receiver, "session.status", 3).await;
    let states: Vec<&str> = states
        .iter()
        .map(|one| one["data"]["status"].as_str().unwrap())
        .collect();
    assert!(
        states.contains(&"need_scan") && states.contains(&"connected"),
        "{states:?}"
    );
    for seen in receiver.seen() {
        assert_eq!(
            seen.header("x-webhook-signature"),
            session["webhook_secret"]
        );
        assert_eq!(seen.header("content-type"), "application/json");
    }
    let url = format!("http://127.0.0.1:{}/api/send-message", wharf.port());
    let key = session["api_key"].as_str().unwrap();
    let call = client().post(url).bearer_auth(key);
    let body = json!({"to": BOB, "text": "from here"});
    assert_eq!(call.json(&body).send().await.unwrap().status(), 200);
    let sent = told(&receiver, "message.sent", 1).await.remove(0);
    assert_eq!(sent["data"]["status"], "sent");

    let crew = json!({"subject": "Crew", "members": [BOB, ALICE]});
    let crew = sandbox.call("POST", "/groups", crew).await["id"].clone();
    let body = json!({"to": crew, "text": "who has got this?"});
    let url = format!("http://127.0.0.1:{}/api/send-message", wharf.port());
    let call = client().post(url).bearer_auth(key);
    assert_eq!(call.json(&body).send().await.unwrap().status(), 200);
    let receipt = told(&receiver, "message-receipt.update", 1).await.remove(0);
    let receipt = &receipt["data"]["message"];
    assert_eq!(receipt["key"]["remoteJid"], crew);
    let bob = format!("{BOB}@s.whatsapp.net");
    assert_eq!(receipt["key"]["participant"], bob);
    assert_eq!(receipt["receipt"]["userJid"], bob);
    assert!(receipt["receipt"]["receiptTimestamp"].is_i64());

    // Fewer names, and then none at all.
    let path = format!("/api/whatsapp-sessions/{}", session["id"]);
    wharf
        .call("PUT", &path, json!({"webhook_events": ["messages.upsert"]}))
        .await;
    let webhooks = wharf.call("GET", "/v1/webhooks", Value::Null).await;
    assert_eq!(webhooks["data"].as_array().unwrap().len(), 1);
    wharf
        .call("PUT", &path, json!({"webhook_enabled": false}))
        .await;
    wharf.until_webhooks(0).await;
    let shown = wharf.call("GET", &path, Value::Null).await;
    assert_eq!(
        shown["data"]["webhook_url"],
        receiver.url(),
        "the address is kept"
    );
}

#[tokio::test]
async fn a_webhook_that_fails_is_tried_three_times() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let receiver = Receiver::start()
        .await
        .answering([Reply::Status(500), Reply::Status(500)]);
    linked(&wharf, &sandbox, &receiver, json!(["messages.upsert"])).await;
    sandbox.write(BOB, ALICE, "Hello!").await;
    let tries = receiver.has_seen(3).await;
    assert!(
        tries.iter().all(|one| one.body == tries[0].body),
        "each is the same"
    );
}
