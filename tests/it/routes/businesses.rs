//! What a business shows of itself, and who is none.

use serde_json::{Value, json};

use crate::harness::app::{
    TestApp,
    phones::{ALICE, BOB, CAROL, NOBODY},
};

const AT: &str = "/v1/sessions/sales/contacts";

#[tokio::test]
async fn a_business_shows_its_profile_and_nobody_else_has_one() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    let path = format!("/phones/{BOB}/business");
    let shop = json!({
        "name": "Bob's Boats", "description": "Boats, new and old", "address": "Am Hafen 1",
        "email": "bob@boats.example", "websites": ["https://boats.example", "https://old.example"],
        "categories": [{"id": "629412378414563", "name": "Marina"}],
        "hours": {"timezone": "Europe/Berlin", "days": [
            {"day": "mon", "mode": "specific_hours", "open": 485, "close": 1080},
            {"day": "sat", "mode": "open_24h"},
            {"day": "sun", "mode": "appointment_only"},
        ]},
    });
    app.control("PUT", &path, shop).await;

    let shown = ann.get(&format!("{AT}/{BOB}")).await.expect(200);
    assert_eq!(shown["is_business"], true);
    assert_eq!(shown["verified_name"], "Bob's Boats");
    let open = |day: &str, mode: &str, from: Option<&str>, to: Option<&str>| json!({"day": day, "mode": mode, "opens_at": from, "closes_at": to});
    assert_eq!(
        shown["business"],
        json!({
            "description": "Boats, new and old", "address": "Am Hafen 1", "email": "bob@boats.example",
            "websites": ["https://boats.example", "https://old.example"],
            "categories": [{"id": "629412378414563", "name": "Marina"}],
            "hours": {"timezone": "Europe/Berlin", "days": [
                open("mon", "specific_hours", Some("08:05"), Some("18:00")),
                open("sat", "open_24h", None, None),
                open("sun", "appointment_only", None, None),
            ]},
        })
    );
    // By the other address too.
    let lid = shown["lid"].as_str().unwrap();
    let by_lid = ann.get(&format!("{AT}/{lid}")).await.expect(200);
    assert_eq!(by_lid["business"], shown["business"]);

    let person = ann.get(&format!("{AT}/{CAROL}")).await.expect(200);
    assert_eq!(person["is_business"], false);
    assert_eq!(person["business"], Value::Null);
    let nobody = ann.get(&format!("{AT}/{NOBODY}")).await;
    nobody.refused(404, "contact_not_found");

    let phones = json!({"phones": [BOB, CAROL, NOBODY]});
    let checked = ann.post(&format!("{AT}/check"), phones).await.expect(200);
    let told = |at: usize| {
        let one = &checked["data"][at];
        (one["is_business"].clone(), one["verified_name"].clone())
    };
    assert_eq!(told(0), (json!(true), json!("Bob's Boats")));
    assert_eq!(told(1), (json!(false), Value::Null));
    assert_eq!(told(2), (Value::Null, Value::Null));
}

#[tokio::test]
async fn a_business_that_says_little_or_closes_shows_that() {
    let app = TestApp::start_with_phones().await;
    let ann = app.user("ann").await;
    app.linked(&ann, "sales", ALICE).await;
    let path = format!("/phones/{BOB}/business");
    app.control("PUT", &path, json!({"name": "Bob's"})).await;
    let shown = ann.get(&format!("{AT}/{BOB}")).await.expect(200);
    assert_eq!(shown["verified_name"], "Bob's");
    assert_eq!(
        shown["business"],
        json!({
            "description": null, "address": null, "email": null, "websites": [], "categories": [], "hours": null,
        })
    );
    app.control("DELETE", &path, Value::Null).await;
    let gone = ann.get(&format!("{AT}/{BOB}")).await.expect(200);
    assert_eq!(gone["is_business"], false);
    assert_eq!(gone["business"], Value::Null);
}
