//! A message that is on the socket, and the server's word on it.
//!
//! `client` hands it out to whoever has sent; `bridge` brings the word.

use std::fmt;

use tokio::sync::oneshot;

use super::{
    bridge::{Bridge, ServerSaid},
    client::QUESTION,
    send_error::SendError,
};

/// The server has the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Whether its ack is reported as an event as well; else the caller has to write it.
    pub reported: bool,
}

/// Waits for the server's word on one message.
pub(super) struct Waiting<'a> {
    bridge: &'a Bridge,
    message_id: String,
    said: oneshot::Receiver<ServerSaid>,
}

impl<'a> Waiting<'a> {
    pub(super) fn on(bridge: &'a Bridge, message_id: &str) -> Self {
        let (tell, said) = oneshot::channel();
        bridge.sends.insert(message_id.to_owned(), tell);
        Self {
            bridge,
            message_id: message_id.to_owned(),
            said,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.bridge.sends.remove(&self.message_id);
    }
}

/// A message that is on the socket.
pub struct Handed<'a>(pub(super) Waiting<'a>);

impl fmt::Debug for Handed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handed").field(&self.0.message_id).finish()
    }
}

impl Handed<'_> {
    /// The server's word. `Ok` says that it has the message.
    pub async fn answer(mut self) -> Result<Sent, SendError> {
        match tokio::time::timeout(QUESTION, &mut self.0.said).await {
            Ok(Ok(ServerSaid::Taken { reported })) => Ok(Sent { reported }),
            Ok(Ok(ServerSaid::Refused(code))) => Err(SendError::nacked(code)),
            Ok(Err(_)) => Err(SendError::NotConnected),
            Err(_) => Err(SendError::TimedOut),
        }
    }
}
