//! One WhatsApp client: told what to do, closed without unpairing.
//!
//! Owns the library's handle. Must never be kept past its session's lease. The session actor closes it;
//! `service` borrows it to send, so that a slow send never delays a QR code or a stop.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::sync::Mutex;
use wacore::iq::keepalive::KeepaliveSpec;
use whatsapp_rust::{
    Jid, SendOptions, bot::BotHandle, features::ChatStateType, pair_code::PairCodeOptions,
};

use super::{
    bridge::Bridge,
    convert::{self, Payload},
    handed::{Handed, Waiting},
    http_client::Http,
    send_error::SendError,
    store::{self, Store},
};
use crate::domain::{address::Address, session::Account};

mod about;
pub(super) mod passkey;

pub use passkey::PasskeyError;

/// How long a question to WhatsApp may take.
pub(super) const QUESTION: Duration = Duration::from_secs(20);
/// How long the socket may take before a pair code can be asked for.
const SOCKET: Duration = Duration::from_secs(15);
/// How long closing may take; the library itself waits up to five seconds for each of two flushes.
const CLOSE: Duration = Duration::from_secs(12);
/// How long messages that are decrypted may take to be handed over once the client is closed.
const HANDOVER: Duration = Duration::from_secs(5);
/// Between two looks at whether they are.
const LOOK: Duration = Duration::from_millis(2);

/// A running client.
pub struct Client {
    pub(super) inner: Arc<whatsapp_rust::Client>,
    pub(super) handle: Mutex<Option<BotHandle>>,
    pub(super) store: Arc<Store>,
    pub(super) bridge: Arc<Bridge>,
    /// For files that the library does not put up.
    pub(super) http: Http,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("logged_in", &self.inner.is_logged_in())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Whether it is logged in on a live socket.
    pub fn is_ready(&self) -> bool {
        self.inner.is_connected() && self.inner.is_logged_in()
    }

    /// Who it is, as far as it is known.
    pub fn account(&self) -> Account {
        self.bridge.own()
    }

    /// Asks for a code that the owner of `phone` types on that phone. Eight characters.
    pub async fn pair_code(&self, phone: &str) -> Result<String, SendError> {
        self.inner
            .wait_for_socket(SOCKET)
            .await
            .map_err(|_| SendError::NotConnected)?;
        let options = PairCodeOptions {
            phone_number: phone.to_owned(),
            ..PairCodeOptions::default()
        };
        match tokio::time::timeout(QUESTION, self.inner.pair_with_code(options)).await {
            Ok(Ok(code)) => Ok(code),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Puts `payload` on the socket under `message_id`; [`Handed::answer`] tells whether the server has it.
    ///
    /// The same id may be sent again: whoever has the message already passes over it.
    pub async fn send(
        &self,
        to: &Address,
        message_id: &str,
        payload: &Payload,
    ) -> Result<Handed<'_>, SendError> {
        let is_channel = matches!(to, Address::Newsletter(_));
        let to = match to {
            // A reaction, which goes to whoever posted; posts have a way of their own.
            Address::Status => Jid::status_broadcast(),
            to => convert::jid(to).ok_or(SendError::Unsupported)?,
        };
        if is_channel {
            return self.publish(to, message_id, payload).await;
        }
        let message = payload.decode().ok_or(SendError::Unsupported)?;
        if !self.is_ready() {
            return Err(SendError::NotConnected);
        }
        self.require_on_whatsapp(&to).await?;
        self.settle().await?;
        let options = SendOptions::default().with_message_id(message_id);
        let waiting = Waiting::on(&self.bridge, message_id);
        let sending = self.inner.send_message_with_options(to, message, options);
        match tokio::time::timeout(QUESTION, sending).await {
            Ok(Ok(_)) => Ok(Handed(waiting)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Shows the chat that something is being typed, or no longer. Worth nothing later, so it may be lost.
    pub async fn show_typing(&self, to: &Address, typing: bool) {
        // Nobody is seen typing in a channel.
        let to = convert::jid(to).filter(|_| !matches!(to, Address::Newsletter(_)));
        let Some(to) = to else {
            return;
        };
        let state = if typing {
            ChatStateType::Composing
        } else {
            ChatStateType::Paused
        };
        let chatstate = self.inner.chatstate();
        let shown = tokio::time::timeout(QUESTION, chatstate.send(&to, state)).await;
        if !matches!(shown, Ok(Ok(()))) {
            tracing::debug!("nobody was shown that something is being typed");
        }
    }

    /// How many stanzas have come in. It only grows; a handshake counts for nothing.
    pub fn heard(&self) -> u64 {
        self.inner.stats().frames_received
    }

    /// Asks the server whether it is there; true if it answers within `patience`.
    pub async fn ping(&self, patience: Duration) -> bool {
        let question = KeepaliveSpec::with_timeout(patience);
        self.inner.execute(question).await.is_ok()
    }

    /// Drops the connection and makes a new one at once, over the same device. While the library is about to make one
    /// anyway, nothing is done.
    pub async fn reconnect(&self) {
        if self.inner.is_connected() {
            self.inner.reconnect_immediately().await;
        }
    }

    /// Nobody will answer what is on its way: the connection is gone.
    pub fn cut_off(&self) {
        self.bridge.sends.clear();
    }

    /// Writes what incoming messages have changed in the ratchets.
    ///
    /// A reply is encrypted under a key that the device made on receiving. The library writes that key up to 25 ms
    /// later and lets a send that its counter lease covers go out before; a kill in between would leave the device
    /// unable to read what the phone answers, until it has asked for each message again.
    pub(super) async fn settle(&self) -> Result<(), SendError> {
        if !self.bridge.received.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let settling = self.inner.flush_pending_signal_state();
        let settled = match tokio::time::timeout(QUESTION, settling).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => SendError::Store(Box::new(error)),
            Err(timeout) => SendError::Store(Box::new(timeout)),
        };
        self.bridge.received.store(true, Ordering::Release);
        Err(settled)
    }

    /// A phone number that we have a LID for was seen on WhatsApp before; others are asked for.
    async fn require_on_whatsapp(&self, to: &Jid) -> Result<(), SendError> {
        if !to.is_pn() {
            return Ok(());
        }
        if let Ok(Some(_)) = self.inner.get_lid_pn_entry(to).await {
            return Ok(());
        }
        let jids = [to.clone()];
        let contacts = self.inner.contacts();
        match tokio::time::timeout(QUESTION, contacts.is_on_whatsapp(&jids)).await {
            Ok(Ok(found)) if found.iter().any(|contact| contact.is_registered) => Ok(()),
            Ok(Ok(_)) => Err(SendError::NotOnWhatsApp),
            Ok(Err(error)) => Err(SendError::Refused(Box::new(error))),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Removes this device from the account, then closes.
    pub async fn logout(&self) {
        if tokio::time::timeout(CLOSE, self.inner.logout())
            .await
            .is_err()
        {
            tracing::warn!("the logout was not answered in time");
        }
        self.close().await;
    }

    /// Writes what is open, closes the socket and keeps the pairing.
    ///
    /// The library writes its ratchets last, with what its workers have decrypted and not handed over: WhatsApp's second copy
    /// of such a message passes for one that was seen. So each of them is in the inbox when this returns, or waits in the
    /// store for that copy. The inbox must take messages until then.
    pub async fn close(&self) {
        let Some(handle) = self.handle.lock().await.take() else {
            return;
        };
        self.cut_off();
        if tokio::time::timeout(CLOSE, handle.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("the client did not close in time and was cut off");
        }
        // Who was never paired has no messages, and shows QR codes for a minute more.
        let was_paired = self.inner.pn().is_some();
        if was_paired && tokio::time::timeout(HANDOVER, self.alone()).await.is_err() {
            tracing::debug!("something of the closed client runs on; a timer does no harm");
        }
        if let Err(error) = self.store.land_last().await
            && !store::is_fenced(&error)
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "messages that were not handed over could not be kept"
            );
        }
    }

    /// Waits until nothing of the library runs any more. It does not say so, but each of its workers holds the client. So do
    /// some of its timers, for minutes.
    async fn alone(&self) {
        while Arc::strong_count(&self.inner) > 1 {
            tokio::time::sleep(LOOK).await;
        }
    }
}
