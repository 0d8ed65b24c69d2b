//! What an idle socket costs, against an echo of bare axum.

use axum::{
    Router,
    extract::ws::{WebSocket, WebSocketUpgrade},
    routing::get,
};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio_tungstenite::connect_async;

use crate::{
    report::{Bound, Report},
    rig::{Part, Rig, resident, settle},
};

const FEW: usize = 100;
const MANY: usize = 1100;
const ECHO_BUFFER_BYTES: usize = 4096;

pub(crate) async fn run(report: &mut Report) {
    let rig = Rig::start().await;
    let session = rig.wharf.call("POST", "/v1/sessions", json!({})).await;
    let path = format!("/ws/{}", session["id"].as_str().unwrap());
    let mut sockets = Vec::new();
    while sockets.len() < FEW {
        let mut socket = rig.wharf.socket(&path).await;
        // The greeting.
        socket.next().await.unwrap().unwrap();
        sockets.push(socket);
    }
    settle().await;
    let few = resident(rig.wharf.id());
    while sockets.len() < MANY {
        let mut socket = rig.wharf.socket(&path).await;
        // The greeting.
        socket.next().await.unwrap().unwrap();
        sockets.push(socket);
    }
    settle().await;
    let ours = (resident(rig.wharf.id()) - few) / (MANY - FEW) as f64;
    drop(sockets);

    let mut part = Part::start(&["bare-echo"]);
    let url = part.hear();
    let mut sockets = Vec::new();
    while sockets.len() < FEW {
        sockets.push(connect_async(&url).await.unwrap());
    }
    settle().await;
    let few = resident(part.pid());
    while sockets.len() < MANY {
        sockets.push(connect_async(&url).await.unwrap());
    }
    settle().await;
    let bare = (resident(part.pid()) - few) / (MANY - FEW) as f64;
    report.add(
        "resident memory of an idle socket ÷ a bare axum echo",
        ours / bare,
        Bound::AtMost(2.0),
        &format!(
            "{:.1} KB ÷ {:.1} KB, {FEW} → {MANY} sockets, the echo with buffers of 4 KiB",
            ours / 1000.0,
            bare / 1000.0
        ),
    );
}

/// The yardstick, in a process of its own; says its address and then serves until it is killed.
pub(crate) async fn echo() {
    let upgrade = |upgrade: WebSocketUpgrade| async {
        upgrade
            .read_buffer_size(ECHO_BUFFER_BYTES)
            .write_buffer_size(ECHO_BUFFER_BYTES)
            .on_upgrade(|mut socket: WebSocket| async move {
                while let Some(Ok(message)) = socket.next().await {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
            })
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    println!("ws://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", get(upgrade));
    axum::serve(listener, router).await.unwrap();
}
