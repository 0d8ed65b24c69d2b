//! A receiver of webhooks on loopback that answers from a script and remembers what it got.
//!
//! It speaks HTTP by hand, so that it can also break it: a reset, a drip, silence.

use std::{
    collections::VecDeque,
    fs::File,
    io::Write as _,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// What to answer to one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status with an empty body.
    Status(u16),
    /// A status with one header.
    Header(u16, &'static str, String),
    /// A status with a body.
    Body(u16, Vec<u8>),
    /// 200, after a while.
    Late(Duration),
    /// 200 and a body that comes byte by byte and never ends.
    Drip,
    /// Nothing, for as long as the sender waits.
    Silence,
    /// The connection is reset before an answer.
    Reset,
    /// 200 and half of the announced body, then a reset.
    ResetInBody,
    /// 200 in full, then a reset.
    ThenReset,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Debug)]
struct Script {
    next: Mutex<VecDeque<Reply>>,
    rest: Mutex<Reply>,
    seen: watch::Sender<Vec<Seen>>,
    /// Where each request is written, and synced, before it is answered.
    file: Mutex<Option<File>>,
}

/// A running receiver; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    script: Arc<Script>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Answers 200 to everything.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script {
            next: Mutex::default(),
            rest: Mutex::new(Reply::Status(200)),
            seen: watch::Sender::new(Vec::new()),
            file: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&script)));
        Self {
            address,
            script,
            _tasks: tasks,
        }
    }

    /// The next answers, in this order.
    pub(crate) fn answering(self, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.script.next.lock().unwrap().extend(replies);
        self
    }

    /// The answer to everything that the script does not name.
    pub(crate) fn always(self, reply: Reply) -> Self {
        *self.script.rest.lock().unwrap() = reply;
        self
    }

    /// Writes the body of each request into `file`, a line each, and syncs it before it answers.
    pub(crate) fn keeping(self, file: &Path) -> Self {
        let file = File::options().create(true).append(true).open(file);
        *self.script.file.lock().unwrap() = Some(file.unwrap());
        self
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Everything that came so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.seen.borrow().clone()
    }

    /// Waits until `count` requests have come.
    pub(crate) async fn has_seen(&self, count: usize) -> Vec<Seen> {
        let mut seen = self.script.seen.subscribe();
        let all = seen.wait_for(|seen| seen.len() >= count);
        tokio::time::timeout(Duration::from_secs(20), all)
            .await
            .expect("the requests did not come")
            .unwrap()
            .clone()
    }
}

impl Script {
    fn keep(&self, request: &Seen) {
        if let Some(file) = self.file.lock().unwrap().as_mut() {
            let line = format!(
                "{}\t{}\n",
                request.header("webhook-id"),
                String::from_utf8_lossy(&request.body)
            );
            file.write_all(line.as_bytes()).unwrap();
            file.sync_data().unwrap();
        }
    }
}

async fn accept(listener: TcpListener, script: Arc<Script>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(serve(stream, Arc::clone(&script)));
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        script.keep(&request);
        script.seen.send_modify(|seen| seen.push(request));
        let scripted = script.next.lock().unwrap().pop_front();
        let reply = scripted.unwrap_or_else(|| script.rest.lock().unwrap().clone());
        if !answer(&mut stream, reply).await {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    let head = loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            break buffer.drain(..end + 4).collect::<Vec<_>>();
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HeaderMap = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    while buffer.len() < length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let body = buffer.drain(..length).collect();
    Some(Seen {
        path,
        headers,
        body,
    })
}

/// Answers; tells whether the connection can take another request.
async fn answer(stream: &mut TcpStream, reply: Reply) -> bool {
    match reply {
        Reply::Status(status) => write(stream, status, "", b"").await,
        Reply::Header(status, name, value) => {
            write(stream, status, &format!("{name}: {value}\r\n"), b"").await
        }
        Reply::Body(status, body) => write(stream, status, "", &body).await,
        Reply::Late(wait) => {
            tokio::time::sleep(wait).await;
            write(stream, 200, "", b"").await
        }
        Reply::Drip => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
            let mut open = stream.write_all(head).await.is_ok();
            while open {
                tokio::time::sleep(Duration::from_millis(20)).await;
                open = stream.write_all(b".").await.is_ok();
            }
            false
        }
        Reply::Silence => {
            // Ends when the sender gives up.
            let mut nothing = [0];
            drop(stream.read(&mut nothing).await);
            false
        }
        Reply::Reset => {
            stream.set_zero_linger().unwrap();
            false
        }
        Reply::ThenReset => {
            write(stream, 200, "", b"").await;
            stream.set_zero_linger().unwrap();
            false
        }
        Reply::ResetInBody => {
            let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";
            drop(stream.write_all(half).await);
            stream.set_zero_linger().unwrap();
            false
        }
    }
}

async fn write(stream: &mut TcpStream, status: u16, header: &str, body: &[u8]) -> bool {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Scripted\r\n{header}content-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.is_ok() && stream.write_all(body).await.is_ok()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}
