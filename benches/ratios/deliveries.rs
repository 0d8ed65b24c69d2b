//! Deliveries a second against a plain client, healthy receivers next to black holes, and an outbox full of dead rows.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::{
    databases::{Engine, TestDb},
    report::{Bound, Report, median},
    rig::Part,
};

mod receiver;
mod stage;

pub(crate) use receiver::receive;
use stage::{Plan, Stage};

/// Requests at the same time, by us and by the plain client.
const AT_ONCE: usize = 64;
const ENDPOINTS: usize = 8;
const SESSIONS: usize = 16;
const EVENTS: usize = 1280;
const ROUNDS: usize = 5;

const MANY_ENDPOINTS: usize = 100;
const HEALTHY_SECONDS: u64 = 8;
const EVENTS_A_SECOND: u32 = 10;
const HOLE_ROUNDS: usize = 3;

const DEAD_ROWS: usize = 1_000_000;

/// The ratio to a plain client that keeps its connections and writes nothing down.
pub(crate) async fn run(report: &mut Report) {
    let mut receiver = Part::start(&["receiver"]);
    let url = receiver.hear();
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::MariaDb] {
        let test = TestDb::migrated(engine).await;
        let mut stage = Stage::new(&test.db, &vec![url.clone(); ENDPOINTS], SESSIONS).await;
        rate(&mut stage).await;
        plain(&url, EVENTS * ENDPOINTS).await;
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(plain(&url, EVENTS * ENDPOINTS).await);
            ours.push(rate(&mut stage).await);
        }
        let ratios = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare);
        let ratio = median(ratios.collect());
        let how = format!(
            "{:.0} ÷ {:.0} a second, {AT_ONCE} at once, median of {ROUNDS}",
            median(ours),
            median(bare)
        );
        let what = format!("deliveries a second ÷ a plain keep-alive client, {engine:?}");
        // The embedded database is what the bound is for; the servers add their own ways over the wire.
        if engine == Engine::Sqlite {
            report.add(&what, ratio, Bound::AtLeast(0.25), &how);
        } else {
            report.tell(&what, ratio, &how);
        }
    }
}

/// What receivers that never answer cost the others.
pub(crate) async fn holes(report: &mut Report) {
    let (mut ratios, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    latency(0).await;
    for _ in 0..HOLE_ROUNDS {
        let calm = latency(0).await;
        let holed = latency(1).await;
        ratios.push(holed / calm);
        with.push(holed);
        without.push(calm);
    }
    let how = format!(
        "{:.1} ÷ {:.1} ms from commit to receiver, {MANY_ENDPOINTS} receivers, 1 of them silent, {} deliveries a second, \
         SQLite, median of {HOLE_ROUNDS}",
        median(with),
        median(without),
        MANY_ENDPOINTS * EVENTS_A_SECOND as usize
    );
    report.add(
        "p99 of healthy receivers with 1 % black holes ÷ without",
        median(ratios),
        Bound::AtMost(1.2),
        &how,
    );
}

/// What a million rows that nobody wants any more cost the others.
pub(crate) async fn dead(report: &mut Report) {
    let mut receiver = Part::start(&["receiver"]);
    let urls = vec![receiver.hear(); ENDPOINTS];
    let (tidy, full) = (
        TestDb::migrated(Engine::Sqlite).await,
        TestDb::migrated(Engine::Sqlite).await,
    );
    let mut tidy_stage = Stage::new(&tidy.db, &urls, SESSIONS).await;
    let mut full_stage = Stage::new(&full.db, &urls, SESSIONS).await;
    full_stage.bury(DEAD_ROWS).await;
    rate(&mut tidy_stage).await;
    rate(&mut full_stage).await;
    let mut ratios = Vec::new();
    let (mut slow, mut fast) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let tidy = rate(&mut tidy_stage).await;
        let full = rate(&mut full_stage).await;
        ratios.push(tidy / full);
        slow.push(full);
        fast.push(tidy);
    }
    let how = format!(
        "{:.0} against {:.0} a second, SQLite, median of {ROUNDS}",
        median(slow),
        median(fast)
    );
    report.add(
        "time of a delivery with 1,000,000 dead rows ÷ without",
        median(ratios),
        Bound::AtMost(1.1),
        &how,
    );
}

/// Deliveries a second of a full outbox.
async fn rate(stage: &mut Stage) -> f64 {
    stage.queue(EVENTS).await;
    let mut dispatcher = stage.dispatcher(AT_ONCE);
    let begun = Instant::now();
    let stats = dispatcher.deliver_due().await.unwrap();
    let took = begun.elapsed();
    assert_eq!(stats.delivered, EVENTS * stage.endpoints());
    stats.delivered as f64 / took.as_secs_f64()
}

/// Requests a second of a client that does nothing else.
async fn plain(url: &str, count: usize) -> f64 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = stage::body();
    let begun = Instant::now();
    let mut lanes = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (client, body) = (client.clone(), body.clone());
        let url = url.to_owned();
        lanes.spawn(async move {
            for _ in 0..count / AT_ONCE {
                let request = client
                    .post(&url)
                    .header("content-type", "application/json")
                    .header("webhook-id", "evt_0190a2b4c6d87e6f8a1b2c3d4e5f6071")
                    .header("webhook-timestamp", "1700000000")
                    .header(
                        "webhook-signature",
                        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
                    )
                    .body(body.clone());
                let answer = request.send().await.unwrap();
                assert!(answer.status().is_success());
                answer.bytes().await.unwrap();
            }
        });
    }
    lanes.join_all().await;
    count as f64 / begun.elapsed().as_secs_f64()
}

/// The 99th percentile of milliseconds from the commit of an event to a healthy receiver, next to `holes` silent ones.
async fn latency(holes: usize) -> f64 {
    let healthy = receiver::Timing::start().await;
    let silent = receiver::Silent::start().await;
    let mut urls = vec![healthy.url(); MANY_ENDPOINTS - 1];
    // The last one is silent, or it is not measured.
    urls.push(if holes > 0 {
        silent.url()
    } else {
        healthy.unmeasured()
    });
    let test = TestDb::migrated(Engine::Sqlite).await;
    let mut stage = Stage::new(&test.db, &urls, SESSIONS).await;
    stage
        .play(&Plan {
            events_a_second: EVENTS_A_SECOND,
            lasts: Duration::from_secs(HEALTHY_SECONDS),
        })
        .await;
    let events = u64::from(EVENTS_A_SECOND) * HEALTHY_SECONDS;
    let wanted = usize::try_from(events).unwrap() * (MANY_ENDPOINTS - 1);
    let mut times = healthy.times();
    assert_eq!(times.len(), wanted, "healthy receivers got everything");
    times.sort_by(f64::total_cmp);
    times[times.len() * 99 / 100]
}
