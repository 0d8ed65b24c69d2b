//! A message as it is stored first: who writes it, where, and what it is about.

use entity::ids::{MediaId, MessageRowId, SessionId};

use super::{Messages, NewMessage, StoredMessage, new::refused};
use crate::{
    db,
    domain::{
        address::{Address, Chat, ChatKind, Party},
        clock::rfc3339,
        message::{Context, Message, ReplyTo},
    },
    protocol::{message_id, message_id_of},
    service::Error,
    session::{Handle, Outgoing},
};

impl Messages {
    /// The message as it is stored first.
    pub(super) async fn compose(
        &self,
        handle: &Handle,
        new: &NewMessage,
    ) -> Result<Outgoing, Error> {
        let now = self.clock.now_ms();
        let account = handle.snapshot().account;
        let chat = chat_of(&new.to);
        let reply_to = match &new.reply_to {
            Some(reference) => Some(self.answered(handle, reference, &chat).await?),
            None => None,
        };
        let expires_in_s = match new.expires_in_s {
            None => self.timer(handle.session, &new.to).await?,
            given => given,
        };
        let message = Message {
            message_id: new
                .key
                .as_deref()
                .map_or_else(message_id, |key| keyed_id(handle.session, key, new)),
            // A channel speaks for itself.
            sender: match chat.kind {
                ChatKind::Newsletter => chat.party.clone(),
                _ => Party::person(account.phone, account.lid),
            },
            chat,
            from_me: true,
            push_name: account.push_name,
            timestamp: rfc3339(now),
            content: new.content.clone(),
            context: Context {
                reply_to: reply_to.map(Box::new),
                mentions: new.mentions.iter().map(party_of).collect(),
                link_preview: new.link_preview.clone(),
                forwarded: new.forwarded,
                expires_in_s,
                view_once: new.view_once,
                server_id: None,
                recipients: new.recipients.iter().map(party_of).collect(),
            },
            private: None,
        };
        Ok(Outgoing {
            id: MessageRowId::new(),
            to: new.to.clone(),
            message,
            payload: None,
            sent_at: now,
        })
    }

    /// In a chat whose messages disappear each says so itself: else the phones of the others keep it.
    async fn timer(&self, session: SessionId, to: &Address) -> Result<Option<u32>, Error> {
        let chat = self.canonical(session, to).await?;
        let after = db::chats::ephemeral(&self.db, session, &chat).await?;
        let after = after.and_then(|after| u32::try_from(after).ok());
        Ok(after.filter(|after| *after > 0))
    }

    /// The message of `chat` that is answered.
    async fn answered(
        &self,
        handle: &Handle,
        reference: &str,
        chat: &Chat,
    ) -> Result<ReplyTo, Error> {
        let session = handle.session;
        let unknown = || {
            let detail = "this chat has no such message";
            refused("reply_to_unknown", "/reply_to", detail)
        };
        let found = db::messages::find(&self.db, session, reference).await?;
        let found = vec![found.ok_or_else(unknown)?];
        let found = self.stored(session, found).await?.into_iter().next();
        let StoredMessage {
            message, became, ..
        } = found.ok_or_else(unknown)?;
        // A status post is answered in the chat with whoever posted it.
        let place = match message.chat.kind {
            ChatKind::Status => &message.sender,
            _ => &message.chat.party,
        };
        if message.content.target().is_some() || !place.is(&chat.party) {
            return Err(unknown());
        }
        let mut quoted = message.quoted();
        if became.deleted.is_some() {
            quoted.content = None;
        } else if !message.context.view_once {
            let file = self.media.reference(handle, &message.content).await?;
            quoted.file = file.map(Box::new);
        }
        Ok(quoted)
    }
}

fn party_of(address: &Address) -> Party {
    match address {
        Address::Phone(digits) => Party::person(Some(digits.clone()), None),
        Address::Lid(_) => Party::person(None, Some(address.to_string())),
        Address::Group(_) | Address::Newsletter(_) | Address::Status => Party {
            id: address.to_string(),
            phone: None,
            lid: None,
        },
    }
}

fn chat_of(address: &Address) -> Chat {
    Chat {
        party: party_of(address),
        kind: address.kind(),
    }
}

/// An id in the shape of WhatsApp's own that is the same for the same key and message.
fn keyed_id(session: SessionId, key: &str, new: &NewMessage) -> String {
    let mut content = new.content.clone();
    if let Some(media) = content.media_mut() {
        // The same file may have been taken in twice.
        media.id = MediaId(uuid::Uuid::nil());
        media.url.clear();
    }
    let said = serde_json::to_string(&(&content, &new.reply_to)).unwrap_or_default();
    let audience = new.recipients.iter().map(ToString::to_string);
    let to: Vec<String> = std::iter::once(new.to.to_string())
        .chain(audience)
        .collect();
    message_id_of(&[&session.to_string(), key, &to.join(" "), &said])
}
