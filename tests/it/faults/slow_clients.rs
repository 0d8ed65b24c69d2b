//! Clients that begin and do not go on.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::processes::{DEADLINE, Wharf};

const NOWHERE: &str = "ws://127.0.0.1:9/ws/chat";

/// A service that waits for nobody for long.
async fn impatient(folder: &std::path::Path) -> Wharf {
    let mut wharf = Wharf::at(folder, NOWHERE)
        .env("WHARF_HTTP__HEADER_TIMEOUT_MS", "500")
        .env("WHARF_HTTP__BODY_TIMEOUT_MS", "500");
    wharf.up().await;
    wharf
}

async fn connect(wharf: &Wharf) -> TcpStream {
    TcpStream::connect(("127.0.0.1", wharf.port()))
        .await
        .unwrap()
}

/// Everything that comes until the service hangs up.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes)).await;
    // A reset after the answer ends it as well.
    drop(read.expect("the connection is not closed"));
    String::from_utf8(bytes).unwrap()
}

fn begun(wharf: &Wharf) -> String {
    format!(
        "POST /v1/sessions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 20\r\n\r\n",
        wharf.token()
    )
}

#[tokio::test]
async fn a_half_sent_head_is_cut_off_and_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let mut wharf = impatient(folder.path()).await;
    let mut half = connect(&wharf).await;
    half.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\nx-slow: ")
        .await
        .unwrap();
    wharf.ready().await;
    let told = rest(&mut half).await;
    assert!(
        told.is_empty() || told.starts_with("HTTP/1.1 408"),
        "{told}"
    );
    wharf.ready().await;
}

#[tokio::test]
async fn a_slow_body_is_answered_with_408_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut wharf = impatient(folder.path()).await;
    let mut silent = connect(&wharf).await;
    silent.write_all(begun(&wharf).as_bytes()).await.unwrap();
    let mut dripping = connect(&wharf).await;
    dripping.write_all(begun(&wharf).as_bytes()).await.unwrap();
    let (mut answers, mut drops) = dripping.into_split();
    let dripped = async {
        // A byte now and then does not buy more time.
        while drops.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answered = async {
        let mut head = vec![0; 12];
        answers.read_exact(&mut head).await.unwrap();
        String::from_utf8(head).unwrap()
    };
    let told = tokio::select! {
        told = answered => told,
        () = dripped => panic!("it was cut off without an answer"),
    };
    assert_eq!(told, "HTTP/1.1 408");
    let told = rest(&mut silent).await;
    assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    assert!(told.contains("application/problem+json"), "{told}");
    assert!(told.contains("\"code\":\"request_timeout\""), "{told}");
    wharf.ready().await;
    let sessions = wharf
        .call("GET", "/v1/sessions", serde_json::Value::Null)
        .await;
    assert_eq!(sessions["data"].as_array().unwrap().len(), 0);
}
