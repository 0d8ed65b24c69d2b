//! `ProtocolStore`: who is who, device lists, tokens and messages that wait. The work is in the neighbours.

use std::collections::BTreeMap;

use async_trait::async_trait;
use entity::{wa_base_keys, wa_device_lists, wa_group_metadata};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use wacore::store::{
    error::Result,
    traits::{
        DeviceListRecord, LidPnMappingEntry, PendingInboundKey, PendingInboundRow, ProtocolStore,
        TcTokenEntry,
    },
};

use super::{
    Error, Store,
    rows::{RowKey, Sure, Upsert, from_json, to_json},
};
use crate::seal::Tag;

impl Store {
    fn retried(&self, address: &str, message_id: &str) -> Tag {
        self.tag("retried message", &[address, message_id])
    }

    fn device_list(&self, user: &str) -> Tag {
        self.tag("device list", &[user])
    }

    async fn put_base_key(&self, message: Tag, key: &[u8]) -> std::result::Result<(), Error> {
        use wa_base_keys::{Column, Entity};
        let key = self.keys.tag("base key", &[&message, key]);
        let row = vec![self.session.0.into(), message.value(), key.value()];
        let columns = [Column::SessionId, Column::MessageTag, Column::BaseKeyTag];
        let mut script = self.script();
        Upsert::<Entity>::new(&columns, 2).add_to(&mut script, vec![row])?;
        self.commit(script).await
    }

    async fn base_key(&self, message: Tag) -> std::result::Result<Option<Vec<u8>>, Error> {
        use wa_base_keys::{Column, Entity};
        let found = Entity::find_by_id((self.session, message.to_vec()))
            .select_only()
            .column(Column::BaseKeyTag)
            .into_tuple()
            .one(&self.db)
            .await
            .sure(self)?;
        Ok(found)
    }

    async fn remove_base_key(&self, message: Tag) -> std::result::Result<(), Error> {
        use wa_base_keys::{Column, Entity};
        let mut script = self.script();
        let remove = Entity::delete_many()
            .filter(Column::SessionId.eq(self.session))
            .filter(Column::MessageTag.eq(message.value()));
        script.add_lenient(&remove);
        self.commit(script).await
    }

    async fn put_device_lists(
        &self,
        records: &[DeviceListRecord],
    ) -> std::result::Result<(), Error> {
        use wa_device_lists::{Column, Entity};
        let mut rows = BTreeMap::new();
        for record in records {
            let tag = self.device_list(&record.user);
            let sealed = self.sealed::<Entity>(&tag, &to_json(record)?)?;
            rows.insert(tag, vec![self.session.0.into(), tag.value(), sealed]);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let mut script = self.script();
        Upsert::<Entity>::new(&[Column::SessionId, Column::UserTag, Column::Sealed], 2)
            .add_to(&mut script, rows.into_values().collect())?;
        self.commit(script).await
    }
}

#[async_trait]
impl ProtocolStore for Store {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        Ok(self.sender_key_devices(group_jid).await?)
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        Ok(self.put_sender_key_devices(group_jid, entries).await?)
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        Ok(self.clear_sender_keys(Some(group_jid)).await?)
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        Ok(self.remove_group_devices(device_jids).await?)
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        Ok(self.clear_sender_keys(None).await?)
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        Ok(self.mapping_of_lid(lid).await?)
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        Ok(self.mapping_of_phone(phone).await?)
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        Ok(self.put_mappings(std::slice::from_ref(entry)).await?)
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        Ok(self.put_mappings(entries).await?)
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        Ok(self.mappings().await?)
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        let message = self.retried(address, message_id);
        Ok(self.put_base_key(message, base_key).await?)
    }

    async fn has_same_base_key(
        &self,
        address: &str,
        message_id: &str,
        current_base_key: &[u8],
    ) -> Result<bool> {
        let message = self.retried(address, message_id);
        let current = self.keys.tag("base key", &[&message, current_base_key]);
        Ok(self.base_key(message).await?.as_deref() == Some(&current))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        let message = self.retried(address, message_id);
        Ok(self.remove_base_key(message).await?)
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        Ok(self.put_device_lists(&[record]).await?)
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Result<()> {
        Ok(self.put_device_lists(&records).await?)
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        let found = self
            .find::<wa_device_lists::Entity>(&self.device_list(user))
            .await?;
        let record = found.map(|json| from_json(&json));
        Ok(record.transpose()?)
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        let list = self.device_list(user);
        Ok(self.forget::<wa_device_lists::Entity>(&list).await?)
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        let found = self
            .get::<wa_group_metadata::Entity>(&self.db, &self.group(group_jid))
            .await?;
        Ok(found.map(|blob| blob.to_vec()))
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        let group = self.group(group_jid);
        Ok(self.put::<wa_group_metadata::Entity>(&group, blob).await?)
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        self.remove::<wa_group_metadata::Entity>(&self.group(group_jid))
            .await?;
        Ok(())
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        Ok(self.recent_token(jid).await?)
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        Ok(self.put_token(jid, entry).await?)
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        Ok(self.remove_token(jid).await?)
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        Ok(self.token_jids().await?)
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        Ok(self.remove_old_tokens(token_cutoff, sender_cutoff).await?)
    }

    async fn touch_tc_token_sender_timestamp(
        &self,
        jid: &str,
        sender_timestamp: i64,
    ) -> Result<()> {
        let touch = |there: Option<TcTokenEntry>| {
            let mut entry = there.unwrap_or(TcTokenEntry {
                token: Vec::new(),
                token_timestamp: sender_timestamp,
                sender_timestamp: None,
            });
            // `None` is less than any time: the memory only moves forward.
            entry.sender_timestamp = entry.sender_timestamp.max(Some(sender_timestamp));
            Some(entry)
        };
        Ok(self.change_token(jid, touch).await?)
    }

    async fn store_received_tc_token(
        &self,
        jid: &str,
        token: &[u8],
        token_timestamp: i64,
    ) -> Result<()> {
        let receive = |there: Option<TcTokenEntry>| {
            let sender_timestamp = there.as_ref().and_then(|entry| entry.sender_timestamp);
            let newer = there.is_none_or(|entry| {
                entry.token.is_empty() || token_timestamp >= entry.token_timestamp
            });
            newer.then(|| TcTokenEntry {
                token: token.to_vec(),
                token_timestamp,
                sender_timestamp,
            })
        };
        Ok(self.change_token(jid, receive).await?)
    }

    async fn store_sent_message(
        &self,
        chat_jid: &str,
        message_id: &str,
        payload: &[u8],
    ) -> Result<()> {
        Ok(self.put_sent(chat_jid, message_id, payload).await?)
    }

    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.sent_message(chat_jid, message_id).await?)
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        Ok(self.remove_old_sent(cutoff_timestamp).await?)
    }

    async fn store_pending_inbound(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
        message: &[u8],
    ) -> Result<()> {
        let row = PendingInboundRow {
            chat,
            sender,
            id,
            message,
        };
        Ok(self.put_inbound(&[row]).await?)
    }

    async fn get_pending_inbound(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
    ) -> Result<Option<Vec<u8>>> {
        Ok(self.pending(chat, sender, id).await?)
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        let key = PendingInboundKey { chat, sender, id };
        Ok(self.remove_inbound(&[key]).await?)
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        Ok(self.remove_old_inbound(cutoff_timestamp).await?)
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        Ok(self.put_inbound(rows).await?)
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        Ok(self.remove_inbound(keys).await?)
    }
}
