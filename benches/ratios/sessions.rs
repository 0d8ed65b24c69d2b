//! What an idle session costs, and how soon a hundred of them are back after a SIGKILL.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::{
    bare::LINKING,
    report::{Bound, Report},
    rig::{Part, Rig, resident, settle},
};

const FEW: usize = 20;
const MANY: usize = 220;
/// How many are up when the process is killed.
const KILLED: usize = 100;
/// Numbers of the phones behind our sessions.
const FIRST_NUMBER: u64 = 491_700_100_001;

pub(crate) async fn run(report: &mut Report) {
    let mut rig = Rig::start().await;
    let mut sessions = Vec::new();
    link(&rig, &mut sessions, FEW).await;
    let few = resident(rig.wharf.id());
    link(&rig, &mut sessions, MANY).await;
    let ours = (resident(rig.wharf.id()) - few) / (MANY - FEW) as f64;

    let bare = bare(&rig).await;
    report.add(
        "resident memory of an idle session ÷ a bare client",
        ours / bare,
        Bound::AtMost(1.0),
        &format!(
            "{:.0} KB ÷ {:.0} KB, {FEW} → {MANY} sessions",
            kb(ours),
            kb(bare)
        ),
    );
    report.add(
        "resident memory of an idle session, KB",
        kb(ours),
        Bound::AtMost(250.0),
        &format!("the process has {:.0} MB with {FEW} sessions", few / 1e6),
    );
    recovery(&mut rig, &sessions, report).await;
}

/// Links sessions until there are `wanted`, and lets them come to rest.
async fn link(rig: &Rig, sessions: &mut Vec<String>, wanted: usize) {
    let numbers: Vec<u64> = (sessions.len()..wanted)
        .map(|index| FIRST_NUMBER + index as u64)
        .collect();
    let linking = stream::iter(numbers)
        .map(|number| async move { rig.wharf.pair(&rig.sandbox, &number.to_string()).await });
    sessions.extend(linking.buffer_unordered(LINKING).collect::<Vec<_>>().await);
    settle().await;
}

/// What a bare client costs in a process that holds nothing else.
async fn bare(rig: &Rig) -> f64 {
    let mut part = Part::start(&["bare-clients", &rig.sandbox.url, &rig.sandbox.control()]);
    assert_eq!(part.ask(&FEW.to_string()), "ok");
    settle().await;
    let few = resident(part.pid());
    assert_eq!(part.ask(&MANY.to_string()), "ok");
    settle().await;
    (resident(part.pid()) - few) / (MANY - FEW) as f64
}

async fn recovery(rig: &mut Rig, sessions: &[String], report: &mut Report) {
    for session in &sessions[KILLED..] {
        let path = format!("/v1/sessions/{session}/disconnect");
        rig.wharf.call("POST", &path, Value::Null).await;
    }
    settle().await;
    assert_eq!(connected(rig).await, KILLED);
    let killed = Instant::now();
    rig.wharf.kill_and_start().await;
    // What the API shows must be what the server sees.
    while connected(rig).await < KILLED || logged_in(rig).await < KILLED {
        assert!(
            killed.elapsed() < Duration::from_mins(1),
            "sessions stay away"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    report.add(
        "SIGKILL to connected again, seconds",
        killed.elapsed().as_secs_f64(),
        Bound::AtMost(5.0),
        &format!("{KILLED} sessions, the start of the process included"),
    );
}

/// How many sessions the API shows as connected.
async fn connected(rig: &Rig) -> usize {
    let mut count = 0;
    let mut path = "/v1/sessions?limit=200".to_owned();
    loop {
        let page = rig.wharf.call("GET", &path, Value::Null).await;
        let rows = page["data"].as_array().unwrap();
        count += rows
            .iter()
            .filter(|row| row["state"] == "connected")
            .count();
        match page["next_cursor"].as_str() {
            Some(next) => path = format!("/v1/sessions?limit=200&cursor={next}"),
            None => return count,
        }
    }
}

/// How many of our devices the sandbox sees on a socket.
async fn logged_in(rig: &Rig) -> usize {
    let state = rig.sandbox.call("GET", "/state", Value::Null).await;
    let phones = state["phones"].as_array().unwrap();
    let devices = phones
        .iter()
        .filter(|phone| {
            let number: u64 = phone["number"].as_str().unwrap().parse().unwrap();
            (FIRST_NUMBER..FIRST_NUMBER + MANY as u64).contains(&number)
        })
        .flat_map(|phone| phone["devices"].as_array().unwrap());
    devices.filter(|device| device["connected"] == true).count()
}

fn kb(bytes: f64) -> f64 {
    bytes / 1000.0
}
