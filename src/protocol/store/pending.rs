//! Whole messages that wait: sent ones for a retry receipt, received ones for the event log.

use std::collections::BTreeMap;

use entity::{wa_pending_inbound, wa_sent_messages};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use wacore::store::traits::{PendingInboundKey, PendingInboundRow};

use super::{
    Error, Store,
    rows::{RowKey, Upsert, groups},
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
        use wa_sent_messages::{Column, Entity};
        let tag = self.sent(chat, id);
        let row = vec![
            self.session.0.into(),
            tag.value(),
            self.now().into(),
            self.sealed::<Entity>(&tag, payload)?,
        ];
        let columns = [
            Column::SessionId,
            Column::MessageTag,
            Column::StoredAt,
            Column::Sealed,
        ];
        let write = self.write().await?;
        Upsert::<Entity>::new(&columns, 2)
            .run(&write.tx, vec![row])
            .await?;
        write.commit().await
    }

    /// Read and remove. Of two that take the same message, the one whose removal counts gets it.
    pub(super) async fn take_sent(&self, chat: &str, id: &str) -> Result<Option<Vec<u8>>, Error> {
        use wa_sent_messages::Entity;
        let tag = self.sent(chat, id);
        let Some(payload) = self.get::<Entity>(&self.db, &tag).await? else {
            return Ok(None);
        };
        let taken = self.remove::<Entity>(&tag).await?;
        Ok(taken.then(|| payload.to_vec()))
    }

    pub(super) async fn remove_old_sent(&self, cutoff: i64) -> Result<u32, Error> {
        let old = Condition::all().add(wa_sent_messages::Column::StoredAt.lt(cutoff));
        self.remove_old::<wa_sent_messages::Entity>(old).await
    }

    pub(super) async fn put_inbound(
        &self,
        messages: &[PendingInboundRow<'_>],
    ) -> Result<(), Error> {
        use wa_pending_inbound::{Column, Entity};
        let now = self.now();
        let mut rows = BTreeMap::new();
        for message in messages {
            let tag = self.inbound(message.chat, message.sender, message.id);
            let sealed = self.sealed::<Entity>(&tag, message.message)?;
            let row = vec![self.session.0.into(), tag.value(), now.into(), sealed];
            rows.insert(tag, row);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let columns = [
            Column::SessionId,
            Column::MessageTag,
            Column::StoredAt,
            Column::Sealed,
        ];
        // However this ends but well, given up half-way included.
        let spoiled = self.spoiled.clone().drop_guard();
        let write = self.write().await?;
        Upsert::<Entity>::new(&columns, 2)
            .run(&write.tx, rows.into_values().collect())
            .await?;
        write.commit().await?;
        spoiled.disarm();
        Ok(())
    }

    pub(super) async fn pending(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        let tag = self.inbound(chat, sender, id);
        let found = self
            .get::<wa_pending_inbound::Entity>(&self.db, &tag)
            .await?;
        Ok(found.map(|plain| plain.to_vec()))
    }

    pub(super) async fn remove_inbound(&self, keys: &[PendingInboundKey<'_>]) -> Result<(), Error> {
        use wa_pending_inbound::{Column, Entity};
        if keys.is_empty() {
            return Ok(());
        }
        let tags: Vec<Tag> = keys
            .iter()
            .map(|key| self.inbound(key.chat, key.sender, key.id))
            .collect();
        let write = self.write().await?;
        for group in groups(&tags) {
            Entity::delete_many()
                .filter(Column::SessionId.eq(self.session))
                .filter(Column::MessageTag.is_in(group))
                .exec(&write.tx)
                .await?;
        }
        write.commit().await
    }

    pub(super) async fn remove_old_inbound(&self, cutoff: i64) -> Result<u32, Error> {
        let old = Condition::all().add(wa_pending_inbound::Column::StoredAt.lt(cutoff));
        self.remove_old::<wa_pending_inbound::Entity>(old).await
    }
}
