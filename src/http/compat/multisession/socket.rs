//! The sockets: `/api/ws/{id}` and `/api/sessions/{id}/ws`, which bring the code to scan and say when it was.
//!
//! Owns the frames. A socket runs its session, shows what holds now, and goes on with what changes, read from the same watch as
//! every polled code. What ends it: its page, its credential, its session, the service.

use std::time::Duration;

use axum::{
    Router,
    extract::{
        State,
        ws::{
            CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code,
            rejection::WebSocketUpgradeRejection,
        },
    },
    response::Response,
};
use entity::{enums::SessionState, ids::SessionId};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, interval, timeout},
};

use super::{Face, auth::Listener, dto, error::Refusal, sessions::shown_one};
use crate::{
    domain::session::{Phase, Qr, Snapshot},
    http::{
        live::{End, Ending, Slot},
        routing::get,
    },
    service::{Ctx, Error, qr},
};

/// How often the other side is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long it may be silent.
const SILENT: Duration = Duration::from_mins(1);
/// How long a frame may take to leave.
const LEAVES_WITHIN: Duration = Duration::from_secs(10);
/// How often a session that does not run here is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Why a socket ends with its session.
const DELETED: &str = "the session was deleted";
/// The largest message of a client.
const MAX_INBOUND_BYTES: usize = 4 * 1024;

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/ws/{id}", get(open))
        .route("/api/sessions/{id}/ws", get(open))
}

async fn open(
    State(face): State<Face>,
    Listener { ctx, id, peer }: Listener,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let (session, _) = face.api.sessions.look(&ctx, &id).await?;
    let upgrade = upgrade.map_err(|_| Refusal::bad_request("open this path as a WebSocket"))?;
    let slot = face.api.live.enter(&ctx, peer, &face.api.quotas).await?;
    let ending = Ending::of(&face.api, &ctx, &[session.id]).await?;
    let talk = Talk {
        face,
        ctx,
        session: session.id,
        shown: Shown::Nothing,
        _slot: slot,
    };
    Ok(upgrade
        .max_message_size(MAX_INBOUND_BYTES)
        .max_frame_size(MAX_INBOUND_BYTES)
        .on_upgrade(move |socket| talk.run(socket, ending)))
}

/// What was said last, so that nothing is said twice.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Nothing,
    Code(String),
    State(SessionState),
}

/// One open socket.
struct Talk {
    face: Face,
    ctx: Ctx,
    session: SessionId,
    shown: Shown,
    _slot: Slot,
}

/// The socket is gone, or has to go.
struct Gone(Option<CloseFrame>);

fn closing(code: u16, reason: &'static str) -> Gone {
    Gone(Some(CloseFrame {
        code,
        reason: reason.into(),
    }))
}

impl Talk {
    async fn run(mut self, mut socket: WebSocket, ending: Ending) {
        let Gone(frame) = match self.begin(&mut socket).await {
            Ok(()) => self.go_on(&mut socket, &ending).await,
            Err(gone) => gone,
        };
        if let Some(frame) = frame {
            let goodbye = socket.send(Message::Close(Some(frame)));
            drop(timeout(LEAVES_WITHIN, goodbye).await);
        }
    }

    /// Runs the session, as whoever opens a socket here expects.
    async fn begin(&mut self, socket: &mut WebSocket) -> Result<(), Gone> {
        let reference = self.session.to_string();
        let session = self.face.api.sessions.get(&self.ctx, &reference).await;
        let is_off = session.is_ok_and(|session| {
            matches!(
                session.state,
                SessionState::Disconnected | SessionState::LoggedOut | SessionState::Expired
            )
        });
        if is_off && let Err(error) = self.face.api.sessions.connect(&self.ctx, &reference).await {
            return Err(self.fail(socket, &error).await);
        }
        Ok(())
    }

    /// Says what is wrong, and ends.
    async fn fail(&self, socket: &mut WebSocket, error: &Error) -> Gone {
        // It was there when the socket was opened; its end is told in two ways, and this one may come first.
        if let Error::NotFound { .. } = error {
            return closing(close_code::NORMAL, DELETED);
        }
        let text = error.to_string();
        let frame = json!({
            "type": "error",
            "error": text,
            "message": text,
            "data": {"error": text},
        });
        match say(socket, &frame).await {
            Ok(()) => closing(close_code::ERROR, "error"),
            Err(gone) => gone,
        }
    }

    async fn go_on(&mut self, socket: &mut WebSocket, ending: &Ending) -> Gone {
        let mut ping = interval(PING_EVERY);
        let mut heard = Instant::now();
        let mut live: Option<watch::Receiver<Snapshot>> = None;
        loop {
            if let Err(gone) = self.tell(socket, &mut live).await {
                return gone;
            }
            tokio::select! {
                end = ending.falls() => return match end {
                    End::Drain => closing(close_code::RESTART, "the service stops"),
                    End::Expired => closing(close_code::POLICY, "the credential has ended"),
                    End::Deleted => closing(close_code::NORMAL, DELETED),
                },
                () = changed(&mut live) => {}
                _ = ping.tick() => {
                    if heard.elapsed() > SILENT {
                        return closing(close_code::AWAY, "no answer");
                    }
                    if let Err(gone) = send(socket, Message::Ping(Vec::new().into())).await {
                        return gone;
                    }
                }
                message = socket.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) if asks(&text) => {
                            if let Err(gone) = say(socket, &json!({"type": "pong"})).await {
                                return gone;
                            }
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Gone(None),
                        Some(Ok(_)) => {}
                    }
                }
            }
        }
    }

    /// Says what has changed since it was last looked.
    async fn tell(
        &mut self,
        socket: &mut WebSocket,
        live: &mut Option<watch::Receiver<Snapshot>>,
    ) -> Result<(), Gone> {
        if live.is_none() {
            *live = self.face.api.sessions.follow(self.session);
        }
        let snapshot = live.as_mut().map(|live| live.borrow_and_update().clone());
        let state = match snapshot.map(|snapshot| snapshot.phase) {
            Some(Phase::NeedScan(code)) => return self.tell_code(socket, &code).await,
            Some(phase) => phase.state(),
            None => match self.look().await {
                Ok(state) => state,
                Err(error) => return Err(self.fail(socket, &error).await),
            },
        };
        if self.shown == Shown::State(state) {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.shown, Shown::State(state));
        match state {
            SessionState::Connected => {
                let text = match before {
                    Shown::Nothing => "Already logged in",
                    _ => "Login successful",
                };
                let success =
                    json!({"type": "success", "message": text, "data": {"message": text}});
                say(socket, &success).await?;
                self.tell_session(socket, "connected", "Session connected")
                    .await
            }
            SessionState::Expired => {
                let text = "QR code timeout";
                let frame =
                    json!({"type": "qr_timeout", "message": text, "data": {"message": text}});
                say(socket, &frame).await
            }
            SessionState::LoggedOut => {
                self.tell_session(socket, "logged_out", "Session logged out")
                    .await
            }
            SessionState::Disconnected | SessionState::Degraded if before != Shown::Nothing => {
                self.tell_session(socket, "disconnected", "Session disconnected")
                    .await
            }
            SessionState::Disconnected
            | SessionState::Degraded
            | SessionState::Connecting
            | SessionState::NeedScan => Ok(()),
        }
    }

    async fn look(&self) -> Result<SessionState, Error> {
        let reference = self.session.to_string();
        let session = self.face.api.sessions.get(&self.ctx, &reference).await?;
        Ok(session.state)
    }

    /// A code at the top as a picture, and in `data` as it is.
    async fn tell_code(&mut self, socket: &mut WebSocket, code: &Qr) -> Result<(), Gone> {
        let shown = Shown::Code(code.code.clone());
        if self.shown == shown {
            return Ok(());
        }
        self.shown = shown;
        let picture = match qr::data(code) {
            Ok(picture) => picture,
            Err(error) => return Err(self.fail(socket, &error).await),
        };
        let image = picture.image.clone();
        let data = dto::code(code, picture, self.face.api.clock.now_ms());
        say(socket, &json!({"type": "qr", "qr": image, "data": data})).await
    }

    async fn tell_session(
        &self,
        socket: &mut WebSocket,
        kind: &str,
        message: &str,
    ) -> Result<(), Gone> {
        let reference = self.session.to_string();
        let shown = match self.face.api.sessions.look(&self.ctx, &reference).await {
            Ok((session, _)) => shown_one(&self.face, &self.ctx, &session).await.ok(),
            Err(error) => return Err(self.fail(socket, &error).await),
        };
        say(
            socket,
            &json!({"type": kind, "message": message, "data": shown}),
        )
        .await
    }
}

/// Waits for the next change; of a session that does not run here for a while.
async fn changed(live: &mut Option<watch::Receiver<Snapshot>>) {
    match live {
        Some(watched) => {
            if watched.changed().await.is_err() {
                *live = None;
            }
        }
        None => tokio::time::sleep(LOOK_EVERY).await,
    }
}

/// Whether a client asks if somebody is there; what else it says is passed over.
fn asks(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|frame| frame["type"] == "ping")
}

async fn say(socket: &mut WebSocket, frame: &Value) -> Result<(), Gone> {
    send(socket, Message::Text(frame.to_string().into())).await
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match timeout(LEAVES_WITHIN, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone(None)),
    }
}
