//! The drawing of `docs/ARCHITECTURE.md` as a test: no module imports upwards, and the code keeps its form.

mod scan;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scan::{Source, uses};

/// Which module of the service may use which others.
const MAY_USE: &[(&str, &[&str])] = &[
    ("main", &["wharf"]),
    ("lifecycle", &[]),
    ("domain", &[]),
    ("config", &["domain"]),
    ("telemetry", &["config", "domain"]),
    ("db", &["domain"]),
    ("egress", &[]),
    ("seal", &["db", "domain"]),
    ("media", &["db", "domain", "lifecycle"]),
    ("cluster", &["db", "domain", "lifecycle"]),
    ("protocol", &["db", "domain", "egress", "lifecycle", "seal"]),
    ("events", &["cluster", "db", "domain", "lifecycle"]),
    (
        "webhook",
        &[
            "cluster",
            "db",
            "domain",
            "egress",
            "events",
            "lifecycle",
            "seal",
        ],
    ),
    (
        "session",
        &[
            "cluster",
            "db",
            "domain",
            "egress",
            "events",
            "lifecycle",
            "protocol",
            "seal",
            "webhook",
        ],
    ),
    (
        "service",
        &[
            "db",
            "domain",
            "egress",
            "events",
            "lifecycle",
            "media",
            "protocol",
            "seal",
            "session",
            "webhook",
        ],
    ),
    ("http", &["config", "domain", "lifecycle", "service"]),
    (
        "app",
        &[
            "cluster",
            "config",
            "db",
            "domain",
            "egress",
            "events",
            "http",
            "lifecycle",
            "media",
            "protocol",
            "seal",
            "service",
            "session",
            "telemetry",
            "webhook",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "config",
            "db",
            "domain",
            "http",
            "lifecycle",
            "service",
            "telemetry",
        ],
    ),
];

/// Crates that only some modules may touch.
const KEPT_TO: &[(&str, &[&str])] = &[
    ("whatsapp_rust", &["protocol"]),
    ("wacore", &["protocol"]),
    ("wacore_binary", &["protocol"]),
    ("wacore_noise", &["protocol"]),
    ("waproto", &["protocol"]),
    ("axum", &["http", "app"]),
    ("clap", &["cli"]),
    ("object_store", &["media"]),
    ("image", &["media"]),
    ("wharf_sandbox", &["app"]),
];

/// No file of the service grows beyond this.
const MOST_LINES: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(folder, &mut found);
    assert!(!found.is_empty(), "no source in {}", folder.display());
    found.sort();
    found
}

fn sources(folder: &str) -> Vec<Source> {
    files(&root().join(folder))
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let shown = path.strip_prefix(root().join(folder)).unwrap();
            Source::new(&shown.to_string_lossy(), &text)
        })
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every line of `source` that breaks the drawing.
fn breaches(source: &Source) -> Vec<String> {
    let module = source.module();
    let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
        return match module {
            "lib" => Vec::new(),
            _ => vec![format!(
                "{}: the module {module} has no line in MAY_USE",
                source.path
            )],
        };
    };
    uses(source)
        .filter(|used| {
            if used.of_this_crate {
                used.name != module && !allowed.contains(&used.name.as_str())
            } else {
                KEPT_TO
                    .iter()
                    .any(|(name, homes)| used.name == *name && !homes.contains(&module))
            }
        })
        .map(|used| format!("{}:{}: {module} uses {}", source.path, used.line, used.name))
        .collect()
}

#[test]
fn no_module_imports_upwards() {
    let bad: Vec<_> = sources("src").iter().flat_map(breaches).collect();
    assert!(bad.is_empty(), "layer breaks:\n{}", bad.join("\n"));
}

#[test]
fn a_planted_breach_is_found_however_it_is_written() {
    for (path, text, expected) in [
        (
            "domain/x.rs",
            "use crate::db::now;",
            "domain/x.rs:1: domain uses db",
        ),
        (
            "db.rs",
            "\nuse crate::{\n    domain::{clock, session},\n    http,\n};",
            "db.rs:4: db uses http",
        ),
        (
            "db/x.rs",
            "fn f() { crate::service::go() }",
            "db/x.rs:1: db uses service",
        ),
        (
            "http/v1/x.rs",
            "use super::super::super::db;",
            "http/v1/x.rs:1: http uses db",
        ),
        (
            "session.rs",
            "use whatsapp_rust::Client;",
            "session.rs:1: session uses whatsapp_rust",
        ),
        (
            "service/x.rs",
            "let a: axum::Router;",
            "service/x.rs:1: service uses axum",
        ),
        (
            "novel.rs",
            "",
            "novel.rs: the module novel has no line in MAY_USE",
        ),
    ] {
        assert_eq!(breaches(&Source::new(path, text)), [expected], "{path}");
    }
}

#[test]
fn what_is_allowed_or_only_talked_about_is_no_breach() {
    for (path, text) in [
        (
            "db/x.rs",
            "use crate::domain::{session, message};\nuse crate::db::fence;",
        ),
        (
            "db/x.rs",
            "// see crate::http\n/// [`crate::service`]\nlet a = 1;",
        ),
        (
            "db/x.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::service;\n}",
        ),
        ("protocol/x.rs", "use whatsapp_rust::{Client, bot};"),
        (
            "http/x.rs",
            "use super::problem; use super::super::service;",
        ),
    ] {
        assert_eq!(breaches(&Source::new(path, text)), [""; 0], "{text}");
    }
}

/// What `text` takes of the functions that make routes out of handlers.
fn routes_of_its_own(text: &str) -> Vec<&str> {
    const MAKERS: [&str; 8] = [
        "any", "delete", "get", "on", "patch", "post", "put", "routes",
    ];
    let taken = text.match_indices("axum::").filter_map(|(at, found)| {
        let rest = &text[at + found.len()..];
        let item = rest.split([';', '(', '!']).next()?;
        if text[..at].ends_with("utoipa_") {
            return Some(item);
        }
        item.split_once("routing::").map(|(_, names)| names)
    });
    let words = taken.flat_map(|names| names.split(|c: char| !c.is_alphanumeric()));
    words.filter(|word| MAKERS.contains(word)).collect()
}

#[test]
fn every_route_is_made_by_the_module_that_forgets_the_types_of_handlers() {
    for (text, found) in [
        (
            "use axum::{Router, routing::{get, post}};",
            vec!["get", "post"],
        ),
        ("use axum::routing::any;", vec!["any"]),
        ("router.route(path, axum::routing::get(show))", vec!["get"]),
        ("router.routes(utoipa_axum::routes!(show))", vec!["routes"]),
        (
            "use utoipa_axum::{router::OpenApiRouter, routes};",
            vec!["routes"],
        ),
        ("use axum::{extract::State, routing::MethodRouter};", vec![]),
        ("use crate::http::routing::{get, post};", vec![]),
        ("use utoipa_axum::router::OpenApiRouter;", vec![]),
    ] {
        assert_eq!(routes_of_its_own(text), found, "{text}");
    }
    let sources = sources("src/http");
    let others = sources
        .iter()
        .filter(|source| !["routing.rs", "server/tests.rs"].contains(&source.path.as_str()));
    let bad: Vec<_> = others
        .flat_map(|source| {
            let found = routes_of_its_own(&source.text).into_iter();
            found.map(|name| format!("{}: axum's {name}", source.path))
        })
        .collect();
    assert!(bad.is_empty(), "take http::routing:\n{}", bad.join("\n"));
}

#[test]
fn the_schema_and_the_sandbox_stand_on_their_own() {
    for (folder, banned) in [
        ("migration/src", ["entity", "wharf"]),
        ("sandbox/src", ["wharf", "entity"]),
        ("entity/src", ["wharf", "migration"]),
        ("cipher/src", ["wharf", "entity"]),
    ] {
        let bad: Vec<_> = sources(folder)
            .iter()
            .flat_map(|source| {
                uses(source)
                    .filter(|used| !used.of_this_crate && banned.contains(&used.name.as_str()))
                    .map(|used| format!("{folder}/{}:{}: {}", source.path, used.line, used.name))
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(bad.is_empty(), "{}", bad.join("\n"));
    }
}

#[test]
fn every_file_says_what_it_is_for_and_stays_readable() {
    let mut bad = Vec::new();
    for folder in [
        "src",
        "cipher/src",
        "entity/src",
        "migration/src",
        "sandbox/src",
        "tests/it",
    ] {
        for source in sources(folder) {
            if !source.text.starts_with("//!") {
                bad.push(format!("{folder}/{} does not start with //!", source.path));
            }
            let lines = source.text.lines().count();
            if lines > MOST_LINES {
                bad.push(format!("{folder}/{} has {lines} lines", source.path));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// The names of the shapes that `text` adds to the API's description.
fn shapes(text: &str) -> Vec<String> {
    let mut derived = false;
    let mut found = Vec::new();
    for line in text.lines() {
        derived |= line.contains("ToSchema)") || line.contains("ToSchema,");
        let mut words = line.split_whitespace();
        if derived && words.any(|word| word == "struct" || word == "enum") {
            let name = words.next().unwrap_or_default();
            let end = name.find(|c: char| !c.is_alphanumeric());
            found.push(name[..end.unwrap_or(name.len())].to_owned());
            derived = false;
        }
    }
    found
}

#[test]
fn no_two_shapes_of_the_api_share_a_name_for_its_description_would_keep_only_one() {
    assert_eq!(
        shapes("#[derive(utoipa::ToSchema)]\n/// Shown.\npub struct A {}\nstruct B;"),
        ["A"]
    );
    let mut seen = BTreeMap::new();
    let mut bad = Vec::new();
    for source in sources("src") {
        for shape in shapes(&source.text) {
            if let Some(other) = seen.insert(shape.clone(), source.path.clone()) {
                bad.push(format!("{shape}: {other} and {}", source.path));
            }
        }
    }
    assert!(seen.len() > 50, "only {} shapes were found", seen.len());
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn the_entrance_stays_small() {
    let main = std::fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 40);
}
