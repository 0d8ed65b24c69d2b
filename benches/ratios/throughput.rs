//! Messages a second through Wharf, against a bare client on the same sandbox.
//!
//! What goes out is stored before it is sent, and its ack before the answer: a client that does neither tells what that costs,
//! and one that does both is the loop of the same work.

use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use whatsapp_rust::Jid;

use crate::{
    bare::Bare,
    ledger::Ledger,
    report::{Bound, Report, median},
    rig::Rig,
};

const OURS: &str = "491700200001";
const BARE: &str = "491700200002";
const FRIENDS: usize = 8;
/// Chats that write at once: enough that neither side waits for the other, as with [`IN_FLIGHT`].
const BUSY: usize = 64;
const FIRST_FRIEND: u64 = 491_700_200_011;
const MESSAGES: usize = 1500;
/// Sends at once: enough that neither side waits for the other.
const IN_FLIGHT: usize = 64;
const ROUNDS: usize = 5;

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::start().await;
    let session = rig.wharf.pair(&rig.sandbox, OURS).await;
    let bare = Bare::pair(&rig.sandbox.url, &rig.sandbox.control(), BARE).await;
    // The first message each way pays for the Signal session.
    receive_ours(&rig, &session, BUSY, BUSY).await;
    receive_bare(&rig, &bare, BUSY, BUSY).await;
    send_ours(&rig, &session, IN_FLIGHT).await;
    send_bare(&bare, IN_FLIGHT).await;

    let ledger = Ledger::open().await;
    let (mut sends, mut keeping) = (Vec::new(), Vec::new());
    let (mut busy, mut few) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ours = send_ours(&rig, &session, MESSAGES).await;
        keeping.push((ours, send_keeping(&bare, &ledger, MESSAGES).await));
        sends.push((ours, send_bare(&bare, MESSAGES).await));
        for (chats, receives) in [(BUSY, &mut busy), (FRIENDS, &mut few)] {
            let ours = receive_ours(&rig, &session, chats, MESSAGES).await;
            receives.push((ours, receive_bare(&rig, &bare, chats, MESSAGES).await));
        }
    }
    let (ratio, how) = compared(FRIENDS, IN_FLIGHT, &keeping);
    let what = "send: messages a second ÷ a bare client that keeps its messages";
    report.add(what, ratio, Bound::AtLeast(0.7), &how);
    let (ratio, how) = compared(FRIENDS, IN_FLIGHT, &sends);
    let what = "send: messages a second ÷ a bare client that keeps nothing";
    report.tell(what, ratio, &how);
    let (ratio, how) = compared(BUSY, BUSY, &busy);
    let what = "receive: messages a second ÷ a bare client that keeps nothing";
    report.add(what, ratio, Bound::AtLeast(0.7), &how);
    // A chat's next message is read when the last one is committed: few chats wait for the disk.
    let (ratio, how) = compared(FRIENDS, FRIENDS, &few);
    let what = "receive from few chats ÷ a bare client that keeps nothing";
    report.tell(what, ratio, &how);
}

/// The friend of message number `index`, of so many.
fn friend(index: usize, friends: usize) -> String {
    (FIRST_FRIEND + (index % friends) as u64).to_string()
}

/// Our share of the bare client's speed, and what it is made of.
fn compared(chats: usize, at_once: usize, rounds: &[(f64, f64)]) -> (f64, String) {
    let ours = median(rounds.iter().map(|(ours, _)| *ours).collect());
    let bare = median(rounds.iter().map(|(_, bare)| *bare).collect());
    let ratio = median(rounds.iter().map(|(ours, bare)| ours / bare).collect());
    let how = format!(
        "{ours:.0} ÷ {bare:.0} a second, {chats} chats, {at_once} at once, SQLite, median of {ROUNDS}"
    );
    (ratio, how)
}

async fn send_ours(rig: &Rig, session: &str, count: usize) -> f64 {
    let path = format!("/v1/sessions/{session}/messages");
    let path = path.as_str();
    rate(IN_FLIGHT, count, |index| async move {
        let body = json!({ "to": friend(index, FRIENDS), "type": "text", "text": { "body": format!("text {index}") } });
        let sent = rig.wharf.call("POST", path, body).await;
        assert_eq!(sent["status"], "sent");
    })
    .await
}

async fn send_bare(bare: &Bare, count: usize) -> f64 {
    rate(IN_FLIGHT, count, |index| async move {
        let to: Jid = format!("{}@s.whatsapp.net", friend(index, FRIENDS))
            .parse()
            .unwrap();
        bare.send(to, format!("text {index}")).await;
    })
    .await
}

async fn send_keeping(bare: &Bare, ledger: &Ledger, count: usize) -> f64 {
    rate(IN_FLIGHT, count, |index| async move {
        let (to, text) = (
            format!("{}@s.whatsapp.net", friend(index, FRIENDS)),
            format!("text {index}"),
        );
        let id = ledger.enter(&to, &text).await;
        bare.send(to.parse().unwrap(), text).await;
        ledger.tick(id).await;
    })
    .await
}

/// Until a browser on the session's socket has seen them all.
async fn receive_ours(rig: &Rig, session: &str, chats: usize, count: usize) -> f64 {
    let mut socket = rig.wharf.socket(&format!("/ws/{session}")).await;
    let begun = Instant::now();
    let reading = async {
        let mut seen = 0;
        while seen < count {
            let frame = socket.next().await.unwrap().unwrap();
            seen += usize::from(
                frame
                    .to_text()
                    .is_ok_and(|text| text.contains(r#""type":"message""#)),
            );
        }
    };
    tokio::join!(write(rig, OURS, chats, count), reading);
    count as f64 / begun.elapsed().as_secs_f64()
}

async fn receive_bare(rig: &Rig, bare: &Bare, chats: usize, count: usize) -> f64 {
    let wanted = bare.heard() + count;
    let begun = Instant::now();
    tokio::join!(write(rig, BARE, chats, count), bare.until_heard(wanted));
    count as f64 / begun.elapsed().as_secs_f64()
}

/// The friends' phones write, each one text after the other.
async fn write(rig: &Rig, to: &str, chats: usize, count: usize) {
    rate(chats, count, |index| {
        let body = json!({ "to": to, "text": format!("text {index}") });
        async move {
            let path = format!("/phones/{}/messages", friend(index, chats));
            rig.sandbox.call("POST", &path, body).await;
        }
    })
    .await;
}

/// Does `work` `count` times, so many at once; how often a second.
async fn rate<F: Future<Output = ()>>(
    at_once: usize,
    count: usize,
    work: impl Fn(usize) -> F,
) -> f64 {
    let begun = Instant::now();
    stream::iter(0..count)
        .map(&work)
        .buffer_unordered(at_once)
        .collect::<Vec<()>>()
        .await;
    count as f64 / begun.elapsed().as_secs_f64()
}
