//! Which scope opens which operation: docs/scopes.md says it, and is held to it.

use std::{fmt::Write as _, path::Path};

use serde_json::json;

use super::{
    belongings::Belongings,
    credentials::{ALL, key},
    operations::operations,
};
use crate::harness::app::TestApp;

const PAGE: &str = "docs/scopes.md";
const BEGIN: &str = "<!-- begin: written by a test -->\n";
const END: &str = "<!-- end -->";

#[tokio::test]
async fn an_operation_opens_with_the_scope_that_the_documents_name_and_with_no_other() {
    let app = TestApp::start().await;
    let owner = app.user("owner").await;
    let theirs = Belongings::of(&app, &owner).await;
    let admin = app.admin().await;
    let mut keys = Vec::new();
    for scope in ALL.into_iter().chain(["users:admin"]) {
        let key = key(&app, &admin, json!({"scopes": [scope]})).await;
        keys.push((scope, key));
    }
    let mut table = String::from("| Operation | Scope |\n|---|---|\n");
    for operation in operations().iter().filter(|operation| !operation.open) {
        let path = theirs.fill(&operation.path);
        let mut open = Vec::new();
        for (scope, key) in &keys {
            let answer = operation.ask(key, &path).await;
            match answer.status.as_u16() {
                403 => {}
                401 if answer.json()["code"] == "sign_in_required" => {}
                // Whoever is let in may still ask for what is not theirs, or not there.
                200..=299 | 404 | 409 | 410 | 503 => open.push(*scope),
                status => panic!("{operation}: {status} {}", answer.json()),
            }
        }
        let open = match open.as_slice() {
            [] => "a sign-in".to_owned(),
            [one] => format!("`{one}`"),
            all if all.len() == keys.len() => "any".to_owned(),
            several => panic!("{operation} opens with {several:?}"),
        };
        writeln!(table, "| `{operation}` | {open} |").unwrap();
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let text = std::fs::read_to_string(&page).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (shown, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("WRITE_DOCS").is_some() {
        std::fs::write(&page, format!("{head}{BEGIN}{table}{END}{tail}")).unwrap();
    } else {
        assert_eq!(shown, table, "run this test with WRITE_DOCS=1");
    }
}
