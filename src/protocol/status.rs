//! Status posts: what is shown to chosen people for a day.
//!
//! WhatsApp keeps no list of them: whoever posts names everybody who gets it, and names the same people again to take it
//! back. `session` calls it with an audience that `service` has checked. Must never post to fewer people than it was
//! told without saying so.

use wacore_binary::Jid;
use whatsapp_rust::{StatusPrivacySetting, StatusSendOptions};

use super::{
    Handed, SendError,
    client::{Client, QUESTION},
    convert::{self, Payload},
    handed::Waiting,
};
use crate::domain::address::Address;

impl Client {
    /// Puts a post for `audience` on the socket under `message_id`, like [`Client::send`].
    pub async fn post_status(
        &self,
        audience: &[Address],
        message_id: &str,
        payload: &Payload,
    ) -> Result<Handed<'_>, SendError> {
        let message = payload.decode().ok_or(SendError::Unsupported)?;
        if !self.is_ready() {
            return Err(SendError::NotConnected);
        }
        let jids: Option<Vec<Jid>> = audience.iter().map(convert::jid).collect();
        let jids = jids.ok_or(SendError::Unsupported)?;
        self.require_all_on_whatsapp(&jids).await?;
        self.settle().await?;
        let options = StatusSendOptions {
            privacy: StatusPrivacySetting::AllowList,
            message_id: Some(message_id.to_owned()),
            ..StatusSendOptions::default()
        };
        let waiting = Waiting::on(&self.bridge, message_id);
        let status = self.inner.status();
        let posting = status.send_raw(message, &jids, options);
        match tokio::time::timeout(QUESTION, posting).await {
            Ok(Ok(_)) => Ok(Handed(waiting)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// The library passes over whom it has no LID of; asking for them tells it theirs.
    async fn require_all_on_whatsapp(&self, jids: &[Jid]) -> Result<(), SendError> {
        let mut unknown = Vec::new();
        for jid in jids.iter().filter(|jid| jid.is_pn()) {
            if !matches!(self.inner.get_lid_pn_entry(jid).await, Ok(Some(_))) {
                unknown.push(jid.clone());
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let contacts = self.inner.contacts();
        match tokio::time::timeout(QUESTION, contacts.is_on_whatsapp(&unknown)).await {
            Ok(Ok(found)) => {
                let registered = found.iter().filter(|contact| contact.is_registered);
                if registered.count() == unknown.len() {
                    Ok(())
                } else {
                    Err(SendError::NotOnWhatsApp)
                }
            }
            Ok(Err(error)) => Err(SendError::Refused(Box::new(error))),
            Err(_) => Err(SendError::TimedOut),
        }
    }
}
