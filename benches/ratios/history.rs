//! What a phone tells of the past when it links: how fast it is stored, what that takes, and who waits for it.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use entity::{message_texts, messages};
use futures_util::StreamExt as _;
use sea_orm::{EntityTrait as _, Order, QueryOrder as _, sea_query::Expr};
use serde_json::{Value, json};
use wharf::db;

use crate::{
    databases::{Engine, TestDb},
    report::{Bound, Report},
    rig::{Rig, resident},
    search::{BATCH, Batch, insert},
};

const OURS: &str = "491700200001";
const LIVE_FRIEND: &str = "491700200010";
/// The first of those whom the phone has written with.
const FIRST_FRIEND: u64 = 491_700_200_011;
const MESSAGES: usize = 100_000;
const MESSAGES_EACH: usize = 10_000;
/// Between two messages that come in meanwhile.
const LIVE_EVERY: Duration = Duration::from_millis(50);
/// Between two looks at the memory.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A history that takes longer is stuck.
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::start().await;
    for chat in 0..(MESSAGES / MESSAGES_EACH) as u64 {
        let with = (FIRST_FRIEND + chat).to_string();
        let old = json!({"with": with, "count": MESSAGES_EACH, "every_s": 1});
        let path = format!("/phones/{OURS}/history");
        rig.sandbox.call("POST", &path, old).await;
    }
    let session = rig.wharf.pair(&rig.sandbox, OURS).await;
    let mut socket = rig.wharf.socket(&format!("/ws/{session}?since=0")).await;
    let begun = Instant::now();
    let (told, looks, delays) = {
        let (end, ended) = tokio::sync::watch::channel(false);
        let hearing = async {
            let mut told = 0;
            let mut delays = Vec::new();
            while told < MESSAGES {
                let frame = tokio::time::timeout(PATIENCE, socket.next()).await;
                let frame = frame.expect("history goes on").unwrap().unwrap();
                if !frame.is_text() {
                    continue;
                }
                let frame: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
                match frame["type"].as_str() {
                    Some("history.sync") => {
                        let count = frame["data"]["messages"].as_u64().unwrap_or_default();
                        told += usize::try_from(count).unwrap();
                    }
                    Some("message") => {
                        let text = frame["data"]["text"]["body"].as_str().unwrap_or_default();
                        if let Some(sent) = text.strip_prefix("live ") {
                            let sent: f64 = sent.parse().unwrap();
                            delays.push(begun.elapsed().as_secs_f64() * 1000.0 - sent);
                        }
                    }
                    _ => {}
                }
            }
            end.send_replace(true);
            (begun.elapsed(), delays)
        };
        let writing = async {
            let mut ticks = tokio::time::interval(LIVE_EVERY);
            while !*ended.borrow() {
                ticks.tick().await;
                let now = begun.elapsed().as_secs_f64() * 1000.0;
                let body = json!({"to": OURS, "text": format!("live {now}")});
                let path = format!("/phones/{LIVE_FRIEND}/messages");
                rig.sandbox.call("POST", &path, body).await;
            }
        };
        let looking = async {
            let mut looks = Vec::new();
            while !*ended.borrow() {
                looks.push(resident(rig.wharf.id()));
                tokio::time::sleep(LOOK_EVERY).await;
            }
            looks
        };
        let ((told, delays), (), looks) = tokio::join!(hearing, writing, looking);
        (told, looks, delays)
    };
    let ours = MESSAGES as f64 / told.as_secs_f64();
    let bare = insert_again(&rig.database()).await;
    let how = format!(
        "{ours:.0} ÷ {bare:.0} messages a second, SQLite, from the link to the last piece, live messages meanwhile"
    );
    let what = "history of 100,000 messages ÷ a bare batch insert of them";
    report.add(what, ours / bare, Bound::AtLeast(0.4), &how);

    let (first, second) = looks.split_at(looks.len() / 2);
    let most = |looks: &[f64]| looks.iter().copied().fold(0.0, f64::max);
    let how = format!(
        "peak {:.0} MB in its second half, {:.0} MB in its first",
        most(second) / 1e6,
        most(first) / 1e6
    );
    let what = "memory while history comes: second half ÷ first half";
    report.add(what, most(second) / most(first), Bound::AtMost(1.1), &how);

    let (median, late) = (at(&delays, 0.5), at(&delays, 0.99));
    let how = format!(
        "{} messages, median {median:.0} ms, from the phone's keyboard to the socket",
        delays.len()
    );
    let what = "p99 of live messages while history comes, ms";
    report.add(what, late, Bound::AtMost(100.0), &how);
}

/// Inserts what a database holds into another, batch by batch in the same order, and nothing else; messages a second.
async fn insert_again(url: &str) -> f64 {
    let from = db::connect(url, 1).await.unwrap();
    let order = Expr::cust("n");
    let texts = message_texts::Entity::find().order_by(order, Order::Asc);
    let texts = texts.all(&from).await.unwrap();
    let rows = messages::Entity::find().all(&from).await.unwrap();
    let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut batches = Vec::new();
    for texts in texts.chunks(BATCH) {
        let said = texts.iter().map(|text| rows.remove(&text.id).unwrap());
        batches.push((said.collect(), texts.to_vec()));
    }
    let count: usize = batches.iter().map(|(said, _): &Batch| said.len()).sum();
    let test = TestDb::migrated(Engine::Sqlite).await;
    let begun = Instant::now();
    for batch in batches {
        insert(&test.db, batch).await;
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

/// The value below which this part of them is.
fn at(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index is small and not negative"
    )]
    let index = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or(f64::NAN)
}
