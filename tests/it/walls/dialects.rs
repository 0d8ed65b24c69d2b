//! Nobody reaches what is somebody else's through a dialect, and nothing opens that has ended.

mod rows;

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    credentials::{ended, key, viewer},
    operations::Operation,
};
use crate::harness::app::{
    Caller, TestApp,
    phones::{ALICE, BOB},
};

/// The words that only the owner may read.
const SECRETS: [&str; 4] = [
    "written to the owner",
    "a name of the owner's",
    "hook-of-the-owner",
    ALICE,
];

/// What the owner has.
struct Theirs {
    session: String,
    /// The session's number with Wasender.
    number: String,
    /// The message's number with Wasender.
    message: String,
    group: String,
}

impl Theirs {
    /// A linked session in which somebody has written, that posts to a webhook.
    async fn of(app: &TestApp, owner: &Caller) -> Self {
        let session = app.linked(owner, "theirs", ALICE).await;
        let at = format!("/v1/sessions/{session}");
        let name = json!({"name": "a name of the owner's"});
        owner.patch(&at, name).await.expect(200);
        let hook = json!({"url": "http://127.0.0.1:9/hook-of-the-owner"});
        owner.post("/v1/webhooks", hook).await.expect(201);
        let text = json!({"to": ALICE, "text": "written to the owner"});
        app.control("POST", &format!("/phones/{BOB}/messages"), text)
            .await;
        app.logged(owner, "theirs", ("message", 1)).await;
        let group = json!({"subject": "a name of the owner's", "participants": [BOB]});
        let group = owner.post(&format!("{at}/groups"), group).await.expect(201);
        let shown = owner.get("/api/whatsapp-sessions").await.expect(200);
        let number = shown["data"][0]["id"].to_string();
        let own = owner.header("x-session-id", &session);
        let body = json!({"to": format!("+{BOB}"), "text": "written to the owner"});
        let sent = own.post("/api/send-message", body).await.expect(200);
        // How far it has come is told meanwhile, and changes nothing any more afterwards.
        app.logged(owner, "theirs", ("message.ack", 2)).await;
        Self {
            message: sent["data"]["msgId"].to_string(),
            group: group["id"].as_str().unwrap().to_owned(),
            session,
            number,
        }
    }

    fn fill(&self, operation: &Operation) -> String {
        let is_numbered = operation.path.starts_with("/api/whatsapp-sessions");
        let id = if is_numbered {
            &self.number
        } else {
            &self.session
        };
        let path = operation.path.replace("{id}", id);
        let path = path
            .replace("{number}", &self.message)
            .replace("{jid}", &self.group);
        let path = path.replace("{who}", BOB).replace("{phone}", BOB);
        let path = path
            .replace("{code}", "AbCdEfGhIjKlMnOpQrStUv")
            .replace("{name}", "file.png");
        path.replace(
            "{filename}",
            &format!("{}_1_med_{}.png?expires=1", self.session, "0".repeat(32)),
        )
    }

    /// Asks through this session, where the path does not name it.
    fn named(&self, operation: &Operation, caller: &Caller) -> Caller {
        if operation.path.starts_with("/api/") {
            caller.header("x-session-id", &self.session)
        } else {
            caller.header("x-session-id", "theirs")
        }
    }

    /// What is answered to `reader` otherwise than by 403, of what is no reading.
    async fn otherwise(&self, reader: &Caller) -> Vec<(String, u16)> {
        let mut otherwise = Vec::new();
        for operation in rows::operations() {
            let name = operation.to_string();
            let is_read = operation.method == Method::GET || rows::READS.contains(&name.as_str());
            // What is about the caller alone may end what the caller shows.
            let is_own = operation.path.starts_with("/api/auth/");
            if is_read || is_own || operation.open {
                continue;
            }
            let path = self.fill(&operation);
            let named = self.named(&operation, reader);
            let answer = operation.ask(&named, &path).await;
            if answer.status != 403 {
                otherwise.push((name, answer.status.as_u16()));
            }
        }
        otherwise
    }

    /// Everything that the owner sees of it.
    async fn seen(&self, owner: &Caller) -> Vec<Value> {
        let mut seen = Vec::new();
        for below in ["", "/messages", "/groups", "/chats", "/contacts"] {
            let path = format!("/v1/sessions/{}{below}", self.session);
            seen.push(owner.get(&path).await.expect(200));
        }
        seen.push(owner.get("/v1/webhooks").await.expect(200));
        seen
    }
}

/// Whether a path is about a session that it names, or that the header names.
fn is_of_session(operation: &Operation) -> bool {
    let path = operation.path.as_str();
    let of_account = [
        "/api/auth",
        "/api/sessions",
        "/api/whatsapp-sessions",
        "/api/proxy",
    ];
    let is_account = path == "/api/send" || of_account.iter().any(|start| path.starts_with(start));
    path.contains("{id}")
        || (path.starts_with("/api/") && !is_account && !path.contains("{filename}"))
}

#[tokio::test]
async fn what_has_ended_opens_nothing_but_what_is_open_to_everybody() {
    let app = TestApp::start_with_phones().await;
    let owner = app.user("owner").await;
    let theirs = Theirs::of(&app, &owner).await;
    let mut ended = ended(&app, "owner").await;
    let owner = app.sign_in("owner").await;
    let link = format!("/v1/sessions/{}/link-tokens", theirs.session);
    let link = owner
        .post(&link, json!({"expires_in_s": 600}))
        .await
        .expect(201);
    let link = app.stranger().bearer(link["token"].as_str().unwrap());
    ended.push(("a token to link a phone with", link));
    let before = theirs.seen(&owner).await;
    for operation in rows::operations() {
        if operation.open {
            continue;
        }
        let path = theirs.fill(&operation);
        for (what, caller) in &ended {
            let answer = operation
                .ask(&theirs.named(&operation, caller), &path)
                .await;
            assert_eq!(
                answer.status,
                401,
                "{operation} with {what}: {}",
                answer.text()
            );
        }
    }
    assert_eq!(theirs.seen(&owner).await, before);
}

#[tokio::test]
async fn a_stranger_gets_nothing_of_somebody_elses() {
    let app = TestApp::start_with_phones().await;
    let owner = app.user("owner").await;
    let stranger = app.user("stranger").await;
    stranger.session("mine").await;
    let theirs = Theirs::of(&app, &owner).await;
    let before = theirs.seen(&owner).await;
    let with_key = key(&app, &stranger, json!({})).await;
    for operation in rows::operations() {
        if operation.path.starts_with("/api/auth/") {
            // They are about the caller alone, and would end what the caller shows.
            continue;
        }
        let path = theirs.fill(&operation);
        for caller in [&stranger, &with_key] {
            let answer = operation
                .ask(&theirs.named(&operation, caller), &path)
                .await;
            let said = answer.text();
            if is_of_session(&operation) && !operation.open {
                assert_eq!(answer.status, 404, "{operation}: {said}");
            }
            for secret in SECRETS {
                assert!(!said.contains(secret), "{operation}: {said}");
            }
        }
    }
    assert_eq!(theirs.seen(&owner).await, before);
}

#[tokio::test]
async fn a_key_of_one_session_reaches_no_other_of_its_owner() {
    let app = TestApp::start_with_phones().await;
    let owner = app.user("owner").await;
    let theirs = Theirs::of(&app, &owner).await;
    owner.session("other").await;
    let bound = key(&app, &owner, json!({"session": "other"})).await;
    let before = theirs.seen(&owner).await;
    for operation in rows::operations() {
        let path = theirs.fill(&operation);
        let answer = operation
            .ask(&theirs.named(&operation, &bound), &path)
            .await;
        let said = answer.text();
        if operation.path.contains("{id}") {
            assert_eq!(answer.status, 404, "{operation}: {said}");
        }
        for secret in SECRETS {
            assert!(!said.contains(secret), "{operation}: {said}");
        }
    }
    assert_eq!(theirs.seen(&owner).await, before);
}

#[tokio::test]
async fn a_key_that_may_only_read_changes_nothing() {
    let app = TestApp::start_with_phones().await;
    let owner = app.user("owner").await;
    let theirs = Theirs::of(&app, &owner).await;
    let scopes = json!({"scopes": ["sessions:read", "messages:read"]});
    let reader = key(&app, &owner, scopes).await;
    let before = theirs.seen(&owner).await;
    let otherwise = theirs.otherwise(&reader).await;
    // Both tell that it is connected, which a reader may know.
    let known = [
        ("POST /api/sessions/{id}/login", 400),
        ("POST /api/whatsapp-sessions/{id}/connect", 200),
    ];
    assert_eq!(
        otherwise,
        known.map(|(name, status)| (name.to_owned(), status))
    );
    assert_eq!(theirs.seen(&owner).await, before);
}

#[tokio::test]
async fn somebody_who_only_views_an_account_changes_nothing_of_it() {
    let app = TestApp::start_with_phones().await;
    let owner = app.user("owner").await;
    let theirs = Theirs::of(&app, &owner).await;
    let viewer = viewer(&app, &owner).await;
    let before = theirs.seen(&owner).await;
    let otherwise = theirs.otherwise(&viewer).await;
    let known = [
        ("POST /api/sessions/{id}/login", 400),
        ("POST /api/whatsapp-sessions/{id}/connect", 200),
    ];
    assert_eq!(
        otherwise,
        known.map(|(name, status)| (name.to_owned(), status))
    );
    assert_eq!(theirs.seen(&owner).await, before);
}
