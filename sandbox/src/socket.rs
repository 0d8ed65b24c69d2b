//! One client's socket: handshake, then a reader that feeds the hub and a writer that empties a channel.
//!
//! Both run inside one future, so neither outlives the other. The writer owns the sending cipher and its counter:
//! the order in the channel is the order on the wire.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use wacore_binary::{OwnedNodeRef, consts::WA_CONN_HEADER, util::unpack_bytes};
use wacore_noise::NoiseCipher;
use wacore_noise::framing::{FrameDecoder, encode_frame};

use crate::areas;
use crate::hub::Hub;
use crate::noise::{self, Established, Hello};
use crate::world::live::{CHANNEL_FRAMES, ConnId, Out};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);
/// A socket that takes no bytes for this long is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a client that is sent away may take to go. Closing on what it still writes would reset the connection, and
/// with that take back what it was told last.
const LINGER: Duration = Duration::from_secs(5);

/// Why a socket ended, for the log.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the client closed")]
    Closed,
    #[error("the client does not start with WA{}{}", WA_CONN_HEADER[2], WA_CONN_HEADER[3])]
    NotWhatsApp,
    #[error("a frame that does not decrypt or decode")]
    BadFrame,
    #[error("the client takes no bytes")]
    Stalled,
    #[error("cut by a fault")]
    Cut,
    #[error(transparent)]
    Handshake(#[from] noise::NoiseRefusal),
    #[error("the handshake took too long")]
    HandshakeTimeout,
    #[error(transparent)]
    Stopped(#[from] crate::hub::Stopped),
}

/// Serves one socket until either side ends it.
pub(crate) async fn serve(hub: Hub, socket: WebSocket, stop: CancellationToken) {
    if let Err(ended) = run(&hub, socket, &stop).await {
        tracing::debug!(reason = %ended, "a socket ended");
    }
}

async fn run(hub: &Hub, socket: WebSocket, stop: &CancellationToken) -> Result<(), Ended> {
    let (mut sink, stream) = socket.split();
    let mut reader = Reader {
        stream,
        frames: FrameDecoder::new(),
        started: false,
    };
    let established = tokio::select! {
        established = handshake(hub, &mut sink, &mut reader) => established?,
        () = tokio::time::sleep(HANDSHAKE_TIMEOUT) => return Err(Ended::HandshakeTimeout),
        () = stop.cancelled() => return Ok(()),
    };

    // Bounded: when it is full the world drops the sender, and the writer ends.
    let (tx, rx) = mpsc::channel(CHANNEL_FRAMES);
    let more = Arc::new(Notify::new());
    let conn = hub.open(tx, Arc::clone(&more), &established)?;
    let Established { send, receive, .. } = established;
    let writer = Writer {
        hub,
        conn,
        sink,
        cipher: send,
        rx,
        more,
    };
    let ended = tokio::select! {
        ended = read(hub, conn, &mut reader, receive) => ended,
        ended = writer.run() => ended,
        () = stop.cancelled() => Ok(()),
    };
    hub.closed(conn)?;
    if ended.is_ok() {
        tokio::select! {
            () = reader.until_gone() => {}
            () = tokio::time::sleep(LINGER) => {}
            () = stop.cancelled() => {}
        }
    }
    ended
}

async fn handshake(
    hub: &Hub,
    sink: &mut SplitSink<WebSocket, Message>,
    reader: &mut Reader,
) -> Result<Established, Ended> {
    let hello = reader.frame().await?;
    match noise::answer(hub.keys(), hub.ephemeral()?, &hello)? {
        Hello::Done { hello, established } => {
            write(sink, &hello).await?;
            Ok(*established)
        }
        Hello::AwaitFinish { hello, pending } => {
            write(sink, &hello).await?;
            let finish = reader.frame().await?;
            Ok(pending.finish(&finish)?)
        }
    }
}

async fn read(
    hub: &Hub,
    conn: ConnId,
    reader: &mut Reader,
    cipher: NoiseCipher,
) -> Result<(), Ended> {
    let mut counter = 0;
    loop {
        let mut frame = reader.frame().await?;
        cipher
            .decrypt_in_place_with_counter(counter, &mut frame)
            .map_err(|_| Ended::BadFrame)?;
        counter += 1;
        let body = unpack_bytes(frame).map_err(|_| Ended::BadFrame)?;
        let node = OwnedNodeRef::new(body)
            .map_err(|_| Ended::BadFrame)?
            .to_owned_node();
        tracing::trace!(conn = conn.0, stanza = ?node, "in");
        for order in hub.stanza(conn, &node)? {
            areas::history::tell(hub, order).await?;
        }
    }
}

struct Writer<'a> {
    hub: &'a Hub,
    conn: ConnId,
    sink: SplitSink<WebSocket, Message>,
    cipher: NoiseCipher,
    rx: mpsc::Receiver<Out>,
    more: Arc<Notify>,
}

impl Writer<'_> {
    async fn run(mut self) -> Result<(), Ended> {
        let mut counter = 0;
        loop {
            // What is in the channel goes first; only when it is empty the queue is asked for more.
            let out = tokio::select! {
                biased;
                out = self.rx.recv() => out,
                () = self.more.notified() => {
                    self.hub.with(|world| world.flush_more(self.conn))?;
                    continue;
                }
            };
            let frame = match out {
                Some(Out::Frame(frame)) => frame,
                Some(Out::Late(frame, moment)) => {
                    tokio::time::sleep_until(moment).await;
                    frame
                }
                Some(Out::Cut) => return Err(Ended::Cut),
                Some(Out::Close) | None => break,
            };
            let sealed = self
                .cipher
                .encrypt_with_counter(counter, &frame)
                .map_err(|_| Ended::BadFrame)?;
            counter += 1;
            write(&mut self.sink, &sealed).await?;
        }
        let closing = self.sink.close();
        match tokio::time::timeout(WRITE_TIMEOUT, closing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Ended::Closed),
            Err(_) => Err(Ended::Stalled),
        }
    }
}

async fn write(sink: &mut SplitSink<WebSocket, Message>, payload: &[u8]) -> Result<(), Ended> {
    let frame = encode_frame(payload, None).map_err(|_| Ended::BadFrame)?;
    match tokio::time::timeout(WRITE_TIMEOUT, sink.send(Message::Binary(frame.into()))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Ended::Closed),
        Err(_) => Err(Ended::Stalled),
    }
}

/// Turns WebSocket messages into frames; skips the routing preamble and the `WA` header once.
struct Reader {
    stream: SplitStream<WebSocket>,
    frames: FrameDecoder,
    started: bool,
}

impl Reader {
    /// Reads on, and takes nothing in, until the client has closed.
    async fn until_gone(&mut self) {
        while let Some(Ok(_)) = self.stream.next().await {}
    }

    async fn frame(&mut self) -> Result<bytes::BytesMut, Ended> {
        loop {
            if let Some(frame) = self.frames.decode_frame() {
                return Ok(frame);
            }
            let data = match self.stream.next().await {
                Some(Ok(Message::Binary(data))) => data,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Text(_))) => return Err(Ended::NotWhatsApp),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Ended::Closed),
            };
            if self.started {
                self.frames.feed(&data);
            } else {
                self.frames
                    .feed(after_intro(&data).ok_or(Ended::NotWhatsApp)?);
                self.started = true;
            }
        }
    }
}

/// `[ED 00 01 length:3 routing]? WA version dictionary`, all in the first message.
fn after_intro(data: &[u8]) -> Option<&[u8]> {
    let data = match data.strip_prefix(b"ED\x00\x01") {
        Some(rest) => {
            let (length, rest) = rest.split_first_chunk::<3>()?;
            let length = length.iter().fold(0, |n, b| (n << 8) | usize::from(*b));
            rest.get(length..)?
        }
        None => data,
    };
    data.strip_prefix(WA_CONN_HEADER.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_intro_is_skipped_with_and_without_routing() {
        assert_eq!(after_intro(b"WA\x06\x03rest"), Some(b"rest".as_slice()));
        let routed = b"ED\x00\x01\x00\x00\x02xxWA\x06\x03rest";
        assert_eq!(after_intro(routed), Some(b"rest".as_slice()));
    }

    #[test]
    fn anything_else_is_no_client() {
        assert_eq!(after_intro(b"GET / HTTP/1.1"), None);
        assert_eq!(after_intro(b"ED\x00\x01\x00\x00\xffx"), None);
    }
}
