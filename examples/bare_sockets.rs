//! The yardstick of `scripts/autobahn.sh`: sockets of bare axum, with nothing set.
//!
//! `/echo` sends back what it hears. `/mute` says one thing and answers nothing, as the service's own sockets do.

use std::io::Write as _;

use axum::{
    Router,
    extract::ws::{Message, WebSocket, WebSocketUpgrade},
    routing::get,
};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let router = Router::new()
        .route(
            "/echo",
            get(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(echo)),
        )
        .route(
            "/mute",
            get(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(mute)),
        );
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    // Its port, for who has started it.
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    axum::serve(listener, router).await
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_) | Message::Binary(_))
            && socket.send(message).await.is_err()
        {
            return;
        }
    }
}

async fn mute(mut socket: WebSocket) {
    if socket.send(Message::Text("hello".into())).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}
