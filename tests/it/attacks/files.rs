//! V5, files: a path leads to nothing but what it names, and a file of a stranger is no page of ours.

use serde_json::json;

use super::{said_to, served};
use crate::harness::app::TestApp;

#[tokio::test]
async fn no_path_leads_out_of_the_console() {
    let (_folder, wharf) = served().await;
    for path in [
        "/../../../../etc/passwd",
        "/..%2f..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/assets/../../../etc/passwd",
        "/assets/..%5c..%5cetc%5cpasswd",
        "/.git/config",
        "/data/master.key",
        "/%00/etc/passwd",
        "/./.env",
    ] {
        let said = said_to(
            &wharf,
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
        )
        .await;
        assert!(
            !said.contains("root:") && !said.contains("[core]"),
            "{path}: {said}"
        );
        assert!(!said.starts_with("HTTP/1.1 5"), "{path}: {said}");
    }
}

#[tokio::test]
async fn a_name_of_a_file_leads_nowhere_and_its_kind_is_what_its_bytes_are() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    ann.session("one").await;
    let path = "/v1/sessions/one/media";
    for name in [
        "../../x",
        "..\\x",
        "/etc/passwd",
        "a\nb",
        "",
        &"x".repeat(300),
    ] {
        let body = json!({"base64": "aGk=", "filename": name});
        ann.post(path, body).await.refused(400, "validation_failed");
    }
    let page = "PGh0bWw+PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0PjwvaHRtbD4=";
    let liar = json!({"base64": page, "mimetype": "image/png", "filename": "a.png"});
    ann.post(path, liar)
        .await
        .refused(400, "media_type_mismatch");
    let body = json!({"base64": page, "mimetype": "text/html", "filename": "a.html"});
    let made = ann.post(path, body).await.expect(201);
    let read = ann.get(made["url"].as_str().unwrap()).await;
    assert_eq!(
        read.headers["content-security-policy"],
        "sandbox; default-src 'none'"
    );
    assert_eq!(read.headers["x-content-type-options"], "nosniff");
    assert!(
        read.headers["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );

    let bob = app.user("bob").await;
    bob.session("two").await;
    let id = made["id"].as_str().unwrap();
    for path in [
        format!("/v1/sessions/one/media/{id}"),
        format!("/v1/sessions/two/media/{id}"),
    ] {
        assert_eq!(bob.get(&path).await.status, 404, "{path}");
    }
}
