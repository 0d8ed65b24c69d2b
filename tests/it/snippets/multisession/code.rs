//! The programs and the pages of the code guide: Python, Node, and a real browser.

use serde_json::{Value, json};

use super::{OWN, Stage, TAKEN, of_language};
use crate::snippets::{
    document::Block,
    node::{Running, code_in, program},
};

fn only<const N: usize>(language: &str) -> [Block; N] {
    let all = of_language("004.md", language);
    all.try_into().expect("as many blocks as the guide prints")
}

async fn set() -> (Stage, String) {
    let stage = Stage::set("admin123").await;
    let body = json!({"username": "admin", "password": "admin123"});
    let said = stage.wharf.call("POST", "/api/auth/login", body).await;
    let token = said["data"]["token"].as_str().unwrap().to_owned();
    (stage, token)
}

async fn log_out(stage: &Stage) {
    let path = format!("/api/sessions/{OWN}/logout");
    stage.wharf.call("POST", &path, Value::Null).await;
}

#[tokio::test]
async fn the_programs_of_the_code_guide_run_one_after_another_on_one_phone_twice_in_a_row() {
    let _port = TAKEN.lock().await;
    let (stage, _) = set().await;
    let [python] = only("python");
    let [node, _] = only("javascript");
    let folder = stage.folder.path();
    for round in 1..=2 {
        let said = program(folder, "guide.py", &python.text);
        assert!(said.contains("QR code saved! Scan it now."), "{said}");
        let by_python = code_in(&folder.join("qr-code.png"));
        std::fs::remove_file(folder.join("qr-code.png")).unwrap();
        // While the phone is awaited the next one asks for the same again.
        let said = program(folder, "guide.cjs", &node.text);
        assert!(said.contains("QR code saved to qr-code.png"), "{said}");
        let by_node = code_in(&folder.join("qr-code.png"));
        for code in [&by_python, &by_node] {
            assert!(code.starts_with("2@"), "{code}");
        }
        stage.scan(OWN, &by_node).await;
        stage.until_logged_in(OWN).await;
        let shown = stage.wharf.call("GET", "/api/sessions", Value::Null).await;
        assert_eq!(shown["count"], 1, "in round {round}");
        assert_eq!(shown["sessions"][0]["name"], "Python Bot");
        log_out(&stage).await;
    }
}

#[tokio::test]
async fn the_pages_of_the_code_guide_show_a_code_in_a_browser_that_a_phone_scans() {
    let _port = TAKEN.lock().await;
    let (stage, token) = set().await;
    let body = json!({"phone": OWN});
    stage.wharf.call("POST", "/api/sessions", body).await;
    let [page] = only("html");
    let page = page.text.replace("YOUR_JWT_TOKEN", &token);
    let [_, socket] = only("javascript");
    let socket = socket.text.replace("YOUR_TOKEN", &token);
    let socket = format!("<!DOCTYPE html>\n<img id=\"qr\">\n<script>\n{socket}</script>\n");
    let folder = stage.folder.path();
    for _ in 1..=2 {
        let mut browser = Running::page(folder, &page);
        stage.scan(OWN, &browser.says("shown: ").await).await;
        stage.until_logged_in(OWN).await;
        drop(browser);
        log_out(&stage).await;

        let mut browser = Running::page(folder, &socket);
        stage.scan(OWN, &browser.says("shown: ").await).await;
        browser.says("console: Session connected!").await;
        stage.until_logged_in(OWN).await;
        log_out(&stage).await;
    }
}
