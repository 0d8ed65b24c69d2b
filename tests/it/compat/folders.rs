//! What a dialect is made of: it can be taken out with its files and two lines, and it reaches for nothing that is not
//! everybody's.

use std::path::Path;

use serde_json::{Value, json};
use wharf::{http::Settings, service::rates::Rate};

use crate::{
    harness::app::{Answer, TestApp},
    layering::files,
};

/// What of `http` every face shares.
const SHARED: [&str; 7] = [
    "Api", "audit", "extract", "guard", "live", "problem", "routing",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of `src` by their path in there, without comments.
fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let read = |path: &std::path::PathBuf| {
        let shown = path.strip_prefix(&src).unwrap().to_string_lossy();
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.lines().map(|line| line.split("//").next().unwrap());
        (shown.into_owned(), code.collect::<Vec<_>>().join("\n"))
    };
    files(&src).iter().map(read).collect()
}

fn dialects() -> Vec<String> {
    let folder = root().join("src/http/compat");
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let folders = paths.filter(|path| path.is_dir());
    let mut names: Vec<String> = folders
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn is_of(dialect: &str, path: &str) -> bool {
    let home = format!("http/compat/{dialect}");
    path == format!("{home}.rs") || path.starts_with(&format!("{home}/"))
}

/// Whether a line of code names the module, and not a function or a setting of that name.
fn names_module(line: &str, dialect: &str) -> bool {
    line.contains(&format!("mod {dialect};"))
        || line.contains(&format!("{dialect}::"))
        || line.contains(&format!("::{dialect};"))
}

#[test]
fn a_dialect_goes_with_its_files_and_two_lines() {
    let dialects = dialects();
    assert!(!dialects.is_empty());
    for dialect in dialects {
        let mut lines = Vec::new();
        for (path, code) in sources() {
            if is_of(&dialect, &path) {
                continue;
            }
            let named = code.lines().filter(|line| names_module(line, &dialect));
            lines.extend(named.map(|line| format!("{path}: {}", line.trim())));
        }
        lines.sort();
        assert_eq!(lines.len(), 2, "{dialect}: {lines:#?}");
        assert!(lines[0].starts_with("app.rs: "), "{lines:?}");
        let declared = format!("http/compat.rs: pub mod {dialect};");
        assert_eq!(lines[1], declared);
    }
}

#[test]
fn a_dialect_reaches_for_domain_service_and_what_every_face_shares() {
    let mut wrong = Vec::new();
    for dialect in dialects() {
        for (path, code) in sources() {
            if is_of(&dialect, &path) {
                let found = reaches(&code).into_iter().filter(|used| !is_allowed(used));
                wrong.extend(found.map(|used| format!("{path}: {used}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let planted =
        "use crate::{\n    db::users,\n    http::{Api, v1},\n};\nlet a = crate::config::X;";
    let found = reaches(planted)
        .into_iter()
        .filter(|used| !is_allowed(used));
    assert_eq!(found.collect::<Vec<_>>(), ["config", "db", "http::v1"]);
}

fn is_allowed(used: &str) -> bool {
    match used.split_once("::") {
        Some(("http", what)) => SHARED.contains(&what),
        _ => ["domain", "service"].contains(&used),
    }
}

/// The modules of this crate that `code` names: those of `http` with what follows, others by their first word.
fn reaches(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let flat: String = rest.split(';').next().unwrap().split_whitespace().collect();
        match flat.strip_prefix('{') {
            Some(group) => found.extend(names(group)),
            None => found.extend(names(&flat)),
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The modules that a tree of imports names: each by its first word, those of `http` by two.
fn names(tree: &str) -> Vec<String> {
    let (mut found, mut within, mut path) = (Vec::new(), Vec::<String>::new(), String::new());
    for c in tree.chars() {
        match c {
            '{' => within.push(std::mem::take(&mut path)),
            ',' | '}' => {
                push(&mut found, &within, &std::mem::take(&mut path));
                if c == '}' && within.pop().is_none() {
                    return found;
                }
            }
            other if other.is_alphanumeric() || other == '_' || other == ':' => path.push(other),
            _ => break,
        }
    }
    push(&mut found, &within, &path);
    found
}

fn push(found: &mut Vec<String>, within: &[String], path: &str) {
    if path.is_empty() {
        return;
    }
    let whole = format!("{}{path}", within.concat());
    let mut words = whole.split("::");
    let first = words.next().unwrap_or_default();
    found.push(match (first, words.next()) {
        ("http", Some(second)) => format!("http::{second}"),
        _ => first.to_owned(),
    });
}

#[tokio::test]
async fn every_face_tells_what_is_left_of_whoever_it_lets_in_else_of_the_address() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let named = ann.header("x-session-id", "one");
    for path in [
        "/v1/sessions",
        "/status",
        "/api/sessions",
        "/api/sessions/none",
        "/api/sessions/none/status",
        "/api/whatsapp-sessions",
    ] {
        let answer = named.get(path).await;
        for name in ["limit", "remaining", "reset"] {
            let value = answer.headers.get(format!("x-ratelimit-{name}"));
            let value = value.unwrap_or_else(|| panic!("{path} does not tell {name}"));
            assert!(
                value.to_str().unwrap().parse::<u64>().is_ok(),
                "{path}: {value:?}"
            );
        }
        let nobody = app.stranger().header("x-session-id", "one").get(path).await;
        assert_eq!(nobody.headers["x-ratelimit-limit"], "60000", "{path}");
        assert_eq!(nobody.status, 401, "{path}");
    }
}

/// A path of each dialect that wants a credential.
const GUARDED: [&str; 3] = ["/status", "/api/sessions", "/api/whatsapp-sessions"];

/// That a dialect has refused in its own words, and says when to come back.
#[track_caller]
fn told_to_wait(answer: Answer, path: &str) {
    let wait = answer.retry_after();
    assert!((1..=60).contains(&wait), "{path}: {wait}");
    assert_eq!(answer.headers["x-ratelimit-remaining"], "0", "{path}");
    assert_eq!(answer.headers["content-type"], "application/json", "{path}");
    let said = "too many requests; see Retry-After";
    let words: Value = match path {
        "/status" => json!({"error": said}),
        "/api/sessions" => json!({
            "success": false, "error": said, "message": said, "code": "RATE_LIMITED",
            "retry_after_seconds": wait,
        }),
        _ => json!({"success": false, "message": said, "retry_after": wait}),
    };
    assert_eq!(answer.expect(429), words, "{path}");
}

#[tokio::test]
async fn an_address_that_is_too_fast_is_told_so_by_each_dialect_in_its_own_words() {
    let app = TestApp::start_with(Settings {
        rate_of_address: Rate::per_minute(1),
        ..Settings::default()
    })
    .await;
    let ann = app.user("ann").await.header("x-session-id", "one");
    let nobody = app.stranger().header("x-session-id", "one");
    nobody.get("/status").await.expect(401);
    for (path, elsewhere) in GUARDED.into_iter().zip(2..) {
        told_to_wait(nobody.get(path).await, path);
        told_to_wait(ann.get(path).await, path);
        ann.from(elsewhere).get(path).await.expect(200);
    }
    // What needs no credential has limits of its own.
    app.stranger().get("/api/health").await.expect(200);
}

#[tokio::test]
async fn a_key_that_is_too_fast_is_told_so_by_each_dialect_and_other_keys_go_on() {
    let app = TestApp::start_with(Settings {
        rate_of_key: Some(Rate::per_minute(3)),
        ..Settings::default()
    })
    .await;
    let ann = app.user("ann").await;
    let key = async |name: &str| {
        let body = json!({"name": name, "scopes": ["sessions:read"]});
        let made = ann.post("/v1/api-keys", body).await.expect(201);
        let key = app.stranger().bearer(made["key"].as_str().unwrap());
        key.header("x-session-id", "one")
    };
    let (fast, calm) = (key("fast").await, key("calm").await);
    for path in GUARDED {
        fast.get(path).await.expect(200);
    }
    for path in GUARDED {
        told_to_wait(fast.get(path).await, path);
        calm.get(path).await.expect(200);
    }
}
