//! After how long the messages of a chat of two disappear.

use super::{Chats, NO_CHAT, writable};
use crate::{
    domain::{
        address::Address,
        event::{ChatChanges, ChatUpdateData, Event},
        principal::Scope,
    },
    protocol::SendError,
    service::{Ctx, Error, Fault, running::invalid_address, upstream::send_error},
};

/// After how many seconds messages may disappear: never, a day, a week, 90 days.
pub(in crate::service) const EPHEMERAL_S: [u32; 4] = [0, 86_400, 604_800, 7_776_000];

impl Chats {
    /// Has what is written in a chat of two disappear after so many seconds, on both sides; 0 is never.
    pub async fn set_timer(
        &self,
        ctx: &Ctx,
        session: &str,
        chat: &str,
        ephemeral_s: u32,
    ) -> Result<ChatUpdateData, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let chat = writable(chat)?;
        if matches!(chat, Address::Group(_)) {
            let detail = "of a group it is set with the group";
            return Err(invalid_address("/chat", detail));
        }
        if !EPHEMERAL_S.contains(&ephemeral_s) {
            let detail = format!("is one of {EPHEMERAL_S:?}");
            return Err(Error::invalid("/ephemeral_s", detail));
        }
        let client = found.client()?;
        let now = self.clock.now_ms();
        let set = client.set_timer(&chat, ephemeral_s, now).await;
        set.map_err(not_set)?;
        let change = ChatUpdateData {
            chat: client.chat_of(&chat).await.ok_or(NO_CHAT)?,
            changes: ChatChanges {
                ephemeral_s: Some(ephemeral_s),
                ..ChatChanges::default()
            },
            initial: false,
        };
        // Nobody sends it back to the device that did it.
        found.tell(Event::ChatUpdate(change.clone())).await?;
        Ok(change)
    }
}

fn not_set(error: SendError) -> Error {
    match error {
        SendError::NotOnWhatsApp => Error::Invalid {
            code: "recipient_not_on_whatsapp",
            faults: vec![Fault::new("/chat", "this number is not on WhatsApp")],
        },
        other => send_error(other),
    }
}
