//! A text to a group of 1,024 people with 1,500 devices: the first, which gives each device the key, and those that follow.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::json;

use crate::{
    bare::{Bare, LINKING},
    report::{Bound, Report, median},
    rig::{Rig, settle},
};

const OURS: &str = "491700200001";
const BARE: &str = "491700200002";
const PEOPLE: usize = 1024;
const DEVICES: usize = 1500;
const FIRST_NUMBER: u64 = 491_700_300_001;
/// Texts of a round, one after the other.
const TEXTS: usize = 20;
const ROUNDS: usize = 5;

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::start().await;
    let session = rig.wharf.pair(&rig.sandbox, OURS).await;
    let bare = Bare::pair(&rig.sandbox.url, &rig.sandbox.control(), BARE).await;
    let group = populate(&rig).await;
    settle().await;

    let path = format!("/v1/sessions/{session}/messages");
    let ours = async || {
        let body = json!({"to": group, "type": "text", "text": {"body": "hello"}});
        let sent = rig.wharf.call("POST", &path, body).await;
        assert_eq!(sent["status"], "sent", "{sent}");
    };
    let theirs = async || bare.send(group.parse().unwrap(), "hello".to_owned()).await;
    let (first_ours, first_bare) = (timed(&ours).await, timed(&theirs).await);
    let what = "the first text to a group of 1,024 with 1,500 devices: bare client ÷ ours";
    let how = format!("{first_bare:.2} ÷ {first_ours:.2} s, keys for every device");
    report.add(what, first_bare / first_ours, Bound::AtLeast(0.8), &how);

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

/// A group with both senders in it. Of its people some have a second device, so that there are as many as there shall be.
async fn populate(rig: &Rig) -> String {
    // Those that end in three zeros are nobody's.
    let numbers: Vec<String> = (FIRST_NUMBER..)
        .filter(|number| number % 1_000 != 0)
        .take(PEOPLE - 2)
        .map(|number| number.to_string())
        .collect();
    let senders = [OURS.to_owned(), BARE.to_owned()];
    let members: Vec<&String> = senders.iter().chain(&numbers).collect();
    let new = json!({"subject": "many", "members": members});
    let group = rig.sandbox.call("POST", "/groups", new).await;
    // Each of the two senders is a second device already.
    let linked = stream::iter(&numbers[..DEVICES - PEOPLE - 2]).map(async |number| {
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
