//! The verbs of chats, presence and calls.
//!
//! Owns what may be asked. `http` and the dialects call it.

use super::{
    Ctx, Error,
    running::{Found, Running, address, ask_error, invalid_address, person},
    sessions::Sessions,
};
use crate::domain::{
    address::Address,
    chat::ChatAction,
    clock::SharedClock,
    event::{CallData, CallStatus, ChatUpdateData, Event, PresenceState},
    principal::Scope,
};

mod history;
mod labels;
mod list;
mod timer;

pub use labels::{Label, LabelPatch};
pub use list::{LastMessage, Listed, Silence};
pub(super) use timer::EPHEMERAL_S;

/// The longest time for which a chat is silenced: longer is without an end.
const MAX_MUTE_S: u32 = 10 * 366 * 24 * 60 * 60;

/// For how long a chat is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mute {
    /// Not at all.
    Off,
    /// Until it is told otherwise.
    On,
    /// For so many seconds.
    For(u32),
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Chats {
    running: Running,
    clock: SharedClock,
}

impl Chats {
    /// Verbs over the same sessions.
    pub fn new(sessions: &Sessions) -> Self {
        let (running, clock) = (sessions.finder(), sessions.clock());
        Self { running, clock }
    }

    /// Puts a chat away, or back.
    pub async fn archive(
        &self,
        ctx: &Ctx,
        session: &str,
        chat: &str,
        archived: bool,
    ) -> Result<ChatUpdateData, Error> {
        let action = ChatAction::Archive(archived);
        self.act(ctx, session, chat, action).await
    }

    /// Keeps a chat on top, or no longer.
    pub async fn pin(
        &self,
        ctx: &Ctx,
        session: &str,
        chat: &str,
        pinned: bool,
    ) -> Result<ChatUpdateData, Error> {
        let action = ChatAction::Pin(pinned);
        self.act(ctx, session, chat, action).await
    }

    /// Silences a chat, or lets it sound again.
    pub async fn mute(
        &self,
        ctx: &Ctx,
        session: &str,
        chat: &str,
        mute: Mute,
    ) -> Result<ChatUpdateData, Error> {
        let action = match mute {
            Mute::Off => ChatAction::Unmute,
            Mute::On => ChatAction::Mute(None),
            Mute::For(seconds @ 1..=MAX_MUTE_S) => {
                ChatAction::Mute(Some(self.clock.now_ms() + i64::from(seconds) * 1000))
            }
            Mute::For(_) => {
                // Somebody else's session does not exist, whatever else is wrong.
                self.running.find(ctx, Scope::MessagesSend, session).await?;
                let detail = format!("is 1 to {MAX_MUTE_S}");
                return Err(Error::invalid("/for_s", detail));
            }
        };
        self.act(ctx, session, chat, action).await
    }

    /// Counts a chat as read, or as unread.
    pub async fn read(
        &self,
        ctx: &Ctx,
        session: &str,
        chat: &str,
        read: bool,
    ) -> Result<ChatUpdateData, Error> {
        let action = ChatAction::Read(read);
        self.act(ctx, session, chat, action).await
    }

    /// Removes a chat from every device of the account. Nobody else notices.
    pub async fn delete(&self, ctx: &Ctx, session: &str, chat: &str) -> Result<(), Error> {
        let done = self.act(ctx, session, chat, ChatAction::Delete).await;
        done.map(drop)
    }

    async fn act(
        &self,
        ctx: &Ctx,
        session: &str,
        chat: &str,
        action: ChatAction,
    ) -> Result<ChatUpdateData, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let (client, chat) = (found.client(), writable(chat)?);
        let client = client?;
        let done = client.act_on_chat(&chat, action.clone()).await;
        done.map_err(ask_error)?;
        // The log tells it when WhatsApp gives it back, as to every other device.
        Ok(ChatUpdateData {
            chat: client.chat_of(&chat).await.ok_or(NO_CHAT)?,
            changes: action.changes(),
            initial: false,
        })
    }

    /// Shows a chat that something is being written or spoken, or no longer.
    pub async fn show_state(
        &self,
        ctx: &Ctx,
        session: &str,
        chat: &str,
        state: PresenceState,
    ) -> Result<(), Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let (client, chat) = (found.client(), writable(chat)?);
        client?.show_state(&chat, state).await.map_err(ask_error)
    }

    /// Shows everybody that the account is there, or not.
    pub async fn show_online(&self, ctx: &Ctx, session: &str, online: bool) -> Result<(), Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        found.client()?.show_online(online).await.map_err(ask_error)
    }

    /// Hears from now on whether somebody is there, or no longer.
    pub async fn watch(
        &self,
        ctx: &Ctx,
        session: &str,
        contact: &str,
        watch: bool,
    ) -> Result<(), Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let (client, who) = (found.client(), person("/contact", contact)?);
        let client = client?;
        // So that both addresses are known by the time that something is heard.
        let known = client.identify(&who).await.map_err(ask_error)?;
        known.ok_or(Error::NotFound { what: "contact" })?;
        client.watch_presence(&who, watch).await.map_err(ask_error)
    }

    /// Rejects a call that rings.
    pub async fn reject_call(&self, ctx: &Ctx, session: &str, call_id: &str) -> Result<(), Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        self.reject(&found, call_id).await
    }

    async fn reject(&self, found: &Found, call_id: &str) -> Result<(), Error> {
        let client = found.client()?;
        let call = client.ringing(call_id).await.ok_or(NO_CALL)?;
        if !client.reject_call(call_id).await.map_err(ask_error)? {
            return Err(NO_CALL);
        }
        let status = CallStatus::Rejected;
        found.tell(Event::Call(CallData { status, ..call })).await
    }
}

const NO_CALL: Error = Error::NotFound { what: "call" };
const NO_CHAT: Error = Error::NotFound { what: "chat" };

/// A chat that this account writes in.
fn writable(chat: &str) -> Result<Address, Error> {
    match address("/chat", chat)? {
        Address::Newsletter(_) | Address::Status => {
            let detail = "this is possible with a person or a group";
            Err(invalid_address("/chat", detail))
        }
        other => Ok(other),
    }
}
