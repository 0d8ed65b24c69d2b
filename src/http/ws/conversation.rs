//! One open socket: greeting, snapshot, log, live, until either side ends it.
//!
//! What is here already leaves together; nothing is fetched before it has left. A reader that is slow is read for from the
//! log; one that takes nothing for ten seconds is closed with the number it has reached. One timer serves heartbeat,
//! deadline and expiry.

use std::{pin::pin, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use entity::{enums::SessionState, ids::SessionId};
use futures_util::SinkExt as _;
use tokio::time::{Instant, timeout};

use super::{
    super::{
        Api,
        live::{Ending, Slot},
    },
    close::{CLOSE_WITHIN, Close},
    frames,
    pulse::{Heartbeat, Ring, Talk},
};
use crate::{
    domain::clock::SharedClock,
    service::{
        Ctx, Error,
        event_log::Bounds,
        feed::{Feed, Told, Wanted},
        sessions::Sessions,
    },
};

/// How long a frame may take to leave before nothing live is kept for the reader.
const SLOW_AFTER: Duration = Duration::from_millis(250);

/// Frames that leave together; then it is looked at what else there is to do.
const TOGETHER: usize = 64;

/// What a socket opens with.
#[derive(Debug)]
pub(super) enum Opening {
    /// One session.
    One {
        /// Which.
        session: SessionId,
        /// What its log holds.
        bounds: Bounds,
        /// Where it resumes, or starts live.
        reached: i64,
    },
    /// All of one's own that are wanted: each with what it was shown as.
    All(Vec<(SessionId, SessionState, Bounds)>),
}

/// One open socket and what it hears.
#[derive(Debug)]
pub(super) struct Conversation {
    ctx: Ctx,
    sessions: Sessions,
    clock: SharedClock,
    feed: Feed,
    wanted: Wanted,
    ending: Ending,
    /// How long one frame may take to leave.
    stall: Duration,
    /// The last number that was sent, for the close; of one session alone.
    last_seq: Option<i64>,
    _slot: Slot,
}

impl Conversation {
    pub(super) fn new(
        api: &Api,
        ctx: Ctx,
        feed: Feed,
        wanted: Wanted,
        (ending, slot): (Ending, Slot),
    ) -> Self {
        Self {
            ending,
            sessions: api.sessions.clone(),
            clock: api.clock.clone(),
            ctx,
            feed,
            wanted,
            stall: api.settings.live.write_stall,
            last_seq: None,
            _slot: slot,
        }
    }

    pub(super) async fn run(mut self, mut socket: WebSocket, opening: Opening) {
        let close = match Box::pin(self.open(&mut socket, opening)).await {
            Ok(()) => self.converse(&mut socket).await,
            Err(close) => close,
        };
        if let Some(frame) = close.frame(self.last_seq) {
            let within = close.patience();
            drop(timeout(within, Box::pin(say_goodbye(socket, frame))).await);
        }
    }

    /// Greets; plays what the feed has to catch up with; then shows where things are.
    async fn open(&mut self, socket: &mut WebSocket, opening: Opening) -> Result<(), Close> {
        let now = self.clock.now_ms();
        match opening {
            Opening::One {
                session,
                bounds,
                reached,
            } => {
                let reference = session.to_string();
                let (view, live) = self.sessions.watch(&self.ctx, &reference).await?;
                let state = live.map_or(view.state, |live| live.borrow().phase.state());
                self.last_seq = Some(reached);
                let hello = frames::hello(now, session, state, bounds)?;
                self.send(socket, hello.into()).await?;
                self.replay(socket).await?;
                self.show(socket, session).await
            }
            Opening::All(sessions) => {
                let hello = frames::hello_all(now, &sessions)?;
                self.send(socket, hello.into()).await?;
                self.replay(socket).await?;
                for (session, ..) in sessions {
                    self.show(socket, session).await?;
                }
                Ok(())
            }
        }
    }

    async fn replay(&mut self, socket: &mut WebSocket) -> Result<(), Close> {
        loop {
            let next = tokio::select! {
                biased;
                end = self.ending.falls() => return Err(end.into()),
                next = self.feed.past() => next?,
            };
            let Some(told) = next else {
                return Ok(());
            };
            self.give(socket, told, Feed::read_already).await?;
        }
    }

    async fn show(&mut self, socket: &mut WebSocket, session: SessionId) -> Result<(), Close> {
        let Some(live) = self.sessions.follow(session) else {
            return Ok(());
        };
        let snapshot = live.borrow().clone();
        let wanted = |kind: &str| self.wanted.kind(kind);
        for frame in frames::snapshot(self.clock.now_ms(), session, &snapshot, wanted)? {
            self.send(socket, frame.into()).await?;
        }
        Ok(())
    }

    async fn converse(&mut self, socket: &mut WebSocket) -> Close {
        let mut heartbeat = Heartbeat::new(Instant::now(), self.ending.expires());
        let mut talk = Talk::new(Instant::now());
        let timer = tokio::time::sleep_until(heartbeat.due());
        tokio::pin!(timer);
        loop {
            let done = tokio::select! {
                biased;
                end = self.ending.cut() => Err(end.into()),
                heard = socket.recv() => {
                    let now = Instant::now();
                    heartbeat.heard(now);
                    if talk.is_too_much(now) {
                        Err(Close::Chatty)
                    } else {
                        self.answer(socket, heard).await
                    }
                }
                () = &mut timer => match heartbeat.ring(Instant::now()) {
                    Ring::Ping => self.send(socket, Message::Ping(axum::body::Bytes::new())).await,
                    Ring::Early => Ok(()),
                    Ring::Silent => Err(Close::Gone),
                    Ring::Expired => Err(Close::Expired),
                },
                next = self.feed.next() => match next {
                    // Boxed: an idle socket is not giving anything.
                    Ok(Some(told)) => Box::pin(self.give(socket, told, Feed::at_hand)).await,
                    Ok(None) => Err(Close::Drain),
                    Err(error) => Err(error.into()),
                },
            };
            if let Err(close) = done {
                return close;
            }
            if timer.deadline() != heartbeat.due() {
                timer.as_mut().reset(heartbeat.due());
            }
        }
    }

    /// Sends `told` and what `next` has at hand after it. What the socket did not take is not counted; what it took goes
    /// before a close.
    async fn give(
        &mut self,
        socket: &mut WebSocket,
        told: Told,
        next: impl Fn(&mut Feed) -> Option<Told>,
    ) -> Result<(), Close> {
        let mut told = told;
        for _ in 1..TOGETHER {
            let (frame, reached) = self.frame(told)?;
            self.unless_stalled(socket.feed(frame)).await?;
            self.count(reached);
            match next(&mut self.feed) {
                Some(more) => told = more,
                None => return self.unless_stalled(socket.flush()).await,
            }
        }
        let (frame, reached) = self.frame(told)?;
        self.unless_stalled(socket.send(frame)).await?;
        self.count(reached);
        Ok(())
    }

    fn frame(&self, told: Told) -> Result<(Message, i64), Close> {
        Ok(match told {
            Told::Event(live) => {
                let text = Utf8Bytes::try_from(live.frame).map_err(Error::internal)?;
                (Message::Text(text), live.entry.seq)
            }
            Told::Gap(gap) => {
                let frame = frames::gap(self.clock.now_ms(), gap)?;
                (Message::Text(frame.into()), gap.to)
            }
        })
    }

    fn count(&mut self, reached: i64) {
        if let Some(last_seq) = &mut self.last_seq {
            *last_seq = reached;
        }
    }

    /// Boxed: an idle socket is not sending.
    async fn send(&mut self, socket: &mut WebSocket, message: Message) -> Result<(), Close> {
        Box::pin(self.unless_stalled(socket.send(message))).await
    }

    /// Waits for what leaves. Meanwhile a slow reader hears nothing live: the log keeps it.
    async fn unless_stalled(
        &mut self,
        leaving: impl Future<Output = Result<(), axum::Error>>,
    ) -> Result<(), Close> {
        let mut leaving = pin!(leaving);
        let soon = SLOW_AFTER.min(self.stall);
        let mut left = timeout(soon, &mut leaving).await;
        if left.is_err() {
            self.feed.pause();
            left = timeout(self.stall.saturating_sub(soon), leaving).await;
            self.feed.listen();
        }
        match left {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Close::Gone),
            Err(_) => Err(Close::Stalled),
        }
    }

    /// A ping in JSON gets a pong; anything else is ignored.
    async fn answer(
        &mut self,
        socket: &mut WebSocket,
        heard: Option<Result<Message, axum::Error>>,
    ) -> Result<(), Close> {
        match heard {
            Some(Ok(Message::Text(text))) if is_ping(text.as_str()) => {
                let pong = frames::pong(self.clock.now_ms())?;
                self.send(socket, pong.into()).await
            }
            Some(Ok(Message::Close(_))) => {
                // Polled once more, so that the answer to the close leaves.
                drop(timeout(CLOSE_WITHIN, socket.recv()).await);
                Err(Close::Gone)
            }
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(error.into()),
            None => Err(Close::Gone),
        }
    }
}

fn is_ping(text: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Said<'a> {
        r#type: &'a str,
    }
    // serde would also take the fields from an array, in their order.
    text.trim_start().starts_with('{')
        && serde_json::from_str::<Said<'_>>(text).is_ok_and(|said| said.r#type == "ping")
}

/// Sends the close and listens until the other end has answered it, or does not.
async fn say_goodbye(mut socket: WebSocket, frame: CloseFrame) {
    if socket.send(Message::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_ping_is_a_ping() {
        assert!(is_ping(r#"{"type":"ping"}"#));
        assert!(is_ping(r#"{"type":"ping","n":1}"#));
        for other in ["", "ping", r#"{"type":"pong"}"#, r#"["ping"]"#] {
            assert!(!is_ping(other), "{other}");
        }
    }
}
