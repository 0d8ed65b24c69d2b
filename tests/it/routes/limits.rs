//! How fast may be asked, by whom and from where, and from which pages.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use wharf::{
    http::{Settings, extract::TrustedProxies},
    service::rates::Rate,
};

use crate::harness::app::{Answer, Caller, TestApp};

/// A key of this user that may see sessions.
async fn key_of(app: &TestApp, user: &Caller, name: &str) -> Caller {
    let body = json!({"name": name, "scopes": ["sessions:read"]});
    let made = user.post("/v1/api-keys", body).await.expect(201);
    app.stranger().bearer(made["key"].as_str().unwrap())
}

fn number(answer: &Answer, header: &str) -> u64 {
    answer.headers[header].to_str().unwrap().parse().unwrap()
}

/// How many requests the bucket holds that the answer tells of, and how many are left.
fn told(answer: &Answer) -> (u64, u64) {
    let limit = number(answer, "x-ratelimit-limit");
    (limit, number(answer, "x-ratelimit-remaining"))
}

/// When to come back after a request that was one too many.
#[track_caller]
fn wait(answer: Answer) -> Duration {
    let seconds = answer.retry_after();
    assert_eq!(number(&answer, "x-ratelimit-remaining"), 0);
    answer.refused(429, "rate_limited");
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn every_answer_tells_what_is_left_and_the_one_too_many_is_refused() {
    let app = TestApp::start_with(Settings {
        rate: Rate::per_minute(3),
        ..Settings::default()
    })
    .await;
    let caller = app.admin().await;
    for left in [2, 1, 0] {
        let answer = caller.get("/v1/me").await;
        assert_eq!(told(&answer), (3, left));
        assert!(answer.headers.contains_key("x-ratelimit-reset"));
        answer.expect(200);
    }
    let wait = wait(caller.get("/v1/me").await);
    assert!((1..=20).contains(&wait.as_secs()), "{wait:?}");
    app.clock.advance(wait);
    caller.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_key_that_is_too_fast_waits_and_uses_up_nothing_of_its_account() {
    let app = TestApp::start_with(Settings {
        rate: Rate::per_minute(8),
        rate_of_key: Some(Rate::per_minute(3)),
        ..Settings::default()
    })
    .await;
    let ann = app.user("ann").await;
    let (fast, calm) = (
        key_of(&app, &ann, "fast").await,
        key_of(&app, &ann, "calm").await,
    );
    for _ in 0..3 {
        fast.get("/v1/sessions").await.expect(200);
    }
    for _ in 0..3 {
        wait(fast.get("/v1/sessions").await);
    }
    let refused = fast.socket("/ws").await.unwrap_err();
    refused.refused(429, "rate_limited");
    // Five of the eight are gone, and no more.
    for _ in 0..3 {
        calm.get("/v1/sessions").await.expect(200);
    }
    let answer = ann.get("/v1/me").await;
    assert_eq!(told(&answer), (8, 0), "the account is what holds ann back");
    wait(answer);

    let again = wait(fast.get("/v1/sessions").await);
    assert!((1..=20).contains(&again.as_secs()), "{again:?}");
    app.clock.advance(again);
    fast.get("/v1/sessions").await.expect(200);
    wait(fast.get("/v1/sessions").await);
}

#[tokio::test]
async fn who_signs_in_again_gets_no_second_bucket_and_another_user_has_their_own() {
    let app = TestApp::start_with(Settings {
        rate_of_key: Some(Rate::per_minute(2)),
        ..Settings::default()
    })
    .await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let again = app.sign_in("ann").await;
    for caller in [&ann, &again] {
        caller.get("/v1/me").await.expect(200);
    }
    for caller in [&ann, &again] {
        wait(caller.get("/v1/me").await);
    }
    bob.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn an_address_that_is_too_fast_waits_whatever_it_shows_and_others_go_on() {
    let app = TestApp::start_with(Settings {
        rate_of_address: Rate::per_minute(3),
        ..Settings::default()
    })
    .await;
    let ann = app.user("ann").await;
    let nobody = app.stranger();
    let guesser = nobody.bearer("wk_guessed");
    ann.get("/v1/me").await.expect(200);
    guesser.get("/v1/me").await.expect(401);
    let answer = nobody.get("/v1/me").await;
    assert_eq!(told(&answer), (3, 0), "a refusal tells of the address");
    answer.refused(401, "token_missing");

    let mut again = Duration::ZERO;
    for caller in [&ann, &guesser, &nobody] {
        again = wait(caller.get("/v1/me").await);
    }
    ann.from(2).get("/v1/me").await.expect(200);
    nobody.from(2).get("/v1/me").await.expect(401);
    // What is open, and what the service is watched by, has limits of its own.
    nobody.get("/livez").await.expect(200);
    nobody.get("/v1/info").await.expect(200);
    let admin = app.sign_in("admin").await;
    admin.get("/metrics").await.expect(200);
    admin.get("/v1/me").await.refused(429, "rate_limited");
    app.clock.advance(again);
    ann.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn behind_a_proxy_an_address_is_what_it_tells_and_a_network_of_v6_is_one() {
    let app = TestApp::start_with(Settings {
        rate_of_address: Rate::per_minute(1),
        proxies: TrustedProxies::new(vec!["127.0.0.1/32".parse().unwrap()]),
        ..Settings::default()
    })
    .await;
    let ann = app.user("ann").await;
    let through = |client: &str| ann.header("x-forwarded-for", client);
    through("2001:db8::1").get("/v1/me").await.expect(200);
    wait(through("2001:db8::2").get("/v1/me").await);
    through("2001:db8:0:1::1").get("/v1/me").await.expect(200);
    through("203.0.113.1").get("/v1/me").await.expect(200);
    through("203.0.113.2").get("/v1/me").await.expect(200);
    // Who is no proxy of ours chooses no address.
    let direct = |client: &str| through(client).from(2);
    direct("203.0.113.3").get("/v1/me").await.expect(200);
    wait(direct("203.0.113.4").get("/v1/me").await);
}

#[tokio::test]
async fn what_is_told_is_the_bucket_with_the_least_left() {
    for (account, key, address) in [(2, 3, 4), (3, 2, 4), (4, 3, 2)] {
        let app = TestApp::start_with(Settings {
            rate: Rate::per_minute(account),
            rate_of_key: Some(Rate::per_minute(key)),
            rate_of_address: Rate::per_minute(address),
            ..Settings::default()
        })
        .await;
        let ann = app.user("ann").await;
        for left in [1, 0] {
            let answer = ann.get("/v1/me").await;
            assert_eq!(told(&answer), (2, left), "{account} {key} {address}");
            answer.expect(200);
        }
        let answer = ann.get("/v1/me").await;
        assert_eq!(told(&answer), (2, 0), "{account} {key} {address}");
        wait(answer);
    }
}

#[tokio::test]
async fn other_pages_are_shut_out_unless_the_operator_names_them() {
    let page = "https://app.example.com";
    let preflight = |app: &TestApp| {
        app.stranger()
            .header("origin", page)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
    };
    let closed = TestApp::start().await;
    let answer = preflight(&closed)
        .send(Method::OPTIONS, "/v1/sessions", None)
        .await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));

    let open = TestApp::start_with(Settings {
        cors_origins: vec![page.to_owned()],
        ..Settings::default()
    })
    .await;
    let answer = preflight(&open)
        .send(Method::OPTIONS, "/v1/sessions", None)
        .await;
    assert_eq!(answer.headers["access-control-allow-origin"], page);
    let answer = open
        .stranger()
        .header("origin", "https://evil.example")
        .get("/livez")
        .await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}
