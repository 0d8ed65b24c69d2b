//! The committed description of the API is the one that the code generates.

use std::path::Path;

use utoipa::openapi::OpenApi;

fn fresh() -> String {
    let document: OpenApi = wharf::http::document();
    let mut text = document.to_pretty_json().unwrap();
    text.push('\n');
    text
}

#[test]
fn the_committed_description_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed != fresh() {
        let generated = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
        std::fs::write(&generated, fresh()).unwrap();
        panic!(
            "docs/openapi.json is not what the code generates. Write it with `wharf openapi`, or take {}",
            generated.display()
        );
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_a_known_tag() {
    let document: serde_json::Value = serde_json::from_str(&fresh()).unwrap();
    let tags: Vec<&str> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut names = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(!names.contains(&name), "{name} is there twice");
            names.push(name);
            assert!(operation["summary"].is_string(), "{verb} {path}");
            let tag = operation["tags"][0].as_str().unwrap();
            assert!(tags.contains(&tag), "{verb} {path} is under {tag}");
        }
    }
}
