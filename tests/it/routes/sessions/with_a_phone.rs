//! A session that a phone of the sandbox links, seen through the API.

use serde_json::{Value, json};

use crate::harness::app::{TestApp, frame, frame_of};

const PHONE: &str = "491700000101";
const FRIEND: &str = "491700000202";

#[tokio::test]
async fn a_phone_scans_the_code_that_every_form_shows_and_a_text_leaves_once() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    let session = ann.session("sales").await;
    let mut socket = ann.open("/ws/sales").await;
    ann.post("/v1/sessions/sales/connect", json!({}))
        .await
        .expect(202);

    let path = "/v1/sessions/sales/qr?wait_ms=30000";
    let code = ann.get(path).await.expect(200);
    assert_eq!(code["index"], 1);
    let told = frame_of(&mut socket, "qr").await;
    assert_eq!(told["data"]["code"], code["code"]);
    let image = told["data"]["image"].as_str().unwrap();
    assert!(image.starts_with("data:image/png;base64,"));
    for (accept, begins) in [
        ("image/png", b"\x89PNG".as_slice()),
        ("image/svg+xml", b"<svg"),
    ] {
        let picture = ann.header("accept", accept).get(path).await;
        assert_eq!(picture.headers["content-type"], accept);
        assert!(picture.bytes.starts_with(begins), "{accept}");
    }
    let drawn = ann.header("accept", "text/plain").get(path).await;
    let drawn = String::from_utf8(drawn.bytes).unwrap();
    assert!(drawn.lines().count() > 10, "{drawn}");

    // A page with a link token sees the same code, by REST and as the snapshot of its socket.
    let body = json!({"expires_in_s": 600});
    let link = ann
        .post("/v1/sessions/sales/link-tokens", body)
        .await
        .expect(201);
    let page = app.stranger().bearer(link["token"].as_str().unwrap());
    assert_eq!(page.get(path).await.expect(200)["code"], code["code"]);
    let mut snapshot = page.socket(&format!("/ws/{session}")).await.unwrap();
    assert_eq!(frame(&mut snapshot).await["data"]["state"], "need_scan");
    let shown = frame(&mut snapshot).await;
    assert_eq!(
        (&shown["type"], &shown["seq"]),
        (&json!("qr"), &Value::Null)
    );
    assert_eq!(shown["data"]["code"], code["code"]);

    let scan = json!({"qr": code["code"]});
    app.control("POST", &format!("/phones/{PHONE}/scan"), scan)
        .await;
    frame_of(&mut socket, "success").await;
    frame_of(&mut socket, "connected").await;
    ann.get(path).await.refused(409, "session_already_linked");
    let typed = json!({"phone": PHONE});
    let typed = ann.post("/v1/sessions/sales/pair-code", typed).await;
    typed.refused(409, "session_already_linked");
    let mut late = ann.socket("/ws/sales").await.unwrap();
    assert_eq!(frame(&mut late).await["data"]["state"], "connected");
    assert_eq!(frame(&mut late).await["data"]["phone"], PHONE);

    let send = || async {
        let body = json!({"to": FRIEND, "type": "text", "text": {"body": "only once"}});
        let caller = ann.header("idempotency-key", "order-1");
        caller.post("/v1/sessions/sales/messages", body).await
    };
    let (one, two) = (send().await, send().await);
    assert_eq!(two.headers["idempotency-replayed"], "true");
    let (one, two) = (one.expect(202), two.expect(202));
    assert_eq!(one, two);
    assert_eq!(one["to"], format!("{FRIEND}@s.whatsapp.net"));
    let path = format!(
        "/v1/sessions/sales/messages/{}",
        one["message_id"].as_str().unwrap()
    );
    assert_eq!(
        ann.get(&path).await.expect(200)["text"]["body"],
        "only once"
    );
    let listed = ann.get("/v1/sessions/sales/messages").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let seen = app
        .control("GET", &format!("/phones/{FRIEND}/messages"), Value::Null)
        .await;
    let texts = seen["data"].as_array().unwrap();
    let texts = texts.iter().filter(|one| one["text"] == "only once");
    assert_eq!(texts.count(), 1, "{seen}");
}
