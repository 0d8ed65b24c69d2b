//! A live socket.

use anyhow::{Context, Result};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::Api;

pub(in crate::cli) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens `path` (`/ws/…`).
    pub(in crate::cli) async fn open(api: &Api, path: &str) -> Result<Self> {
        let (url, token) = api.socket(path)?;
        let mut request = url.into_client_request()?;
        let bearer = format!("Bearer {token}").parse()?;
        request.headers_mut().insert("authorization", bearer);
        let (stream, _) = connect_async(request)
            .await
            .context("the socket was refused")?;
        Ok(Self(stream))
    }

    /// The next frame; none when the other end has closed. Dropping the future loses nothing.
    pub(in crate::cli) async fn next(&mut self) -> Result<Option<Value>> {
        while let Some(frame) = self.0.next().await {
            match frame.context("the socket broke")? {
                Message::Text(frame) => return Ok(Some(serde_json::from_str(&frame)?)),
                Message::Close(_) => return Ok(None),
                _ => {}
            }
        }
        Ok(None)
    }
}
