//! What a tenant notices of another that asks for ten times what it may.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use reqwest::Client;
use serde_json::{Value, json};

use crate::{
    processes::client,
    report::{Bound, Report, median},
    rig::Rig,
};

const PASSWORD: &str = "a long enough password";
/// What each tenant may ask in a minute unless an operator says otherwise, and so once in how long.
const PER_MINUTE: u64 = 1_200;
const EVERY: Duration = Duration::from_millis(60_000 / PER_MINUTE);
/// How many times too fast the noisy one is.
const TIMES: u32 = 10;
/// Looks of a round.
const TIMED: usize = 500;
const ROUNDS: usize = 5;

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::with(&[("WHARF_HTTP__REQUESTS_PER_MINUTE", &PER_MINUTE.to_string())]).await;
    let (quiet, noisy) = (
        Tenant::new(&rig, "quiet").await,
        Tenant::new(&rig, "noisy").await,
    );
    // What it may ask at once is its right; the storm is what comes after that.
    while noisy.look().await == 200 {}
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let alone = quiet.p99().await;
        let beside = tokio::select! {
            beside = quiet.p99() => beside,
            () = noisy.storm() => unreachable!("a storm has no end"),
        };
        rounds.push((beside, alone));
    }
    let middle = |of: fn(&(f64, f64)) -> f64| median(rounds.iter().map(of).collect());
    let ratio = middle(|(beside, alone)| beside / alone);
    let (beside, alone) = (middle(|(beside, _)| *beside), middle(|(_, alone)| *alone));
    let how = format!(
        "{beside:.1} ÷ {alone:.1} ms, {PER_MINUTE} requests a minute allowed to each, median of {ROUNDS}"
    );
    let what = "p99 of a tenant's looks beside one that asks ten times what it may ÷ alone";
    report.add(what, ratio, Bound::AtMost(1.2), &how);
}

struct Tenant {
    http: Client,
    token: String,
    session: String,
}

impl Tenant {
    async fn new(rig: &Rig, name: &str) -> Self {
        let user = json!({"username": name, "password": PASSWORD});
        rig.wharf.call("POST", "/v1/users", user.clone()).await;
        let http = client();
        let login = http.post(rig.wharf.url("/v1/auth/login")).json(&user);
        let signed_in: Value = login.send().await.unwrap().json().await.unwrap();
        let token = signed_in["access_token"].as_str().unwrap().to_owned();
        let made = http.post(rig.wharf.url("/v1/sessions")).bearer_auth(&token);
        let made = made.json(&json!({"handle": "own"})).send().await.unwrap();
        assert_eq!(made.status(), 201);
        Self {
            http,
            token,
            session: rig.wharf.url("/v1/sessions/own"),
        }
    }

    async fn look(&self) -> u16 {
        let look = self.http.get(&self.session).bearer_auth(&self.token);
        let answer = look.send().await.unwrap();
        let status = answer.status().as_u16();
        answer.bytes().await.unwrap();
        status
    }

    /// The time that one look in a hundred takes longer than, in milliseconds, of one that keeps to what it may.
    async fn p99(&self) -> f64 {
        let mut ticks = tokio::time::interval(EVERY);
        let mut times = Vec::with_capacity(TIMED);
        for _ in 0..TIMED {
            ticks.tick().await;
            let begun = Instant::now();
            assert_eq!(self.look().await, 200, "it keeps to what it may");
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        times[TIMED * 99 / 100]
    }

    /// Asks too fast, for ever.
    async fn storm(&self) {
        let ticks = stream::unfold(tokio::time::interval(EVERY / TIMES), async |mut ticks| {
            ticks.tick().await;
            Some(((), ticks))
        });
        let asking = ticks.for_each_concurrent(None, async |()| {
            let status = self.look().await;
            assert!(matches!(status, 200 | 429), "{status}");
        });
        asking.await;
    }
}
