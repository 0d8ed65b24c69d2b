//! What a request costs: an authenticated look against a bare axum, a dialect's send against the native one, and an API in calm
//! against one whose sign-in is flooded.

use std::time::{Duration, Instant};

use axum::{Router, routing::get};
use futures_util::{StreamExt as _, stream};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{
    processes::client,
    report::{Bound, Report, median},
    rig::{Part, Rig},
};

const OURS: &str = "491700200001";
const FRIEND: &str = "491700200011";
const LOOKS: usize = 20_000;
const SENDS: usize = 1_000;
/// Requests at once.
const IN_FLIGHT: usize = 32;
const ROUNDS: usize = 5;
/// Looks of a round whose times are compared, as many guesses meanwhile, and between two of each.
const TIMED: usize = 2_000;
const EVERY: Duration = Duration::from_millis(5);
/// Where the guesses come from.
const ADDRESSES: usize = 100;

/// A child: axum, and a word.
pub(crate) async fn hello() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let router = Router::new().route("/", get(async || "hello"));
    axum::serve(listener, router).await.unwrap();
}

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::start().await;
    let session = rig.wharf.pair(&rig.sandbox, OURS).await;
    looks(&rig, &session, report).await;
    sends(&rig, &session, report).await;
    flood(&rig, &session, report).await;
}

async fn looks(rig: &Rig, session: &str, report: &mut Report) {
    let http = client();
    let mut part = Part::start(&["bare-hello"]);
    let bare = format!("http://127.0.0.1:{}/", part.hear());
    let me = rig.wharf.url("/v1/me");
    let shown = rig.wharf.url(&format!("/v1/sessions/{session}"));
    let (mut mine, mut looks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let me = rate(LOOKS, async || look(&http, &me, rig.wharf.token()).await).await;
        let shown = rate(LOOKS, async || look(&http, &shown, rig.wharf.token()).await).await;
        let bare = rate(LOOKS, async || look(&http, &bare, "none").await).await;
        mine.push((me, bare));
        looks.push((shown, bare));
    }
    let how = made_of(&mine, "a second, who one is");
    let what = "an authenticated GET ÷ a bare axum";
    report.add(what, ratio(&mine), Bound::AtLeast(0.35), &how);
    let how = made_of(&looks, "a second, one session read and shown, SQLite");
    let what = "an authenticated look at a session ÷ a bare axum";
    report.tell(what, ratio(&looks), &how);
}

async fn sends(rig: &Rig, session: &str, report: &mut Report) {
    let listed = rig
        .wharf
        .call("GET", "/api/whatsapp-sessions", Value::Null)
        .await;
    let id = &listed["data"][0]["id"];
    let key = listed["data"][0]["api_key"].as_str().unwrap().to_owned();
    let http = client();
    // Both answer as soon as the message is stored.
    let native = format!("/v1/sessions/{session}/messages");
    let (native, dialect) = (rig.wharf.url(&native), rig.wharf.url("/api/send-message"));
    let settings = json!({"account_protection": false});
    let path = format!("/api/whatsapp-sessions/{id}");
    rig.wharf.call("PUT", &path, settings).await;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let theirs = rate(SENDS, async || {
            let body = json!({"to": FRIEND, "text": "hello"});
            post(&http, (&dialect, &key), &body, 200).await;
        });
        let theirs = theirs.await;
        let ours = rate(SENDS, async || {
            let body = json!({"to": FRIEND, "type": "text", "text": {"body": "hello"}});
            post(&http, (&native, rig.wharf.token()), &body, 202).await;
        });
        rounds.push((theirs, ours.await));
    }
    let how = made_of(
        &rounds,
        "a second, the Wasender dialect and native, answered once stored, SQLite",
    );
    let what = "a dialect's send ÷ the native send";
    report.add(what, ratio(&rounds), Bound::AtLeast(0.95), &how);
}

async fn flood(rig: &Rig, session: &str, report: &mut Report) {
    let shown = rig.wharf.url(&format!("/v1/sessions/{session}"));
    let http = client();
    let login = rig.wharf.url("/v1/auth/login");
    let guess = async |number: usize| {
        let body = json!({"username": "admin", "password": "a guess"});
        let from = format!("203.0.113.{}", number % ADDRESSES);
        let guess = http.post(&login).header("x-forwarded-for", from);
        let status = guess.json(&body).send().await.unwrap().status().as_u16();
        assert!(matches!(status, 401 | 429), "{status}");
    };
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let calm = p99(&http, &shown, rig.wharf.token()).await;
        // The machine that floods is this one: as fast as it can, it would measure the flooder.
        let ticks = stream::unfold(tokio::time::interval(EVERY), async |mut ticks| {
            ticks.tick().await;
            Some(((), ticks))
        });
        let guesses = ticks.take(TIMED).enumerate();
        let guessing = guesses.for_each_concurrent(None, async |(number, ())| guess(number).await);
        let timing = p99(&http, &shown, rig.wharf.token());
        let ((), flooded) = tokio::join!(guessing, timing);
        rounds.push((flooded, calm));
    }
    let middle = |of: fn(&(f64, f64)) -> f64| median(rounds.iter().map(of).collect());
    let how = format!(
        "{:.1} ÷ {:.1} ms, {} guesses from {ADDRESSES} addresses, one each {} ms, median of {ROUNDS}",
        middle(|round| round.0),
        middle(|round| round.1),
        TIMED * ROUNDS,
        EVERY.as_millis()
    );
    let what = "p99 of a look while sign-in is flooded ÷ in calm";
    report.add(what, ratio(&rounds), Bound::AtMost(1.3), &how);
}

fn ratio(rounds: &[(f64, f64)]) -> f64 {
    median(rounds.iter().map(|(one, other)| one / other).collect())
}

fn made_of(rounds: &[(f64, f64)], what: &str) -> String {
    let one = median(rounds.iter().map(|(one, _)| *one).collect());
    let other = median(rounds.iter().map(|(_, other)| *other).collect());
    format!("{one:.0} ÷ {other:.0} {what}, {IN_FLIGHT} at once, median of {ROUNDS}")
}

async fn look(http: &Client, url: &str, token: &str) {
    let answer = http.get(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap();
}

async fn post(http: &Client, (url, token): (&str, &str), body: &Value, status: u16) {
    let call = http
        .post(url)
        .bearer_auth(token)
        .header("prefer", "respond-async");
    let answer = call.json(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), status);
    answer.bytes().await.unwrap();
}

async fn rate(count: usize, work: impl AsyncFn()) -> f64 {
    let begun = Instant::now();
    stream::iter(0..count)
        .for_each_concurrent(IN_FLIGHT, async |_| work().await)
        .await;
    count as f64 / begun.elapsed().as_secs_f64()
}

/// The time that one look in a hundred takes longer than, in milliseconds.
async fn p99(http: &Client, url: &str, token: &str) -> f64 {
    let mut ticks = tokio::time::interval(EVERY);
    let mut times = Vec::with_capacity(TIMED);
    for _ in 0..TIMED {
        ticks.tick().await;
        let begun = Instant::now();
        look(http, url, token).await;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    times[TIMED * 99 / 100]
}
