//! Streams of events: one session to many sockets, a long resume, and what readers cost that do not read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use entity::{
    events,
    ids::{EventId, SessionId, UserId},
    leases,
};
use futures_util::{SinkExt as _, StreamExt as _};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseConnection, EntityTrait as _, QueryFilter as _,
    sea_query::Expr,
};
use serde_json::json;
use tokio::{net::TcpStream, sync::watch, task::JoinSet};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, accept_async, connect_async, tungstenite::Message,
};
use wharf::db;

use crate::{
    report::{Bound, Report, median},
    rig::{Part, Rig, resident, settle, told},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const NUMBER: &str = "491700300001";
const FRIEND: &str = "491700300002";

const SOCKETS: usize = 1_000;
const MESSAGES: usize = 200;
const LENGTH: usize = 1_000;

const LOG: i64 = 10_000;
const ROUNDS: usize = 5;
/// As many entries as the service reads at once.
const PAGE: u64 = 500;

const DEAF: usize = 50;
/// More than the buffers of the line hold: those are the kernel's.
const FLOOD: usize = 1_000;
const FLOOD_LENGTH: usize = 16_000;
/// What may wait for one reader.
const QUEUE_BYTES: f64 = 512.0 * 1024.0;

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::start().await;
    resume(&rig, report).await;
    let session = rig.wharf.pair(&rig.sandbox, NUMBER).await;
    let path = format!("/ws/{session}?types=message");
    fan_out(&rig, &path, report).await;
    deaf(&rig, &path, report).await;
}

/// A socket that has been greeted.
async fn greeted(rig: &Rig, path: &str) -> Socket {
    let mut socket = rig.wharf.socket(path).await;
    socket.next().await.unwrap().unwrap();
    socket
}

/// The friend's phone writes so many texts of such a length.
async fn write(rig: &Rig, count: usize, length: usize) {
    let path = format!("/phones/{FRIEND}/messages");
    let text = "x".repeat(length);
    for _ in 0..count {
        let body = json!({"to": NUMBER, "text": text});
        rig.sandbox.call("POST", &path, body).await;
    }
}

/// Reads so many texts, and how long the last of them is.
async fn read(socket: &mut Socket, count: usize) -> usize {
    let (mut seen, mut length) = (0, 0);
    while seen < count {
        if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
            length = text.len();
            // The snapshot is not among what happens.
            seen += usize::from(!text.contains(r#""seq":null"#));
        }
    }
    length
}

/// Sockets that are read, and how many texts have come over all of them.
struct Readers {
    count: usize,
    told: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl Readers {
    fn of(sockets: Vec<Socket>) -> Self {
        let count = sockets.len();
        let (tell, told) = watch::channel(0);
        let seen = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for mut socket in sockets {
            let (tell, seen) = (tell.clone(), Arc::clone(&seen));
            tasks.spawn(async move {
                loop {
                    read(&mut socket, 1).await;
                    let seen = seen.fetch_add(1, Ordering::Relaxed) + 1;
                    if seen.is_multiple_of(count) {
                        tell.send_replace(seen);
                    }
                }
            });
        }
        Self {
            count,
            told,
            _tasks: tasks,
        }
    }

    /// How long [`MESSAGES`] take, each of which is written when all have read the one before.
    async fn rounds<F: Future>(&mut self, mut write: impl FnMut() -> F) -> f64 {
        let begun = Instant::now();
        for round in 1..=MESSAGES {
            write().await;
            let all = round * self.count;
            self.told.wait_for(|told| *told >= all).await.unwrap();
        }
        begun.elapsed().as_secs_f64()
    }
}

/// One message at a time, for both: a loop that writes without a pause is read many frames at once, and nobody chats like
/// that. What one socket costs is what the messages cost by themselves.
async fn fan_out(rig: &Rig, path: &str, report: &mut Report) {
    // The first pays for the Signal session.
    let mut one = greeted(rig, path).await;
    let (length, ()) = tokio::join!(read(&mut one, 8), write(rig, 8, LENGTH));
    let say = || write(rig, 1, LENGTH);
    let alone = Readers::of(vec![one]).rounds(say).await;
    let mut sockets = Vec::with_capacity(SOCKETS);
    while sockets.len() < SOCKETS {
        sockets.push(greeted(rig, path).await);
    }
    let all = Readers::of(sockets).rounds(say).await;
    let ours = fanned(all, alone);

    let (mut times, order) = (Vec::new(), length.to_string());
    for count in [1, SOCKETS] {
        let mut part = Part::start(&["bare-fan"]);
        let url = part.hear();
        let mut sockets = Vec::with_capacity(count);
        while sockets.len() < count {
            sockets.push(connect_async(&url).await.unwrap().0);
        }
        let say = || std::future::ready(part.ask(&order));
        times.push(Readers::of(sockets).rounds(say).await);
    }
    let bare = fanned(times[1], times[0]);
    report.add(
        "fan-out of one session: frames a second ÷ a raw tungstenite loop",
        ours / bare,
        Bound::AtLeast(0.6),
        &format!(
            "{ours:.0} ÷ {bare:.0} a second, {MESSAGES} messages of {length} bytes to {SOCKETS} sockets, one after the \
             other, less the time of one socket"
        ),
    );
}

/// Frames a second, from the time of all sockets and that of one.
fn fanned(all: f64, one: f64) -> f64 {
    (MESSAGES * (SOCKETS - 1)) as f64 / (all - one).max(f64::EPSILON)
}

/// The yardstick, in a process of its own: takes sockets, and for each line on its standard input writes a text of that
/// length to each of them in turn.
pub(crate) async fn fan() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    println!("ws://{}/", listener.local_addr().unwrap());
    let mut said = told();
    let mut sockets = Vec::new();
    loop {
        tokio::select! {
            taken = listener.accept() => {
                sockets.push(accept_async(taken.unwrap().0).await.unwrap());
            }
            length = said.recv() => {
                let Some(length) = length else { return };
                println!("going");
                let frame = Message::text("x".repeat(length.parse().unwrap()));
                for socket in &mut sockets {
                    socket.send(frame.clone()).await.unwrap();
                }
            }
        }
    }
}

async fn resume(rig: &Rig, report: &mut Report) {
    let made = rig.wharf.call("POST", "/v1/sessions", json!({})).await;
    let id = made["id"].as_str().unwrap();
    let session: SessionId = id.parse().unwrap();
    let owner: UserId = made["owner_id"].as_str().unwrap().parse().unwrap();
    let db = db::connect(&rig.database(), 2).await.unwrap();
    fill(&db, session, owner).await;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let mut socket = rig.wharf.socket(&format!("/ws/{id}?since=0")).await;
        read(&mut socket, usize::try_from(LOG).unwrap()).await;
        ours.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let mut after = 0;
        while after < LOG {
            let page = db::events::page(&db, session, after, &[], PAGE).await;
            after = page.unwrap().last().unwrap().seq;
        }
        bare.push(begun.elapsed().as_secs_f64());
    }
    let (ours, bare) = (median(ours), median(bare));
    report.add(
        "resume of 10,000 events over a socket: speed ÷ a bare read of them",
        bare / ours,
        Bound::AtLeast(0.5),
        &format!(
            "{:.0} ms ÷ {:.0} ms, SQLite, {PAGE} at once, median of {ROUNDS}",
            ours * 1000.0,
            bare * 1000.0
        ),
    );
}

async fn fill(db: &DatabaseConnection, session: SessionId, owner: UserId) {
    let data = json!({"message_id": "3EB0", "text": {"body": "x".repeat(200)}}).to_string();
    let tx = db::begin(db).await.unwrap();
    for start in (1..=LOG).step_by(500) {
        let rows = (start..start + 500).map(|seq| events::Model {
            session_id: session,
            seq,
            id: EventId::new(),
            owner_id: owner,
            event_type: "message".into(),
            payload: data.clone(),
            created_at: 1_800_000_000_000,
        });
        let mut script = db::Script::new(tx.get_database_backend());
        db::events::insert(&mut script, rows.collect());
        assert!(script.run(&tx).await.unwrap());
    }
    leases::Entity::update_many()
        .col_expr(leases::Column::LastSeq, Expr::value(LOG))
        .filter(leases::Column::LeaseKey.eq(session.uuid()))
        .exec(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn deaf(rig: &Rig, path: &str, report: &mut Report) {
    let mut hears = greeted(rig, path).await;
    // As many before as after, so that what the messages themselves leave behind is there already.
    tokio::join!(read(&mut hears, FLOOD), write(rig, FLOOD, FLOOD_LENGTH));
    let mut sockets = Vec::with_capacity(DEAF);
    while sockets.len() < DEAF {
        sockets.push(greeted(rig, path).await);
    }
    settle().await;
    let before = resident(rig.wharf.id());
    let flood = async {
        tokio::join!(read(&mut hears, FLOOD), write(rig, FLOOD, FLOOD_LENGTH));
    };
    // Those that do not read are closed in the end; what counts is how far it grows until then.
    let mut most = before;
    let mut look = tokio::time::interval(Duration::from_millis(100));
    tokio::pin!(flood);
    loop {
        tokio::select! {
            () = &mut flood => break,
            _ = look.tick() => most = most.max(resident(rig.wharf.id())),
        }
    }
    let each = (most - before) / DEAF as f64;
    drop(sockets);
    report.add(
        "memory of a reader that does not read ÷ what may wait for it",
        each / QUEUE_BYTES,
        Bound::AtMost(1.1),
        &format!(
            "{:.0} KB ÷ {:.0} KB, {DEAF} readers, {FLOOD} messages of {FLOOD_LENGTH} bytes",
            each / 1000.0,
            QUEUE_BYTES / 1000.0
        ),
    );
}
