//! A picture of 10 MB: what it takes to send one against a bare client's upload, and the memory that it takes against that of a copy.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use axum::{Router, body::Body, routing::post};
use futures_util::{StreamExt as _, TryStreamExt as _};
use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};
use reqwest::multipart::{Form, Part as Piece};
use serde_json::{Value, json};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _};
use tokio_util::io::ReaderStream;

use crate::{
    bare::Bare,
    processes::client,
    report::{Bound, Report, median},
    rig::{Part, Rig, resident, settle},
};

const OURS: &str = "491700200001";
const BARE: &str = "491700200002";
const FRIEND: &str = "491700200011";
const WIDTH: u32 = 3200;
const HEIGHT: u32 = 2400;
/// Pictures of a round, one after the other.
const PICTURES: usize = 5;
const ROUNDS: usize = 5;
/// How often the most memory is looked for.
const PEAKS: usize = 5;
/// How often memory is looked at.
const EVERY: Duration = Duration::from_millis(2);

/// A child: takes a body into a file, and sends it on from there, to itself.
pub(crate) async fn copy() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    println!("{port}");
    let sink = format!("http://127.0.0.1:{port}/sink");
    let http = client();
    let take = async move |body: Body| {
        let mut file = tokio::fs::File::from_std(tempfile::tempfile().unwrap());
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            file.write_all(&piece.unwrap()).await.unwrap();
        }
        file.flush().await.unwrap();
        file.rewind().await.unwrap();
        let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(file, 256 * 1024));
        http.post(&sink).body(body).send().await.unwrap();
    };
    let drain = async |body: Body| {
        let read = body
            .into_data_stream()
            .try_fold(0, async |sum, piece| Ok(sum + piece.len()));
        read.await.unwrap().to_string()
    };
    let router = Router::new()
        .route("/", post(take))
        .route("/sink", post(drain))
        .layer(axum::extract::DefaultBodyLimit::disable());
    axum::serve(listener, router).await.unwrap();
}

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::start().await;
    let session = rig.wharf.pair(&rig.sandbox, OURS).await;
    let bare = Bare::pair(&rig.sandbox.url, &rig.sandbox.control(), BARE).await;
    let picture = picture();
    let megabytes = picture.len() as f64 / 1e6;
    settle().await;

    let ours = async || send(&rig, &session, &put(&rig, &session, &picture).await).await;
    let upload = async || bare.upload(picture.clone()).await;
    // The first of each warms up.
    ours().await;
    upload().await;
    let stored = put(&rig, &session, &picture).await;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let whole = rate(&ours).await;
        let sent = rate(&async || send(&rig, &session, &stored).await).await;
        rounds.push([whole, sent, rate(&upload).await]);
    }
    let middle = |of: fn(&[f64; 3]) -> f64| median(rounds.iter().map(of).collect());
    let (whole, sent, bare) = (
        middle(|one| one[0]),
        middle(|one| one[1]),
        middle(|one| one[2]),
    );
    let how = format!(
        "{sent:.1} ÷ {bare:.1} a second of {megabytes:.1} MB, one after the other, median of {ROUNDS}"
    );
    let what = "pictures of 10 MB sent, one that is here ÷ a bare client's upload";
    report.add(
        what,
        middle(|one| one[1] / one[2]),
        Bound::AtLeast(0.8),
        &how,
    );
    let how = format!("{whole:.1} ÷ {bare:.1} a second, the same");
    let what = "pictures of 10 MB taken in over REST and sent ÷ a bare client's upload";
    report.tell(what, middle(|one| one[0] / one[2]), &how);

    let http = client();
    let mut peaks = Vec::new();
    for _ in 0..PEAKS {
        let of_ours = peak(rig.wharf.id(), &ours).await;
        // A new one each time: what it has freed it gives back only while it works, so at rest it keeps what it took before.
        let mut part = Part::start(&["bare-copy"]);
        let copier = format!("http://127.0.0.1:{}/", part.hear());
        let copied = async |bytes: Vec<u8>| {
            let sent = http.post(&copier).body(bytes).send().await;
            assert!(sent.unwrap().status().is_success());
        };
        copied(picture[..1_000].to_vec()).await;
        let of_copy = peak(part.pid(), &async || copied(picture.clone()).await).await;
        peaks.push((of_ours, of_copy));
    }
    let how = format!(
        "{:.1} ÷ {:.1} MB above idle, {PICTURES} one after the other, median of {PEAKS}",
        median(peaks.iter().map(|peak| peak.0).collect()) / 1e6,
        median(peaks.iter().map(|peak| peak.1).collect()) / 1e6
    );
    let what = "memory while pictures of 10 MB are taken in and sent ÷ while they are copied";
    let ratio = median(peaks.iter().map(|(ours, copy)| ours / copy).collect());
    report.add(what, ratio, Bound::AtMost(2.0), &how);
}

/// A photograph of noise: nothing of it is easy to press.
fn picture() -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    let pixels: Vec<u8> = (0..WIDTH * HEIGHT * 3).map(|_| noise()).collect();
    let mut picture = Vec::new();
    JpegEncoder::new_with_quality(&mut picture, 72)
        .encode(&pixels, WIDTH, HEIGHT, ExtendedColorType::Rgb8)
        .unwrap();
    picture
}

async fn put(rig: &Rig, session: &str, picture: &[u8]) -> Value {
    let piece = Piece::bytes(picture.to_vec()).file_name("photo.jpg");
    let call = client()
        .post(rig.wharf.url(&format!("/v1/sessions/{session}/media")))
        .bearer_auth(rig.wharf.token())
        .multipart(Form::new().part("file", piece));
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let stored: Value = answer.json().await.unwrap();
    stored["id"].clone()
}

async fn send(rig: &Rig, session: &str, media: &Value) {
    let body = json!({"to": FRIEND, "type": "image", "image": {"media": {"media_id": media}}});
    let path = format!("/v1/sessions/{session}/messages");
    let sent = rig.wharf.call("POST", &path, body).await;
    assert_eq!(sent["status"], "sent", "{sent}");
}

async fn rate(work: &impl AsyncFn()) -> f64 {
    let begun = Instant::now();
    for _ in 0..PICTURES {
        work().await;
    }
    PICTURES as f64 / begun.elapsed().as_secs_f64()
}

/// How many bytes more the process has than before, at most, while it does the work.
async fn peak(pid: u32, work: &impl AsyncFn()) -> f64 {
    settle().await;
    let idle = resident(pid);
    // Ends when its sender is gone.
    let (working, ended) = mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let mut most = 0.0_f64;
        while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            most = most.max(resident(pid) - idle);
        }
        most
    });
    rate(work).await;
    drop(working);
    watch.join().unwrap()
}
