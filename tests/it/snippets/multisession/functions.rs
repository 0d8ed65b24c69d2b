//! The JavaScript of the complete guide: its functions, its socket and its handler of webhooks.

use serde_json::{Value, json};

use super::{FRIEND, SENDER, Stage, TAKEN, of_language};
use crate::snippets::{document::Block, node::Running};

const SESSION: &str = "1234567890";
/// Numbers with this end are not on WhatsApp.
const NOBODY: &str = "6281381393000";
/// The sessions of the departments, and their phones.
const DEPARTMENTS: [(&str, &str); 3] = [
    ("session_sales", "6282260790101"),
    ("session_support", "6282260790202"),
    ("session_billing", "6282260790303"),
];

/// The blocks, in the order of the guide.
fn scripts() -> [Block; 11] {
    let all = of_language("003.md", "javascript");
    all.try_into().expect("the guide prints eleven blocks")
}

/// A session of the guide's id and phone.
async fn linked(stage: &Stage, session: &str, number: &str) {
    let body = json!({"phone": session});
    stage.wharf.call("POST", "/api/sessions", body).await;
    stage.link(session, number).await;
}

async fn token(stage: &Stage) -> String {
    let body = json!({"username": "admin", "password": "admin"});
    let said = stage.wharf.call("POST", "/api/login", body).await;
    said["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_functions_of_the_complete_guide_do_what_they_say_twice_in_a_row() {
    let _port = TAKEN.lock().await;
    let stage = Stage::set("admin").await;
    linked(&stage, SESSION, SENDER).await;
    for (session, number) in DEPARTMENTS {
        linked(&stage, session, number).await;
    }
    let own = json!({"subject": "Family Group", "participants": [FRIEND]});
    let path = format!("/v1/sessions/{SESSION}/groups");
    stage.wharf.call("POST", &path, own).await;
    let other = json!({"subject": "Work Team", "members": [FRIEND, SENDER]});
    stage.sandbox.call("POST", "/groups", other).await;

    let [
        ..,
        bulk,
        groups,
        _,
        routing,
        tenant,
        balancer,
        retry,
        monitor,
    ] = scripts();
    let blocks = [bulk, groups, routing, tenant, balancer, retry, monitor];
    let blocks: String = blocks.into_iter().map(|block| block.text).collect();
    let text = blocks + include_str!("../../../snippets/lines/functions.mjs");
    for round in 1..=2 {
        let env = [("FRIEND", FRIEND), ("NOBODY", NOBODY)];
        let mut script = Running::module(stage.folder.path(), &text, &env);
        let told: Value = serde_json::from_str(&script.says("told: ").await).unwrap();
        assert_eq!(told["routed"], json!([200, 200, 200]));
        assert_eq!(told["made"]["name"], "Tenant");
        assert_eq!(told["made"]["webhook_url"], "https://myapp.com/webhook");
        assert_eq!(told["byTenant"], 200);
        let all = [
            SESSION,
            DEPARTMENTS[0].0,
            DEPARTMENTS[1].0,
            DEPARTMENTS[2].0,
        ];
        assert_eq!(told["balanced"], json!(all), "each sends one");
        assert_eq!(told["retried"]["success"], true);
        assert_eq!(told["refused"], "Session not found or not logged in");
        let total = all.len() + round;
        assert_eq!(
            told["stats"],
            json!({"total": total, "connected": 4, "logged_in": 4, "disconnected": round})
        );
        for text in [
            "To whoever is there",
            "To my own group",
            "From sales",
            "From support",
            "From billing",
            "From the tenant",
            "After a new token",
        ] {
            stage.until_got(FRIEND, text, round).await;
        }
        for session in all {
            let text = format!("Balanced by {session}");
            stage.until_got(FRIEND, &text, round).await;
        }
        // It has two groups.
        stage.until_got(FRIEND, "To every group", 2 * round).await;
    }
    let path = format!("/phones/{FRIEND}/messages");
    let got = stage.sandbox.call("GET", &path, Value::Null).await;
    for (text, times) in [("To my own group", 2), ("To every group", 4), ("Never", 0)] {
        assert_eq!(got.to_string().matches(text).count(), times, "{text}");
    }
}

#[tokio::test]
async fn the_socket_of_the_complete_guide_shows_codes_in_both_of_its_ways() {
    let _port = TAKEN.lock().await;
    let stage = Stage::set("admin").await;
    let body = json!({"phone": SESSION});
    stage.wharf.call("POST", "/api/sessions", body).await;
    let [socket, image, canvas, ..] = scripts();
    let token = token(&stage).await;
    let socket = socket.text.replace("YOUR_TOKEN", &token);
    let path = format!("/api/sessions/{SESSION}");
    for round in 1..=2 {
        for way in [&image.text, &canvas.text] {
            let connect = format!("{path}/connect");
            stage.wharf.call("POST", &connect, Value::Null).await;
            let text = format!("{socket}{way}");
            let mut script = Running::module(stage.folder.path(), &text, &[]);
            script.says("WebSocket connected").await;
            let said = script.says("QR Code: ").await;
            let shown = script.says("shown: ").await;
            assert_eq!(shown, said, "in round {round}");
            stage.scan(SENDER, &shown).await;
            script.says("Authentication successful!").await;
            stage.until_logged_in(SESSION).await;
            let logout = format!("{path}/logout");
            stage.wharf.call("POST", &logout, Value::Null).await;
        }
    }
}

#[tokio::test]
async fn the_handler_of_the_complete_guide_hears_each_message_and_nothing_else() {
    let _port = TAKEN.lock().await;
    let stage = Stage::set("admin").await;
    linked(&stage, SESSION, SENDER).await;
    let [_, _, _, _, _, handler, ..] = scripts();
    let text = handler.text + include_str!("../../../snippets/lines/handler.mjs");
    let mut script = Running::module(stage.folder.path(), &text, &[]);
    let port = script.says("listening: ").await;
    let hook = json!({"webhook_url": format!("http://127.0.0.1:{port}/webhook")});
    let path = format!("/api/sessions/{SESSION}");
    stage
        .wharf
        .call("PUT", &format!("{path}/webhook"), hook)
        .await;
    for text in ["Hello!", "Hello again!"] {
        // What is written from here, and that it was read, is not told.
        let own = json!({"recipient": FRIEND, "message": "From here"});
        stage.wharf.call("POST", &format!("{path}/send"), own).await;
        stage.sandbox.write(FRIEND, SENDER, text).await;
        let processed = script.says("processed: ").await;
        let processed: Value = serde_json::from_str(&processed).unwrap();
        assert_eq!(processed["session"], SESSION);
        let message = &processed["message"];
        assert_eq!(message["message"], text);
        assert_eq!(message["from"], format!("{FRIEND}@s.whatsapp.net"));
        assert_eq!(message["to"], format!("{SENDER}@s.whatsapp.net"));
    }
    let logged = |line: &&String| line.starts_with("New message in session 1234567890:");
    assert_eq!(script.heard().iter().filter(logged).count(), 2);
    let webhooks = stage.wharf.call("GET", "/v1/webhooks", Value::Null).await;
    let health = &webhooks["data"][0]["health"];
    assert_eq!(health["consecutive_failures"], 0, "{webhooks}");
    assert_eq!(health["failed_attempts"], 0);
}
