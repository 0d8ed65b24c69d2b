//! What the phone is asked for of the past of a chat.

use super::{Chats, NO_CHAT, writable};
use crate::{
    db,
    domain::{message::Message, principal::Scope},
    service::{Ctx, Error, running::ask_error},
};

/// Messages that one request may ask for.
const MOST: u16 = 500;

impl Chats {
    /// Asks the phone for `count` messages that stand before the first one that is stored of a chat. Gives the id of the
    /// request; the answer is told by the log.
    pub async fn ask_history(
        &self,
        ctx: &Ctx,
        session: &str,
        chat: &str,
        count: u16,
    ) -> Result<String, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let chat = writable(chat)?;
        if !(1..=MOST).contains(&count) {
            return Err(Error::invalid("/count", format!("is 1 to {MOST}")));
        }
        let client = found.client()?;
        if !found.takes_history() {
            let detail = "the session's setting sync_history is off";
            return Err(Error::conflict("history_off", detail));
        }
        let chat = client.chat_of(&chat).await.ok_or(NO_CHAT)?;
        let db = &self.running.db;
        let oldest = db::messages::oldest(db, found.id, &chat.party.id).await?;
        let Some(oldest) = oldest else {
            let detail =
                "the phone tells what stands before a message, and none of this chat is stored";
            return Err(Error::conflict("history_without_message", detail));
        };
        let oldest: Message = serde_json::from_str(&oldest.body).map_err(Error::internal)?;
        let asked = client.ask_history(&oldest, count).await;
        asked.map_err(ask_error)
    }
}
