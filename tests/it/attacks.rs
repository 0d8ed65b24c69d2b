//! What somebody would try on a service that stands in the internet: a file for each class of OWASP ASVS 5 that applies, each
//! test named after the promise that it tries to break. What other tests of a promise try already is not tried again here.

mod access;
mod encoding;
mod files;
mod frontend;
mod guessing;
mod http;
mod logging;
mod transport;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::processes::{DEADLINE, Wharf};

/// Nothing listens there: these attacks need no WhatsApp.
const NOWHERE: &str = "ws://127.0.0.1:9/ws/chat";

async fn served() -> (tempfile::TempDir, Wharf) {
    let folder = tempfile::tempdir().unwrap();
    let wharf = Wharf::start(folder.path(), NOWHERE).await;
    (folder, wharf)
}

/// Everything that the service says to these bytes until it hangs up.
async fn said_to(wharf: &Wharf, bytes: &[u8]) -> String {
    said_at(wharf.port(), bytes).await
}

async fn said_at(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut told = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut told))
        .await
        .expect("the connection is not closed")
        .unwrap();
    String::from_utf8_lossy(&told).into_owned()
}

/// How many answers there are in what was said.
fn answers(said: &str) -> usize {
    said.matches("HTTP/1.1 ").count()
}
