//! What can be asked of the dialects. The paths are those of their sources; a row adds a body that is as the operation wants it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    harness::app::phones::{BOB, PNG},
    layering::files,
    walls::operations::Operation,
};

/// What is there for everybody: what lets in, what tells that the service runs, and files behind names that cannot be guessed.
pub(super) const OPEN: [&str; 8] = [
    "GET /api/decrypted-media/{name}",
    "GET /api/health",
    "GET /api/uploaded-media/{name}",
    "GET /health",
    "POST /api/auth/login",
    "POST /api/auth/register",
    "POST /api/login",
    "POST /api/register",
];

/// What a key may ask that only reads, though it is no GET.
pub(super) const READS: [&str; 3] = [
    "POST /api/decrypt-media",
    "POST /api/sessions/{id}/check-number",
    "POST /api/sessions/{id}/check-phone",
];

/// All operations of all dialects. One without a row fails here until it is taught.
pub(super) fn operations() -> Vec<Operation> {
    let mut rows = rows();
    let found = found();
    let mut all = Vec::new();
    for (verb, path) in found {
        let name = format!("{verb} {path}");
        let body = match rows.remove(name.as_str()) {
            None if verb == "GET" => None,
            None => panic!("{name}: say in a row what its body is"),
            Some(body) => Some(body).filter(|body| !body.is_null()),
        };
        all.push(Operation {
            method: verb.parse::<Method>().unwrap(),
            open: OPEN.contains(&name.as_str()),
            path,
            body,
        });
    }
    assert!(rows.is_empty(), "nothing has these any more: {rows:?}");
    all
}

/// The verb and the path of each route in the sources.
fn found() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/compat");
    for file in files(&folder) {
        let source = std::fs::read_to_string(file).unwrap();
        let named: Vec<_> = source
            .split("const ")
            .skip(1)
            .filter_map(|rest| rest.split_once(": &str = \""))
            .map(|(name, rest)| (name, rest.split('"').next().unwrap()))
            .collect();
        for called in source.split(".route(").skip(1).map(arguments) {
            let Some((_, rest)) = called.split_once('"') else {
                // The path that several dialects have is put together elsewhere.
                continue;
            };
            let (path, answers) = rest.split_once('"').unwrap();
            let mut path = path.to_owned();
            for (name, value) in &named {
                path = path.replace(&format!("{{{name}}}"), value);
            }
            for verb in ["get", "post", "put", "patch", "delete"] {
                if answers.contains(&format!("{verb}(")) {
                    found.insert((verb.to_uppercase(), path.clone()));
                }
            }
        }
        if let Some((_, path)) = named.iter().find(|(name, _)| *name == "STATUS") {
            found.insert(("GET".to_owned(), (*path).to_owned()));
        }
    }
    found
}

/// What stands between the parentheses of a call.
fn arguments(rest: &str) -> &str {
    let mut depth = 1;
    let end = rest.find(|c: char| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    &rest[..end.unwrap()]
}

fn rows() -> BTreeMap<&'static str, Value> {
    let text = || json!({"to": BOB, "message": "of somebody else"});
    let people = || json!({"participants": [BOB]});
    let hook = "http://127.0.0.1:9/of-somebody-else";
    let picture = format!("data:image/png;base64,{PNG}");
    BTreeMap::from([
        // header_session
        (
            "POST /send",
            json!({"phone": BOB, "message": "of somebody else"}),
        ),
        // multisession: accounts
        ("POST /api/login", json!({"username": "x", "password": "y"})),
        (
            "POST /api/auth/login",
            json!({"username": "x", "password": "y"}),
        ),
        (
            "POST /api/register",
            json!({"username": "x", "password": "y"}),
        ),
        (
            "POST /api/auth/register",
            json!({"username": "x", "password": "y"}),
        ),
        (
            "POST /api/auth/change-password",
            json!({"old_password": "correct horse battery", "new_password": "another horse battery"}),
        ),
        ("POST /api/auth/api-key", Value::Null),
        ("DELETE /api/auth/api-key", Value::Null),
        (
            "POST /api/proxy/test",
            json!({"proxy_config": {"type": "http", "host": "127.0.0.1", "port": 9}}),
        ),
        // multisession: sessions
        ("POST /api/sessions", json!({"name": "one more"})),
        ("PUT /api/sessions/{id}", json!({"name": "changed"})),
        ("DELETE /api/sessions/{id}", Value::Null),
        ("PUT /api/sessions/{id}/name", json!({"name": "changed"})),
        (
            "PUT /api/sessions/{id}/webhook",
            json!({"webhook_url": hook}),
        ),
        ("DELETE /api/sessions/{id}/webhook", Value::Null),
        (
            "PUT /api/sessions/{id}/auto-reply",
            json!({"auto_reply_text": "changed"}),
        ),
        (
            "PUT /api/sessions/{id}/proxy",
            json!({"proxy_config": {"enabled": false}}),
        ),
        ("PUT /api/sessions/{id}/enabled", json!({"enabled": false})),
        ("POST /api/sessions/{id}/connect", Value::Null),
        ("POST /api/sessions/{id}/login", Value::Null),
        ("POST /api/sessions/{id}/disconnect", Value::Null),
        ("POST /api/sessions/{id}/logout", Value::Null),
        // multisession: messages
        (
            "POST /api/send",
            json!({"phone": "theirs", "recipient": BOB, "message": "of somebody else"}),
        ),
        ("POST /api/sessions/{id}/send", text()),
        (
            "POST /api/sessions/{id}/send-location",
            json!({"to": BOB, "latitude": 1.0, "longitude": 2.0}),
        ),
        (
            "POST /api/sessions/{id}/reply",
            json!({"to": BOB, "message": "of somebody else", "quoted_message_id": "3EB0"}),
        ),
        (
            "POST /api/sessions/{id}/check-number",
            json!({"number": BOB}),
        ),
        (
            "POST /api/sessions/{id}/check-phone",
            json!({"number": BOB}),
        ),
        (
            "POST /api/sessions/{id}/typing",
            json!({"to": BOB, "typing": true}),
        ),
        ("POST /api/sessions/{id}/stop-typing", json!({"to": BOB})),
        ("POST /api/sessions/{id}/set-online", Value::Null),
        (
            "POST /api/sessions/{id}/presence",
            json!({"status": "available"}),
        ),
        (
            "POST /api/sessions/{id}/send-attachment",
            json!({"to": BOB, "file": picture}),
        ),
        (
            "POST /api/sessions/{id}/send-image",
            json!({"to": BOB, "image": picture}),
        ),
        (
            "POST /api/sessions/{id}/send-document",
            json!({"to": BOB, "document_url": hook}),
        ),
        (
            "POST /api/sessions/{id}/send-file-url",
            json!({"to": BOB, "url": hook}),
        ),
        (
            "POST /api/sessions/{id}/forward",
            json!({"to": BOB, "message_id": "3EB0", "text": "of somebody else"}),
        ),
        (
            "POST /api/sessions/{id}/read",
            json!({"to": BOB, "from": BOB, "message_id": "3EB0", "message_ids": ["3EB0"]}),
        ),
        // Wasender: the account and its sessions
        ("POST /api/auth/pat", json!({})),
        (
            "POST /api/whatsapp-sessions",
            json!({"name": "more", "phone_number": "+12345000009", "account_protection": false, "log_messages": true}),
        ),
        (
            "PUT /api/whatsapp-sessions/{id}",
            json!({"name": "changed"}),
        ),
        ("DELETE /api/whatsapp-sessions/{id}", Value::Null),
        ("POST /api/whatsapp-sessions/{id}/connect", json!({})),
        ("POST /api/whatsapp-sessions/{id}/disconnect", json!({})),
        ("POST /api/whatsapp-sessions/{id}/restart", json!({})),
        ("POST /api/whatsapp-sessions/{id}/regenerate-key", json!({})),
        (
            "POST /api/whatsapp-sessions/{id}/regenerate-api-key",
            json!({}),
        ),
        // Wasender: one session
        (
            "POST /api/send-message",
            json!({"to": format!("+{BOB}"), "text": "of somebody else"}),
        ),
        (
            "POST /api/send-presence-update",
            json!({"jid": format!("{BOB}@s.whatsapp.net"), "type": "composing"}),
        ),
        (
            "POST /api/messages/read",
            json!({"key": {"id": "3EB0", "remoteJid": format!("{BOB}@s.whatsapp.net")}}),
        ),
        ("PUT /api/messages/{number}", json!({"text": "changed"})),
        ("DELETE /api/messages/{number}", Value::Null),
        ("POST /api/messages/{number}/resend", json!({})),
        ("POST /api/upload", json!({"base64": picture})),
        (
            "POST /api/decrypt-media",
            json!({"key": {"id": "3EB0"}, "message": {"imageMessage": {
                "url": "https://mmg.whatsapp.net/x", "mimetype": "image/jpeg", "mediaKey": PNG,
            }}}),
        ),
        (
            "PUT /api/contacts",
            json!({"jid": format!("{BOB}@s.whatsapp.net"), "fullName": "changed"}),
        ),
        ("POST /api/contacts/{who}/block", json!({})),
        ("POST /api/contacts/{who}/unblock", json!({})),
        (
            "POST /api/groups",
            json!({"name": "of somebody else", "participants": [BOB]}),
        ),
        (
            "POST /api/groups/invite/accept",
            json!({"code": "AbCdEfGhIjKlMnOpQrStUv"}),
        ),
        ("POST /api/groups/{jid}/participants/add", people()),
        ("POST /api/groups/{jid}/participants/remove", people()),
        (
            "PUT /api/groups/{jid}/participants/update",
            json!({"participants": [BOB], "action": "promote"}),
        ),
        (
            "PUT /api/groups/{jid}/settings",
            json!({"subject": "changed"}),
        ),
        ("POST /api/groups/{jid}/leave", json!({})),
    ])
}
