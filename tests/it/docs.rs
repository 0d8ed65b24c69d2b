//! What the documents say and what the program does are the same.

use std::path::Path;

fn committed(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_reference_of_the_configuration_is_up_to_date() {
    assert!(
        committed("docs/config.md") == wharf::config::reference(),
        "run `make openapi`: docs/config.md is not what `wharf config docs` prints"
    );
}

#[test]
fn the_description_of_the_api_is_up_to_date() {
    let document = wharf::http::document().to_pretty_json().unwrap();
    assert!(
        committed("docs/openapi.json").trim_end() == document.trim_end(),
        "run `make openapi`: docs/openapi.json is not what `wharf openapi` prints"
    );
}

/// Links between our own documents lead somewhere.
#[test]
fn every_link_of_the_documents_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = ["README.md", "CHANGELOG.md", "SECURITY.md"]
        .map(|page| root.join(page))
        .to_vec();
    for folder in ["docs", "docs/adr", "docs/compat"] {
        pages.extend(
            std::fs::read_dir(root.join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|extension| extension == "md")),
        );
    }
    let mut broken = Vec::new();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = file.is_empty() || file.contains("://") || file.contains(' ');
            if !elsewhere && !page.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A claim without a test is a wish.
#[test]
fn every_claim_of_the_feature_table_leads_to_a_test_that_there_is() {
    let table = committed("docs/FEATURES.md");
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let mut wrong = Vec::new();
    for row in rows.skip(1) {
        let claim = row.split(" | ").nth(1).unwrap_or_default();
        let links = claim.split("](").skip(1);
        let links: Vec<&str> = links.filter_map(|rest| rest.split(')').next()).collect();
        let is_there = |link: &&str| {
            let (file, test) = link.split_once('#').unwrap_or((link, ""));
            let file = committed(&format!("docs/{file}"));
            test.is_empty() || file.contains(&format!("fn {test}("))
        };
        if (links.is_empty() && claim != "not yet") || !links.iter().all(is_there) {
            wrong.push(claim);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A setting that nobody reads is a promise that nobody keeps.
#[test]
fn every_setting_is_read_by_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sections = committed("src/config/sections.rs");
    let mut code = String::new();
    for file in super::layering::files(&root.join("src")) {
        if !file.ends_with("config/sections.rs") {
            code.push_str(&std::fs::read_to_string(file).unwrap());
        }
    }
    let mut unread = Vec::new();
    for line in sections.lines().filter(|line| line.starts_with("        ")) {
        let Some((name, _)) = line.trim().split_once(": ") else {
            continue;
        };
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if is_name && line.trim_end().ends_with(';') && !code.contains(&format!(".{name}")) {
            unread.push(name.to_owned());
        }
    }
    assert!(unread.is_empty(), "nobody reads {unread:?}");
}
