//! A text to a group of 1,024 people with 1,500 devices: the first, which gives each device the key, and those that follow.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::json;

use crate::{
    bare::{Bare, LINKING},
    report::{Bound, Report, median},
    rig::{Rig, settle},
};

/// Each of them writes to the group for the first time once.
const OURS: [&str; 3] = ["491700200001", "491700200003", "491700200005"];
const BARE: [&str; 3] = ["491700200002", "491700200004", "491700200006"];
const SENDERS: usize = OURS.len() + BARE.len();
const PEOPLE: usize = 1024;
const DEVICES: usize = 1500;
const FIRST_NUMBER: u64 = 491_700_300_001;
/// Texts of a round, one after the other.
const TEXTS: usize = 20;
const ROUNDS: usize = 5;

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::start().await;
    let (mut sessions, mut bares) = (Vec::new(), Vec::new());
    for (ours, bare) in OURS.iter().zip(BARE) {
        sessions.push(rig.wharf.pair(&rig.sandbox, ours).await);
        bares.push(Bare::pair(&rig.sandbox.url, &rig.sandbox.control(), bare).await);
    }
    let group = populate(&rig).await;
    settle().await;

    let ours = async |session: &str| {
        let path = format!("/v1/sessions/{session}/messages");
        let body = json!({"to": group, "type": "text", "text": {"body": "hello"}});
        let sent = rig.wharf.call("POST", &path, body).await;
        assert_eq!(sent["status"], "sent", "{sent}");
    };
    let theirs = async |bare: &Bare| bare.send(group.parse().unwrap(), "hello".to_owned()).await;
    let mut firsts = Vec::new();
    for (session, bare) in sessions.iter().zip(&bares) {
        let first = timed(&async || ours(session).await).await;
        firsts.push((first, timed(&async || theirs(bare).await).await));
    }
    let what = "the first text to a group of 1,024 with 1,500 devices: bare client ÷ ours";
    let how = format!(
        "{:.2} ÷ {:.2} s, keys for every device, median of {}",
        median(firsts.iter().map(|first| first.1).collect()),
        median(firsts.iter().map(|first| first.0).collect()),
        firsts.len()
    );
    let ratio = median(firsts.iter().map(|(ours, bare)| bare / ours).collect());
    report.add(what, ratio, Bound::AtLeast(0.8), &how);

    let (ours, theirs) = (
        async || ours(&sessions[0]).await,
        async || theirs(&bares[0]).await,
    );
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((rate(&ours).await, rate(&theirs).await));
    }
    let middle = |of: fn(&(f64, f64)) -> f64| median(rounds.iter().map(of).collect());
    let ratio = middle(|(ours, bare)| ours / bare);
    let (ours, bare) = (middle(|(ours, _)| *ours), middle(|(_, bare)| *bare));
    let what = "texts to a group of 1,024 with 1,500 devices ÷ a bare client";
    let how = format!("{ours:.0} ÷ {bare:.0} a second, one after the other, median of {ROUNDS}");
    report.add(what, ratio, Bound::AtLeast(0.8), &how);
}

/// A group with all senders in it. Of its people some have a second device, so that there are as many as there shall be.
async fn populate(rig: &Rig) -> String {
    // Those that end in three zeros are nobody's.
    let numbers: Vec<String> = (FIRST_NUMBER..)
        .filter(|number| number % 1_000 != 0)
        .take(PEOPLE - SENDERS)
        .map(|number| number.to_string())
        .collect();
    let senders = OURS.iter().chain(&BARE).map(|sender| (*sender).to_owned());
    let members: Vec<String> = senders.chain(numbers.iter().cloned()).collect();
    let new = json!({"subject": "many", "members": members});
    let group = rig.sandbox.call("POST", "/groups", new).await;
    // Each of the senders is a second device already.
    let linked = stream::iter(&numbers[..DEVICES - PEOPLE - SENDERS]).map(async |number| {
        // Linked, and then away: what is sent to it waits at the server.
        drop(Bare::pair(&rig.sandbox.url, &rig.sandbox.control(), number).await);
    });
    linked.buffer_unordered(LINKING).collect::<Vec<()>>().await;
    group["id"].as_str().unwrap().to_owned()
}

async fn timed(send: &impl AsyncFn()) -> f64 {
    let begun = Instant::now();
    let sent = tokio::time::timeout(Duration::from_mins(2), send()).await;
    sent.expect("the text is sent");
    begun.elapsed().as_secs_f64()
}

async fn rate(send: &impl AsyncFn()) -> f64 {
    let begun = Instant::now();
    for _ in 0..TEXTS {
        timed(send).await;
    }
    TEXTS as f64 / begun.elapsed().as_secs_f64()
}
