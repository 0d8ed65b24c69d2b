//! What is done about a message and is no message itself: it is of no use later, so nothing is kept of it.

use wacore_binary::JidExt as _;
use whatsapp_rust::Jid;

use super::{Client, QUESTION};
use crate::{
    domain::{address::Address, message::Message},
    protocol::{SendError, convert},
};

impl Client {
    /// Tells whoever wrote `message` that it was read.
    pub async fn mark_as_read(&self, message: &Message) -> Result<(), SendError> {
        let (chat, sender) = convert::place(message).ok_or(SendError::Unsupported)?;
        let ids = [message.message_id.as_str()];
        let marking = self.inner.mark_as_read(&chat, sender.as_ref(), &ids);
        match tokio::time::timeout(QUESTION, marking).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(SendError::NotConnected),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Puts a star at `message` on all devices of this account, or takes it away.
    pub async fn star(&self, message: &Message, starred: bool) -> Result<(), SendError> {
        let (chat, sender) = convert::place(message).ok_or(SendError::Unsupported)?;
        let sender = sender.filter(|_| !message.from_me);
        let (id, own) = (&message.message_id, message.from_me);
        let actions = self.inner.chat_actions();
        let starring = async {
            if starred {
                actions.star_message(&chat, sender.as_ref(), id, own).await
            } else {
                actions
                    .unstar_message(&chat, sender.as_ref(), id, own)
                    .await
            }
        };
        match tokio::time::timeout(QUESTION, starring).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(SendError::Refused(Box::new(error))),
            Err(_) => Err(SendError::TimedOut),
        }
    }

    /// Whether this account may do in `group` what admins do.
    pub async fn is_admin(&self, group: &Address) -> Result<bool, SendError> {
        let group = convert::jid(group).ok_or(SendError::Unsupported)?;
        let groups = self.inner.groups();
        let asked = tokio::time::timeout(QUESTION, groups.get_metadata(&group));
        let found = match asked.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(SendError::Refused(Box::new(error))),
            Err(_) => return Err(SendError::TimedOut),
        };
        let own = [self.inner.pn(), self.inner.lid()];
        let is_own = |jid: &Jid| own.iter().flatten().any(|own| own.is_same_user_as(jid));
        let mut admins = found.participants.iter().filter(|one| one.is_admin());
        Ok(admins.any(|one| is_own(&one.jid)))
    }
}
