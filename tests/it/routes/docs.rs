//! The API reference.

use crate::harness::app::TestApp;

#[tokio::test]
async fn the_reference_loads_nothing_from_elsewhere() {
    let app = TestApp::start().await;
    let page = app.stranger().get("/docs").await;
    assert!(
        page.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let html = String::from_utf8(page.bytes).unwrap();
    assert!(!html.contains("//"), "no address of another host");
    assert!(
        !html.contains("<style") && !html.contains("style="),
        "the policy refuses it inline"
    );
    for (path, kind) in [
        ("/docs/docs.js", "text/javascript"),
        ("/docs/docs.css", "text/css"),
    ] {
        assert!(html.contains(path));
        let file = app.stranger().get(path).await;
        assert_eq!(file.status, 200);
        assert!(
            file.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with(kind)
        );
    }
    let document = app.stranger().get("/openapi.json").await.expect(200);
    assert!(document["paths"]["/v1/sessions/{id}/qr"]["get"].is_object());
}
