//! HTTP for the client under test: media addresses say `https`, and the sandbox serves them on loopback without TLS.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};

pub(crate) struct Loopback;

#[whatsapp_rust::async_trait]
impl HttpClient for Loopback {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let (status_code, body) = send(
            &request.method,
            &request.url,
            request.body.as_deref().unwrap_or_default(),
        )
        .await?;
        Ok(HttpResponse { status_code, body })
    }
}

/// One request on one connection: `https://host:port/path`.
pub(crate) async fn send(method: &str, url: &str, body: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n");
    let end = end.ok_or_else(|| anyhow::anyhow!("an answer without an end of its head"))?;
    let status = std::str::from_utf8(&answer[..end])?
        .split(' ')
        .nth(1)
        .unwrap_or_default();
    Ok((status.parse()?, answer[end + 4..].to_vec()))
}
