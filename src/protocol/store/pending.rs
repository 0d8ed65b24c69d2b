//! Whole messages that wait: sent ones for a retry receipt, received ones for the event log.

use entity::{wa_pending_inbound, wa_sent_messages};
use sea_orm::{ColumnTrait, Condition};
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};

use super::{
    Error, Store,
    riders::{Found, Kind},
};
use crate::seal::Tag;

impl Store {
    fn sent(&self, chat: &str, id: &str) -> Tag {
        self.tag("sent message", &[chat, id])
    }

    fn inbound(&self, chat: &str, sender: &str, id: &str) -> Tag {
        self.tag("pending inbound", &[chat, sender, id])
    }

    pub(super) async fn put_sent(&self, chat: &str, id: &str, payload: &[u8]) -> Result<(), Error> {
        let tag = self.sent(chat, id);
        let sealed = self.sealed_bytes::<wa_sent_messages::Entity>(&tag, payload)?;
        self.ride(Kind::Sent, tag, sealed).await
    }

    /// A sent message, which stays until it is old. The library asks to have it taken out and puts it back itself; in a group
    /// several devices ask again at the same moment, and whichever came between the two would get nothing.
    pub(super) async fn sent_message(
        &self,
        chat: &str,
        id: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        use wa_sent_messages::Entity;
        let tag = self.sent(chat, id);
        let found = match self.riders.find(Kind::Sent, tag) {
            Found::Here(sealed) => Some(self.opened::<Entity>(&tag, &sealed)?),
            Found::Removed => None,
            Found::Elsewhere => self.get::<Entity>(&self.db, &tag).await?,
        };
        Ok(found.map(|plain| plain.to_vec()))
    }

    pub(super) async fn remove_old_sent(&self, cutoff: i64) -> Result<u32, Error> {
        self.land().await?;
        let old = Condition::all().add(wa_sent_messages::Column::StoredAt.lt(cutoff));
        self.remove_old::<wa_sent_messages::Entity>(old).await
    }

    pub(super) async fn put_inbound(
        &self,
        messages: &[PendingInboundRow<'_>],
    ) -> Result<(), Error> {
        // However this ends but well, given up half-way included.
        let spoiled = self.spoiled.clone().drop_guard();
        for message in messages {
            let tag = self.inbound(message.chat, message.sender, message.id);
            let sealed = self.sealed_bytes::<wa_pending_inbound::Entity>(&tag, message.message)?;
            self.ride(Kind::Inbound, tag, sealed).await?;
        }
        spoiled.disarm();
        Ok(())
    }

    /// The buffered copy of a message. The library asks for it when WhatsApp sends a message again whose key is used up.
    pub(super) async fn pending(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        use wa_pending_inbound::Entity;
        let tag = self.inbound(chat, sender, id);
        let found = match self.riders.find(Kind::Inbound, tag) {
            Found::Here(sealed) => Some(self.opened::<Entity>(&tag, &sealed)?),
            Found::Removed => None,
            Found::Elsewhere => {
                let found = self.get::<Entity>(&self.db, &tag).await?;
                if found.is_none()
                    && let Some(lost) = self.lost.get()
                {
                    lost.look(chat, sender, id).await;
                }
                found
            }
        };
        Ok(found.map(|plain| plain.to_vec()))
    }

    pub(super) async fn remove_inbound(&self, keys: &[PendingInboundKey<'_>]) -> Result<(), Error> {
        for key in keys {
            let tag = self.inbound(key.chat, key.sender, key.id);
            self.ride_off(Kind::Inbound, tag).await?;
        }
        Ok(())
    }

    pub(super) async fn remove_old_inbound(&self, cutoff: i64) -> Result<u32, Error> {
        self.land().await?;
        let old = Condition::all().add(wa_pending_inbound::Column::StoredAt.lt(cutoff));
        self.remove_old::<wa_pending_inbound::Entity>(old).await
    }
}
