//! The live socket of one session.

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::{Api, wait};

pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(super) async fn open(api: &Api, session: &str) -> Result<Self> {
        let (url, token) = api.socket(&format!("/ws/{session}"))?;
        let mut request = url.into_client_request()?;
        let bearer = format!("Bearer {token}").parse()?;
        request.headers_mut().insert("authorization", bearer);
        let (stream, _) = connect_async(request)
            .await
            .context("the socket was refused")?;
        Ok(Self(stream))
    }

    /// The next frame of type `kind`; one that ends the pairing is a failure.
    pub(super) async fn wait(&mut self, kind: &str) -> Result<Value> {
        wait(self.next_of(kind)).await?
    }

    async fn next_of(&mut self, kind: &str) -> Result<Value> {
        while let Some(frame) = self.0.next().await {
            let Message::Text(frame) = frame.context("the socket broke")? else {
                continue;
            };
            let frame: Value = serde_json::from_str(&frame)?;
            match frame["type"].as_str() {
                Some(found) if found == kind => return Ok(frame),
                Some("error" | "logged_out" | "qr_timeout") => {
                    bail!("the socket said {}: {}", frame["type"], frame["data"])
                }
                _ => {}
            }
        }
        bail!("the socket was closed before {kind} came")
    }
}
