//! The passkey gate of linking: a challenge, an answer, a code that both sides show, and every way in which it ends.

use serde_json::{Value, json};

use crate::harness::{
    app::{
        Caller, Socket, TestApp, frame, frame_of,
        phones::{ALICE, BOB, until},
    },
    authenticator::Authenticator,
};

const GATE: &str = "/v1/sessions/sales/passkey";

/// A session that shows a code, a passkey of Alice, and a page with a link token.
struct Stage {
    app: TestApp,
    ann: Caller,
    page: Caller,
    socket: Socket,
    passkey: Authenticator,
}

impl Stage {
    async fn set(with: Value) -> Self {
        let app = TestApp::start_with_phones().await;
        let ann = app.user("ann").await;
        let session = ann.session("sales").await;
        let passkey = Authenticator::new(b"alice's passkey");
        let mut registration = passkey.registration();
        for (name, value) in with.as_object().unwrap() {
            registration[name] = value.clone();
        }
        let path = format!("/phones/{ALICE}/passkey");
        app.control("PUT", &path, registration).await;
        let body = json!({"expires_in_s": 600});
        let token = ann
            .post("/v1/sessions/sales/link-tokens", body)
            .await
            .expect(201);
        let page = app.stranger().bearer(token["token"].as_str().unwrap());
        let socket = page.open(&format!("/ws/{session}")).await;
        Self {
            app,
            ann,
            page,
            socket,
            passkey,
        }
    }

    async fn qr(&self) -> Value {
        let connected = self.ann.post("/v1/sessions/sales/connect", json!({})).await;
        connected.expect(202);
        let qr = self.ann.get("/v1/sessions/sales/qr?wait_ms=30000").await;
        qr.expect(200)["code"].clone()
    }

    /// Alice scans, and is asked for her passkey. Gives the options of the challenge.
    async fn scanned(&mut self) -> Value {
        let scan = json!({"qr": self.qr().await});
        let path = format!("/phones/{ALICE}/scan");
        let asked = self.app.control("POST", &path, scan).await;
        assert_eq!(asked["passkey"], "asked");
        let asked = self.told("passkey").await;
        assert_eq!(asked["stage"], "challenge");
        assert!(asked["expires_at"].is_string());
        asked["options"].clone()
    }

    /// The next event of this name on the page's socket.
    async fn told(&mut self, name: &str) -> Value {
        let told = frame_of(&mut self.socket, name).await;
        told["data"].clone()
    }

    async fn on_phone(&self, what: &str) {
        let path = format!("/phones/{ALICE}/passkey/{what}");
        self.app.control("POST", &path, json!({})).await;
    }

    async fn ended(&mut self, reason: &str) {
        let look = async || self.ann.get("/v1/sessions/sales").await.expect(200);
        let shown = until(look, |shown| shown["state"] == "expired").await;
        assert_eq!(shown["reason"], reason);
        assert_eq!(self.told("error").await["code"], reason);
        let answer = self.page.get(GATE).await;
        answer.refused(409, "passkey_not_requested");
    }

    async fn linked(&self) {
        let look = async || self.ann.get("/v1/sessions/sales").await.expect(200);
        let shown = until(look, |shown| shown["connected"] == true).await;
        assert_eq!(shown["phone"], ALICE);
        let text = json!({"to": ALICE, "text": "welcome"});
        let path = format!("/phones/{BOB}/messages");
        self.app.control("POST", &path, text).await;
        self.app.logged(&self.ann, "sales", ("message", 1)).await;
    }
}

#[tokio::test]
async fn a_passkey_opens_the_gate_and_both_sides_show_one_code() {
    let mut stage = Stage::set(json!({"by_hand": true, "user_verification": "required"})).await;
    let options = stage.scanned().await;
    assert_eq!(options["rpId"], "web.whatsapp.com");
    assert_eq!(stage.page.get(GATE).await.expect(200)["options"], options);
    let early = stage.page.post(&format!("{GATE}/confirm"), json!({})).await;
    early.refused(409, "passkey_code_not_ready");

    let answer = stage.passkey.answer(&options);
    let answered = stage.page.post(GATE, answer.clone()).await.expect(202);
    assert_eq!(answered["stage"], "answered");
    assert_eq!(stage.told("passkey").await["stage"], "answered");
    let again = stage.page.post(GATE, answer).await;
    again.refused(409, "passkey_already_answered");

    stage.on_phone("approve").await;
    let confirm = stage.told("passkey").await;
    assert_eq!(confirm["stage"], "confirm");
    let path = format!("/phones/{ALICE}/passkey");
    let phone = stage.app.control("GET", &path, Value::Null).await;
    assert_eq!(confirm["code"].as_str().unwrap().len(), 9);
    assert_eq!(phone["link"]["code"], confirm["code"]);
    // A page that comes only now sees where it stands.
    let mut late = stage.page.open("/ws/sales").await;
    assert_eq!(frame(&mut late).await["data"], confirm);

    let path = format!("{GATE}/confirm");
    let confirmed = stage.page.post(&path, json!({})).await.expect(202);
    assert_eq!(confirmed["stage"], "confirmed");
    assert_eq!(stage.told("success").await["phone"], ALICE);
    stage.linked().await;
    let over = stage.page.get(GATE).await;
    over.refused(409, "passkey_not_requested");
}

#[tokio::test]
async fn a_code_typed_on_the_phone_meets_the_gate_too() {
    let mut stage = Stage::set(json!({})).await;
    let phone = json!({"phone": ALICE});
    let made = stage.page.post("/v1/sessions/sales/pair-code", phone).await;
    let code = json!({"code": made.expect(200)["code"]});
    let path = format!("/phones/{ALICE}/enter-code");
    let asked = stage.app.control("POST", &path, code).await;
    assert_eq!(asked["passkey"], "asked");
    let asked = stage.told("passkey").await;
    let answer = stage.passkey.answer(&asked["options"]);
    stage.page.post(GATE, answer).await.expect(202);
    while stage.told("passkey").await["stage"] != "confirm" {}
    let path = format!("{GATE}/confirm");
    stage.page.post(&path, json!({})).await.expect(202);
    stage.linked().await;
}

#[tokio::test]
async fn what_cannot_be_an_answer_is_named_by_its_field_and_costs_nothing() {
    let mut stage = Stage::set(json!({"by_hand": true})).await;
    let options = stage.scanned().await;
    let good = stage.passkey.answer(&options);
    let spoilt = |pointer: &str, value: Value| {
        let mut answer = good.clone();
        *answer.pointer_mut(pointer).unwrap() = value;
        answer
    };
    let mut other = options.clone();
    other["challenge"] = json!("AAAA");
    let stranger = Authenticator::new(b"another");
    for (answer, field) in [
        (stage.passkey.answer(&other), "/response/clientDataJSON"),
        (
            stage.passkey.answer_for(&options, "evil.example"),
            "/response/authenticatorData",
        ),
        (stranger.answer(&options), "/id"),
        (spoilt("/rawId", json!("AAAA")), "/rawId"),
        (spoilt("/type", json!("password")), "/type"),
        (
            spoilt("/response/signature", json!("")),
            "/response/signature",
        ),
        (
            spoilt("/response/signature", json!("?")),
            "/response/signature",
        ),
        (
            spoilt("/response/userHandle", json!("A".repeat(20_000))),
            "/response/userHandle",
        ),
    ] {
        let refused = stage.page.post(GATE, answer).await;
        let refused = refused.refused(400, "invalid_passkey_answer");
        assert!(refused["errors"][field].is_array(), "{field}: {refused}");
    }
    let stands = stage.page.get(GATE).await.expect(200);
    assert_eq!(stands["options"], options);
    stage.page.post(GATE, good).await.expect(202);
}

#[tokio::test]
async fn a_forged_signature_is_refused_by_whatsapp_and_ends_the_link() {
    let mut stage = Stage::set(json!({"by_hand": true})).await;
    let options = stage.scanned().await;
    let forger = Authenticator::new(b"alice's passkey");
    let forged = stage.page.post(GATE, forger.answer(&options)).await;
    forged.refused(502, "passkey_refused");
    stage.ended("passkey_refused").await;

    // The next attempt begins anew.
    let options = stage.scanned().await;
    let answer = stage.passkey.answer(&options);
    stage.page.post(GATE, answer).await.expect(202);
}

#[tokio::test]
async fn a_person_who_refuses_on_the_phone_ends_the_link_at_any_step() {
    let mut stage = Stage::set(json!({"by_hand": true})).await;
    stage.scanned().await;
    stage.on_phone("refuse").await;
    stage.ended("passkey_refused").await;

    let options = stage.scanned().await;
    let answer = stage.passkey.answer(&options);
    stage.page.post(GATE, answer).await.expect(202);
    stage.on_phone("approve").await;
    while stage.told("passkey").await["stage"] != "confirm" {}
    stage.on_phone("refuse").await;
    stage.ended("passkey_refused").await;
}

#[tokio::test]
async fn a_challenge_that_nobody_answers_ends_in_a_named_state() {
    let mut stage = Stage::set(json!({"timeout_ms": 1000})).await;
    stage.scanned().await;
    stage.ended("passkey_timeout").await;
}

#[tokio::test]
async fn nobody_is_asked_without_a_gate() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    ann.session("sales").await;
    let options = json!({"challenge": "AAAA", "rpId": "web.whatsapp.com"});
    let answer = Authenticator::new(b"any").answer(&options);
    let confirm = format!("{GATE}/confirm");
    let refused = async || {
        let none = "passkey_not_requested";
        ann.get(GATE).await.refused(409, none);
        ann.post(GATE, answer.clone()).await.refused(409, none);
        ann.post(&confirm, json!({})).await.refused(409, none);
    };
    refused().await;
    app.link(&ann, "sales", BOB).await;
    refused().await;
}

#[tokio::test]
async fn a_connection_that_breaks_at_the_gate_leads_to_a_new_code() {
    let mut stage = Stage::set(json!({"by_hand": true})).await;
    stage.scanned().await;
    let dropped = json!({ "target": "*", "kind": "drop" });
    stage.app.control("POST", "/faults", dropped.clone()).await;
    assert_eq!(stage.told("degraded").await["reason"], "connection_lost");
    let gone = stage.page.get(GATE).await;
    gone.refused(409, "passkey_not_requested");

    // Once it was answered, the keys of this link are spent.
    stage.told("qr").await;
    let options = stage.scanned().await;
    let answer = stage.passkey.answer(&options);
    stage.page.post(GATE, answer).await.expect(202);
    stage.app.control("POST", "/faults", dropped).await;
    stage.ended("pairing_failed").await;
    stage.scanned().await;
}
