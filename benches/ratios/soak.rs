//! A hundred sessions that get a hundred messages a second between them, for ten minutes: what that leaves in memory.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use serde_json::json;

use crate::{
    bare::LINKING,
    report::{Bound, Report},
    rig::{Rig, resident},
};

const SESSIONS: usize = 100;
const FIRST_NUMBER: u64 = 491_700_100_001;
const FRIEND: &str = "491700200011";
/// Between two messages.
const EVERY: Duration = Duration::from_millis(10);
const MINUTES: usize = 10;
/// Between two looks at the memory.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::start().await;
    let numbers: Vec<String> = (0..SESSIONS as u64)
        .map(|index| (FIRST_NUMBER + index).to_string())
        .collect();
    let linking = stream::iter(&numbers).map(|number| rig.wharf.pair(&rig.sandbox, number));
    linking.buffer_unordered(LINKING).collect::<Vec<_>>().await;

    let begun = Instant::now();
    let end = begun + Duration::from_mins(MINUTES as u64);
    let writing = async {
        let mut ticks = tokio::time::interval(EVERY);
        let mut count = 0;
        while Instant::now() < end {
            ticks.tick().await;
            let to = &numbers[count % SESSIONS];
            let body = json!({"to": to, "text": format!("text {count}")});
            let path = format!("/phones/{FRIEND}/messages");
            rig.sandbox.call("POST", &path, body).await;
            count += 1;
        }
        count
    };
    let looking = async {
        let mut minutes = vec![Vec::new(); MINUTES];
        while Instant::now() < end {
            let minute = begun.elapsed().as_secs() / 60;
            let minute = usize::try_from(minute).unwrap().min(MINUTES - 1);
            minutes[minute].push(resident(rig.wharf.id()));
            tokio::time::sleep(LOOK_EVERY).await;
        }
        minutes
    };
    let (count, minutes) = tokio::join!(writing, looking);
    let mean = |minute: usize| {
        let looks = &minutes[minute];
        looks.iter().sum::<f64>() / looks.len() as f64
    };
    let (third, last) = (mean(2), mean(MINUTES - 1));
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    let how = format!(
        "{:.0} ÷ {:.0} MB, {SESSIONS} sessions, {rate:.0} messages a second altogether, {MINUTES} minutes",
        last / 1e6,
        third / 1e6
    );
    let what = "memory under load: last minute ÷ third minute";
    report.add(what, last / third, Bound::AtMost(1.05), &how);
}
