//! From the library's event bus and durability hook to our channel and inbox.
//!
//! Owns the list of events we listen to. Must never wait on the bus's thread, and must never lose a change of
//! state: when the actor cannot keep up, the session is ended and started again rather than left deaf.

use std::sync::{
    Arc, OnceLock, Weak,
    atomic::{AtomicBool, Ordering},
};

use dashmap::DashMap;
use entity::ids::SessionId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use wacore::types::{
    events::{
        ConnectFailureReason, DecryptFailMode, Event as WaEvent, EventHandler, EventInterest,
        EventKind, InboundMessage,
    },
    message::MessageSource,
};
use wacore_binary::JidExt as _;
use whatsapp_rust::InboundDurabilityHook;

use super::{
    Event, Inbox, Told, app_state,
    calls::Ringing,
    client::passkey,
    convert,
    debt::Debt,
    history::Piece,
    news::{self, News},
    transport::Watcher,
};
use crate::{
    domain::{
        message::Ack,
        session::{Account, Reason},
    },
    lifecycle::Tasks,
};

mod people;

/// What we listen to; the library does not even build the other events.
const INTEREST: &[EventKind] = &[
    EventKind::Connected,
    EventKind::Disconnected,
    EventKind::PairSuccess,
    EventKind::PairError,
    EventKind::LoggedOut,
    EventKind::PairingQrCode,
    EventKind::PairingCodeError,
    EventKind::PairingQrCodesExhausted,
    EventKind::QrScannedWithoutMultidevice,
    EventKind::ClientOutdated,
    EventKind::Messages,
    EventKind::UndecryptableMessage,
    EventKind::Receipt,
    EventKind::ServerAck,
    EventKind::SelfPushNameUpdated,
    EventKind::StreamReplaced,
    EventKind::TemporaryBan,
    EventKind::ConnectFailure,
    EventKind::StreamError,
    EventKind::PairPasskeyRequest,
    EventKind::PairPasskeyConfirmation,
    EventKind::PairPasskeyError,
    EventKind::HistorySync,
    EventKind::AppStateSyncFailed,
];

/// Carries events of one client to one actor.
pub(super) struct Bridge {
    pub(super) session: SessionId,
    /// What changes nothing of the session itself, and what is past: when those are full, what comes is lost, unless it
    /// comes again. Nobody waits on the bus.
    pub(super) told: Told,
    /// What it has heard and is not written.
    pub(super) debt: Arc<Debt>,
    /// Calls that can be rejected.
    pub(super) ringing: Ringing,
    /// Falls when the channel was full at a change of state.
    pub(super) overflow: CancellationToken,
    /// Set once the client is built.
    pub(super) client: OnceLock<Weak<whatsapp_rust::Client>>,
    /// Sends that wait for the server's word, by message id; whoever waits takes its entry away again.
    pub(super) sends: DashMap<String, oneshot::Sender<ServerSaid>>,
    /// Owns what goes on beside the bus.
    pub(super) tasks: Tasks,
    /// Whether messages came in since the ratchets were last written for a send.
    pub(super) received: AtomicBool,
}

/// What the server said of a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServerSaid {
    /// It has it. Whether the actor hears of that too, and writes it.
    Taken { reported: bool },
    /// It refused it, with this code.
    Refused(String),
}

impl Bridge {
    pub(super) fn own(&self) -> Account {
        let Some(client) = self.client.get().and_then(Weak::upgrade) else {
            return Account::default();
        };
        let (pn, lid) = (client.pn(), client.lid());
        convert::account(pn.as_ref(), lid.as_ref(), Some(client.push_name()))
    }

    /// Whether a receipt comes from another device of this account.
    fn is_own(&self, source: &MessageSource) -> bool {
        let Some(client) = self.client.get().and_then(Weak::upgrade) else {
            return false;
        };
        let own = [client.pn(), client.lid()];
        let mut own = own.iter().flatten();
        own.any(|own| own.is_same_user_as(&source.sender))
    }

    pub(super) fn report(&self, event: Event) {
        let sent = match &event {
            Event::Acked {
                message_ids,
                ack: Ack::Server,
                ..
            } => message_ids.clone(),
            _ => Vec::new(),
        };
        let reported = match self.told.events.try_send(event) {
            Err(mpsc::error::TrySendError::Full(
                Event::Acked { .. } | Event::ReadElsewhere { .. },
            )) => {
                // A receipt only refines what is known of a message.
                metrics::counter!("wharf_acks_dropped_total").increment(1);
                false
            }
            Err(mpsc::error::TrySendError::Full(_)) => {
                // A change of state must not be missed.
                self.overflow.cancel();
                return;
            }
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => true,
        };
        for id in sent {
            self.tell(&id, ServerSaid::Taken { reported });
        }
    }

    /// Before its confirmation is queued, since the library confirms what its handlers have seen.
    fn tell_news(&self, news: News) {
        let is_owed = news.is_owed();
        if is_owed {
            self.debt.hear();
        }
        if let Err(mpsc::error::TrySendError::Full(_)) = self.told.news.try_send(news) {
            metrics::counter!("wharf_news_dropped_total").increment(1);
            if is_owed {
                // It is never confirmed: the session starts anew, and it comes again.
                self.debt.void();
                self.overflow.cancel();
            }
        }
    }

    /// Tells whoever waits for the server's word on a message; false if nobody does.
    pub(super) fn tell(&self, message_id: &str, said: ServerSaid) -> bool {
        self.sends
            .remove(message_id)
            .is_some_and(|(_, waiting)| waiting.send(said).is_ok())
    }

    fn translate(&self, event: &WaEvent) -> Option<Event> {
        Some(match event {
            WaEvent::PairingQrCode(qr) => Event::Qr {
                code: qr.code.clone(),
                valid_for: qr.timeout,
            },
            WaEvent::PairSuccess(pair) => {
                let name = Some(pair.business_name.clone());
                Event::Paired(convert::account(Some(&pair.id), Some(&pair.lid), name))
            }
            WaEvent::PairError(failed) => Event::PairFailed {
                detail: failed.error.clone(),
            },
            WaEvent::PairingCodeError(failed) => Event::PairCodeFailed {
                detail: failed.error.clone(),
            },
            WaEvent::PairingQrCodesExhausted(_) => Event::QrExhausted,
            WaEvent::QrScannedWithoutMultidevice(_) => Event::PairFailed {
                detail: "the phone does not support linked devices".to_owned(),
            },
            WaEvent::PairPasskeyRequest(asked) => passkey_asked(&asked.request_options_json),
            WaEvent::PairPasskeyConfirmation(shown) => Event::PasskeyCode {
                code: shown.code.clone(),
                needs_no_look: shown.skip_handoff_ux,
            },
            WaEvent::PairPasskeyError(failed) if failed.continuation => Event::PasskeyRefused {
                detail: failed.error.clone(),
            },
            WaEvent::PairPasskeyError(failed) => Event::PairFailed {
                detail: failed.error.clone(),
            },
            WaEvent::Connected(_) => Event::Connected(self.own()),
            WaEvent::Disconnected(gone) => Event::Lost {
                reason: Reason::ConnectionLost,
                detail: gone.reason.to_string(),
            },
            WaEvent::StreamError(error) => Event::Lost {
                reason: Reason::ConnectionLost,
                detail: format!("WhatsApp closed the stream with code {}", error.code),
            },
            WaEvent::LoggedOut(out) => Event::Removed {
                detail: out
                    .logout_message
                    .as_ref()
                    .and_then(|message| message.header.clone()),
            },
            WaEvent::ClientOutdated(_) => ended(Reason::ClientOutdated, None),
            WaEvent::StreamReplaced(_) => ended(Reason::StreamReplaced, None),
            WaEvent::TemporaryBan(ban) => Event::Ended {
                reason: Reason::TemporaryBan,
                detail: Some(
                    ban.message
                        .clone()
                        .unwrap_or_else(|| format!("{:?}", ban.code)),
                ),
                retry_after: ban.expire.to_std().ok(),
            },
            WaEvent::ConnectFailure(failure) => match failure.reason {
                ConnectFailureReason::InternalServerError
                | ConnectFailureReason::Experimental
                | ConnectFailureReason::ServiceUnavailable => Event::Lost {
                    reason: Reason::Unreachable,
                    detail: format!("WhatsApp answered {:?}", failure.reason),
                },
                _ => ended(Reason::LoginRefused, Some(format!("{:?}", failure.reason))),
            },
            WaEvent::Receipt(receipt)
                if convert::tells_reading(&receipt.r#type) && self.is_own(&receipt.source) =>
            {
                Event::ReadElsewhere {
                    message_ids: receipt.message_ids.clone(),
                }
            }
            WaEvent::Receipt(receipt) => Event::Acked {
                ack: convert::ack(&receipt.r#type)?,
                message_ids: receipt.message_ids.clone(),
                member: convert::member(receipt)
                    .filter(|_| !self.is_own(&receipt.source))
                    .map(Box::new),
            },
            WaEvent::ServerAck(ack) if ack.class.as_deref() == Some("message") => {
                // Whoever waits for it writes it down.
                if let Some(code) = &ack.error
                    && self.tell(&ack.id, ServerSaid::Refused(code.clone()))
                {
                    return None;
                }
                Event::Acked {
                    message_ids: vec![ack.id.clone()],
                    ack: if ack.error.is_some() {
                        Ack::Error
                    } else {
                        Ack::Server
                    },
                    member: None,
                }
            }
            // What its sender hides when it fails is no message: a reaction, a vote.
            WaEvent::UndecryptableMessage(lost)
                if lost.decrypt_fail_mode != DecryptFailMode::Hide =>
            {
                let known = convert::undecryptable(&lost.info, &self.own())?;
                Event::Undecryptable(Box::new(known))
            }
            WaEvent::SelfPushNameUpdated(name) => Event::Renamed(name.new_name.clone()),
            WaEvent::Messages(batch) if !batch.hook_committed => {
                Event::Unhooked(self.messages(&batch.messages))
            }
            _ => return None,
        })
    }

    fn messages(&self, batch: &[InboundMessage]) -> Vec<crate::domain::message::Message> {
        let own = self.own();
        batch
            .iter()
            .filter_map(|inbound| convert::message(inbound, &own, self.session))
            .collect()
    }
}

fn ended(reason: Reason, detail: Option<String>) -> Event {
    Event::Ended {
        reason,
        detail,
        retry_after: None,
    }
}

fn passkey_asked(json: &str) -> Event {
    passkey::options(json).map_or_else(
        || Event::PairFailed {
            detail: "WhatsApp asks for a passkey in a way that is not understood".to_owned(),
        },
        |(options, valid_for)| Event::PasskeyAsked { options, valid_for },
    )
}

/// What the library holds: it wants the handler by value, and the hook needs the same bridge.
pub(super) struct Listener(pub(super) Arc<Bridge>);

impl EventHandler for Listener {
    fn handle_event(&self, event: Arc<WaEvent>) {
        if event.kind() == EventKind::HistorySync {
            let past = self.0.told.past.as_ref();
            if past.is_some_and(|past| past.try_send(Piece(event)).is_err()) {
                metrics::counter!("wharf_history_dropped_total").increment(1);
            }
            return;
        }
        if let WaEvent::AppStateSyncFailed(failed) = &*event {
            app_state::read_skipped(&self.0.tasks, self.0.client.get(), failed);
            return;
        }
        if news::INTEREST.contains(&event.kind()) {
            self.0.ringing.note(&event);
            self.0.tell_news(News(event));
            return;
        }
        if let Some(event) = self.0.translate(&event) {
            self.0.report(event);
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[INTEREST, news::INTEREST].concat())
    }
}

impl Watcher for Bridge {
    fn failed(&self, reason: Reason, detail: String) {
        self.report(Event::Lost { reason, detail });
    }
}

/// The durability hook: what [`Inbox::record`] commits is acked, nothing else is.
pub(super) struct Hook {
    pub(super) bridge: Arc<Bridge>,
    pub(super) inbox: Arc<dyn Inbox>,
}

#[async_trait::async_trait]
impl InboundDurabilityHook for Hook {
    async fn on_messages(
        &self,
        client: Arc<whatsapp_rust::Client>,
        batch: &[InboundMessage],
    ) -> anyhow::Result<()> {
        self.bridge.received.store(true, Ordering::Release);
        let mut messages = self.bridge.messages(batch);
        let changes = batch.iter().filter_map(convert::chat_change);
        let mut changes: Vec<_> = changes.collect();
        people::complete(&client, &mut messages, &mut changes).await;
        if !messages.is_empty() || !changes.is_empty() {
            self.inbox.record(messages, changes).await?;
        }
        Ok(())
    }
}
