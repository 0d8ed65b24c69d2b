//! What this account does with a chat on all of its devices, and what it shows of itself in one.
//!
//! Called by `service`, and by the session's own habits, on a borrowed client.

use wacore_binary::Jid;
use whatsapp_rust::features::ChatStateType;

use super::{AskError, SendError, client::Client, convert};
use crate::domain::{
    address::{Address, Chat},
    chat::ChatAction,
    event::PresenceState,
};

impl Client {
    /// Does it on every device of the account.
    pub async fn act_on_chat(&self, chat: &Address, action: ChatAction) -> Result<(), AskError> {
        let Some(jid) = convert::jid(chat) else {
            return Ok(());
        };
        let (actions, jid) = (self.inner.chat_actions(), &jid);
        let labels = self.inner.labels();
        let doing = async {
            match action {
                ChatAction::Archive(true) => actions.archive_chat(jid, None).await,
                ChatAction::Archive(false) => actions.unarchive_chat(jid, None).await,
                ChatAction::Pin(true) => actions.pin_chat(jid).await,
                ChatAction::Pin(false) => actions.unpin_chat(jid).await,
                ChatAction::Mute(None) => actions.mute_chat(jid).await,
                ChatAction::Mute(Some(until)) => actions.mute_chat_until(jid, until).await,
                ChatAction::Unmute => actions.unmute_chat(jid).await,
                ChatAction::Read(read) => actions.mark_chat_as_read(jid, read, None).await,
                ChatAction::Label(label) if label.labeled => {
                    labels.add_chat_label(&label.id, jid).await
                }
                ChatAction::Label(label) => labels.remove_chat_label(&label.id, jid).await,
                ChatAction::Delete => actions.delete_chat(jid, true, None).await,
            }
        };
        self.ask(doing).await
    }

    /// Has what is written in a chat of two disappear after so many seconds, on both sides; 0 is never.
    pub async fn set_timer(
        &self,
        chat: &Address,
        ephemeral_s: u32,
        now_ms: i64,
    ) -> Result<(), SendError> {
        let payload = convert::timer(ephemeral_s, now_ms.div_euclid(1000));
        let id = convert::message_id();
        self.send(chat, &id, &payload).await?.answer().await?;
        Ok(())
    }

    /// Writes a person into the account's address book.
    pub async fn save_contact(&self, phone: &str, name: &str) -> Result<(), AskError> {
        let (actions, jid) = (self.inner.chat_actions(), Jid::pn(phone));
        let first = name.split_whitespace().next().map(str::to_owned);
        let saving = actions.save_contact(&jid, Some(name.to_owned()), first, true);
        self.ask(saving).await
    }

    /// Shows a chat that something is being written or spoken, or no longer.
    pub async fn show_state(&self, chat: &Address, state: PresenceState) -> Result<(), AskError> {
        let Some(jid) = convert::jid(chat) else {
            return Ok(());
        };
        let state = match state {
            PresenceState::Typing => ChatStateType::Composing,
            PresenceState::Recording => ChatStateType::Recording,
            PresenceState::Online | PresenceState::Offline | PresenceState::Paused => {
                ChatStateType::Paused
            }
        };
        let chatstate = self.inner.chatstate();
        self.ask(chatstate.send(&jid, state)).await
    }

    /// Shows everybody that this account is there, or not.
    pub async fn show_online(&self, online: bool) -> Result<(), AskError> {
        let presence = self.inner.presence();
        if online {
            self.ask(presence.set_available()).await
        } else {
            self.ask(presence.set_unavailable()).await
        }
    }

    /// Hears from now on whether somebody is there, or no longer.
    pub async fn watch_presence(&self, who: &Address, watch: bool) -> Result<(), AskError> {
        let Some(jid) = convert::jid(who) else {
            return Ok(());
        };
        let presence = self.inner.presence();
        if watch {
            self.ask(presence.subscribe(jid)).await
        } else {
            self.ask(presence.unsubscribe(&jid)).await
        }
    }

    /// Tells the sender of messages that they were read.
    pub async fn mark_read(
        &self,
        chat: &Address,
        sender: Option<&Address>,
        ids: &[&str],
    ) -> Result<(), AskError> {
        let Some(chat) = convert::jid(chat) else {
            return Ok(());
        };
        let sender = sender.and_then(convert::jid);
        let marking = self.inner.mark_as_read(&chat, sender.as_ref(), ids);
        let marking = async { marking.await.map_err(Unread) };
        self.ask(marking).await
    }

    /// The chat of an address, with both numbers as far as they are known here.
    pub async fn chat_of(&self, address: &Address) -> Option<Chat> {
        let jid = convert::jid(address)?;
        Some(self.chat(&jid).await)
    }
}

/// The library's own error there has no type.
#[derive(Debug, thiserror::Error)]
#[error("the messages were not marked as read")]
struct Unread(#[source] anyhow::Error);
