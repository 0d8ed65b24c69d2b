//! Webhooks: one for each session, in the shapes of the dialect, on its own schedule.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::harness::{
    app::phones::{ALICE, BOB, CAROL, PNG},
    http_client,
    processes::{DEADLINE, POLL, SandboxProcess, Wharf},
    receiver::{Receiver, Reply},
};

async fn linked(wharf: &Wharf, sandbox: &SandboxProcess, body: Value, number: &str) -> String {
    let made = wharf.call("POST", "/api/sessions", body).await;
    let path = format!("/api/sessions/{}", made["id"].as_str().unwrap());
    let shown = wharf.call("GET", &format!("{path}/qr"), Value::Null).await;
    let scan = json!({"qr": shown["data"]["qr"]});
    sandbox
        .call("POST", &format!("/phones/{number}/scan"), scan)
        .await;
    let started = std::time::Instant::now();
    while wharf.call("GET", &path, Value::Null).await["logged_in"] != true {
        assert!(started.elapsed() < DEADLINE, "it is not logged in");
        tokio::time::sleep(POLL).await;
    }
    path
}

#[tokio::test]
async fn a_message_reaches_the_webhook_in_the_shape_that_was_asked_for_and_own_ones_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let (nested, flat) = (Receiver::start().await, Receiver::start().await);
    let body = json!({"phone": "1234567890"});
    let one = linked(&wharf, &sandbox, body, ALICE).await;
    let body = json!({"phone": "two", "webhook_url": flat.url(), "webhook_format": "flat"});
    linked(&wharf, &sandbox, body, CAROL).await;
    let hook = json!({"webhook_url": nested.url()});
    wharf.call("PUT", &format!("{one}/webhook"), hook).await;
    let shown = wharf.call("GET", &one, Value::Null).await;
    assert_eq!(shown["webhook_url"], nested.url());

    let own = json!({"to": BOB, "message": "from here"});
    wharf.call("POST", &format!("{one}/send"), own).await;
    sandbox.write(BOB, ALICE, "Hello!").await;
    sandbox.write(BOB, CAROL, "Hello too!").await;
    let told = nested.has_seen(1).await.remove(0);
    assert_eq!(told.header("user-agent"), "WhatsApp-Multi-Session/1.0");
    assert_eq!(told.header("content-type"), "application/json");
    let told = told.json();
    assert_eq!(told["session_id"], "1234567890");
    assert_eq!(told["message"]["message"], "Hello!", "{told}");
    assert_eq!(told["message"]["from"], format!("{BOB}@s.whatsapp.net"));
    assert_eq!(told["message"]["to"], format!("{ALICE}@s.whatsapp.net"));
    assert!(told["message"]["timestamp"].is_i64() && told["message"]["id"].is_string());
    let told = flat.has_seen(1).await.remove(0).json();
    assert_eq!(
        (&told["session_id"], &told["message"]),
        (&json!("two"), &json!("Hello too!"))
    );
    assert_eq!(told["is_group"], false);

    // An empty text clears it, and nothing is told any more.
    wharf
        .call("PUT", &format!("{one}/webhook"), json!({"webhook_url": ""}))
        .await;
    let webhooks = wharf.call("GET", "/v1/webhooks", Value::Null).await;
    assert_eq!(webhooks["data"].as_array().unwrap().len(), 1);
    wharf.call("DELETE", "/api/sessions/two", Value::Null).await;
    wharf.until_webhooks(0).await;
    assert_eq!((nested.seen().len(), flat.seen().len()), (1, 1));
}

#[tokio::test]
async fn how_far_own_messages_have_come_is_told_to_whoever_asks_for_receipts() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let (asked, silent) = (Receiver::start().await, Receiver::start().await);
    let body = json!({
        "phone": "one", "webhook_url": asked.url(), "webhook_events": ["message", "receipt"],
    });
    let one = linked(&wharf, &sandbox, body, ALICE).await;
    let body = json!({"phone": "two", "webhook_url": silent.url()});
    let two = linked(&wharf, &sandbox, body, CAROL).await;
    let mut sent = Vec::new();
    for path in [&one, &two] {
        let own = json!({"to": BOB, "message": "from here"});
        let said = wharf.call("POST", &format!("{path}/send"), own).await;
        sent.push(said["message_id"].as_str().unwrap().to_owned());
    }
    let told = asked.has_seen(1).await.remove(0).json();
    let chat = format!("{BOB}@s.whatsapp.net");
    assert_eq!(
        (&told["session_id"], &told["message_ids"], &told["status"]),
        (&json!("one"), &json!([sent[0]]), &json!("delivered")),
        "{told}"
    );
    assert_eq!(
        (&told["chat"], &told["sender"]),
        (&json!(chat), &json!(chat))
    );
    // What comes after it is a message: of its receipts the other was told nothing.
    sandbox.write(BOB, CAROL, "Hello!").await;
    let told = silent.has_seen(1).await.remove(0).json();
    assert_eq!(told["message"]["message"], "Hello!", "{told}");
}

#[tokio::test]
async fn a_webhook_that_fails_is_tried_three_times_and_can_be_delivered_again() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let receiver = Receiver::start().await.answering([
        Reply::Status(500),
        Reply::Status(500),
        Reply::Status(500),
    ]);
    let body = json!({"phone": "one", "webhook_url": receiver.url()});
    linked(&wharf, &sandbox, body, ALICE).await;
    sandbox.write(BOB, ALICE, "Hello!").await;
    let tries = receiver.has_seen(3).await;
    assert!(
        tries.iter().all(|one| one.body == tries[0].body),
        "each is the same"
    );
    let webhooks = wharf.call("GET", "/v1/webhooks", Value::Null).await;
    let id = webhooks["data"][0]["id"].as_str().unwrap();
    let path = format!("/v1/webhooks/{id}/deliveries?state=dead");
    let started = std::time::Instant::now();
    let dead = loop {
        let dead = wharf.call("GET", &path, Value::Null).await;
        if let Some(one) = dead["data"].as_array().and_then(|all| all.first()) {
            break one["id"].as_str().unwrap().to_owned();
        }
        assert!(started.elapsed() < DEADLINE, "it is not given up");
        tokio::time::sleep(POLL).await;
    };
    wharf
        .call(
            "POST",
            &format!("/v1/deliveries/{dead}/redeliver"),
            json!({}),
        )
        .await;
    assert_eq!(receiver.has_seen(4).await[3].body, tries[0].body);
}

#[tokio::test]
async fn the_file_of_a_message_is_behind_the_link_that_the_webhook_tells() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let wharf = Wharf::start(folder.path(), &sandbox.url).await;
    let (nested, flat) = (Receiver::start().await, Receiver::start().await);
    let body = json!({"phone": "one", "webhook_url": nested.url()});
    linked(&wharf, &sandbox, body, ALICE).await;
    let body = json!({"phone": "two", "webhook_url": flat.url(), "webhook_format": "flat"});
    linked(&wharf, &sandbox, body, CAROL).await;
    let image = json!({"base64": PNG, "mimetype": "image/png", "caption": "a point"});
    for to in [ALICE, CAROL] {
        let body = json!({"to": to, "image": image});
        let path = format!("/phones/{BOB}/messages");
        sandbox.call("POST", &path, body).await;
    }
    let login = json!({"username": "admin", "password": "admin123"});
    let login = wharf.call("POST", "/api/auth/login", login).await;
    let told = nested.has_seen(1).await.remove(0).json();
    let other = flat.has_seen(1).await.remove(0).json();
    assert_eq!(other["message_type"], "image");
    for link in [&told["message"]["media_url"], &other["media_url"]] {
        let url = wharf.url(link.as_str().unwrap());
        let call = http_client().build().unwrap().get(url);
        let call = call.bearer_auth(login["token"].as_str().unwrap());
        let answer = call.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "image/png");
        let bytes = answer.bytes().await.unwrap();
        assert_eq!(bytes, BASE64_STANDARD.decode(PNG).unwrap());
    }
}
