//! What a request costs: an authenticated look against a bare axum, a dialect's send against the native one, and an API in calm
//! against one whose sign-in is flooded.

use std::time::{Duration, Instant};

use axum::{Router, routing::get};
use futures_util::{StreamExt as _, stream};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    processes::client,
    report::{Bound, Report, median},
    rig::{Part, Rig, told},
};

const OURS: &str = "491700200001";
const FRIEND: &str = "491700200011";
const LOOKS: usize = 20_000;
const SENDS: usize = 1_000;
/// Requests at once.
const IN_FLIGHT: usize = 32;
const ROUNDS: usize = 5;
/// How often calm and flood change, the looks of a turn, and how long between two of them: so many that the processors stay awake, since
/// what one that sleeps takes to wake up is no matter of ours.
const TURNS: usize = 25;
const TIMED: usize = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Between two guesses.
const GUESS_EVERY: Duration = Duration::from_millis(5);
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
    // A chat is written to in order: this one is sent when all before it are, and the next part finds an empty queue.
    let drained = async || {
        let path = format!("/v1/sessions/{session}/messages");
        let last = json!({"to": FRIEND, "type": "text", "text": {"body": "the last one"}});
        let sent = rig.wharf.call("POST", &path, last).await;
        assert_eq!(sent["status"], "sent");
    };
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let theirs = rate(SENDS, async || {
            let body = json!({"to": FRIEND, "text": "hello"});
            post(&http, (&dialect, &key), &body, 200).await;
        });
        let theirs = theirs.await;
        drained().await;
        let ours = rate(SENDS, async || {
            let body = json!({"to": FRIEND, "type": "text", "text": {"body": "hello"}});
            post(&http, (&native, rig.wharf.token()), &body, 202).await;
        });
        rounds.push((theirs, ours.await));
        drained().await;
    }
    let how = made_of(
        &rounds,
        "a second, the Wasender dialect and native, answered once stored, SQLite",
    );
    let what = "a dialect's send ÷ the native send";
    report.add(what, ratio(&rounds), Bound::AtLeast(0.95), &how);
}

/// A child, somebody who guesses passwords at `login`: told `flood`, it guesses until the next line, and says how often it did.
pub(crate) async fn flooder(login: &str) {
    let http = client();
    let mut said = told();
    let mut number = 0;
    while let Some(_flood) = said.recv().await {
        println!("flooding");
        let begun = number;
        let mut guesses = JoinSet::new();
        loop {
            tokio::select! {
                _calm = said.recv() => break,
                () = about(GUESS_EVERY) => {
                    guesses.spawn(guess(http.clone(), login.to_owned(), number));
                    number += 1;
                }
            }
        }
        guesses.join_all().await;
        println!("{}", number - begun);
    }
}

async fn guess(http: Client, login: String, number: usize) {
    let body = json!({"username": "admin", "password": "a guess"});
    let from = format!("203.0.113.{}", number % ADDRESSES);
    let guess = http.post(login).header("x-forwarded-for", from).json(&body);
    let status = guess.send().await.unwrap().status().as_u16();
    assert!(matches!(status, 401 | 429), "{status}");
}

async fn flood(rig: &Rig, session: &str, report: &mut Report) {
    let shown = rig.wharf.url(&format!("/v1/sessions/{session}"));
    let http = client();
    let mut flooder = Part::start(&["flood", &rig.wharf.url("/v1/auth/login")]);
    let (mut calm, mut flooded, mut guesses) = (Vec::new(), Vec::new(), 0);
    // By turns, and so short that whatever else the machine does meets both alike.
    for _ in 0..TURNS {
        calm.extend(times(&http, &shown, rig.wharf.token()).await);
        flooder.ask("flood");
        flooded.extend(times(&http, &shown, rig.wharf.token()).await);
        guesses += flooder.ask("calm").parse::<usize>().unwrap();
    }
    let (flooded, calm) = (p99(flooded), p99(calm));
    let how = format!(
        "{flooded:.1} ÷ {calm:.1} ms of {} looks each, {guesses} guesses from {ADDRESSES} addresses, one each {} ms",
        TURNS * TIMED,
        GUESS_EVERY.as_millis()
    );
    let what = "p99 of a look while sign-in is flooded ÷ in calm";
    report.add(what, flooded / calm, Bound::AtMost(1.3), &how);
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

/// On average `every`, and never in step with anything else.
async fn about(every: Duration) {
    let most = u64::try_from(every.as_micros() * 2).unwrap();
    tokio::time::sleep(Duration::from_micros(rand::random_range(0..most))).await;
}

/// How long looks take, in milliseconds.
async fn times(http: &Client, url: &str, token: &str) -> Vec<f64> {
    let mut looks = JoinSet::new();
    for _ in 0..TIMED {
        about(LOOK_EVERY).await;
        let (http, url, token) = (http.clone(), url.to_owned(), token.to_owned());
        looks.spawn(async move {
            let begun = Instant::now();
            look(&http, &url, &token).await;
            begun.elapsed().as_secs_f64() * 1000.0
        });
    }
    looks.join_all().await
}

/// What one of a hundred is longer than.
fn p99(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() * 99 / 100]
}
