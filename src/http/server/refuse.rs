//! A refusal that reaches the client.
//!
//! Owns the answer of a service that is full. Closing at once would be cheaper, but the reset that follows from
//! unread bytes destroys the answer on its way.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
};

use super::held::Full;

/// How long a refused client may take to read its answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers 503 and hangs up. `_farewell` is held meanwhile: refusals are few at a time.
pub(super) async fn politely(mut stream: TcpStream, full: Full, _farewell: OwnedSemaphorePermit) {
    let body = format!(
        "{{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\
         \"code\":\"too_many_connections\",\"detail\":\"{full}\"}}"
    );
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let farewell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    // A client that is gone or does not read has no use for the answer.
    if !matches!(tokio::time::timeout(PATIENCE, farewell).await, Ok(Ok(()))) {
        tracing::debug!("a refused client did not read its answer");
    }
}
