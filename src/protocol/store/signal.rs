//! `SignalStore`: identities, ratchets, pre-keys and sender keys.
//!
//! A flush of the client arrives as a batch: one transaction, one lock, one statement.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use entity::{wa_identities, wa_prekeys, wa_sender_keys, wa_signal_sessions, wa_signed_prekeys};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, UnionType},
};
use wacore::store::{error::Result, traits::SignalStore};

use super::{
    Error, Store,
    gaps::Addressed,
    rows::{RowKey, Sure, Upsert, groups},
};
use crate::seal::Tag;

impl Store {
    fn address(&self, address: &str) -> Tag {
        self.tag("address", &[address])
    }

    fn user(&self, user: &str) -> Tag {
        self.tag("user", &[user])
    }

    /// Write values of a table that is found by address and, for the whole of a user, by user.
    async fn put_by_address<T: Addressed>(
        &self,
        entries: impl Iterator<Item = (&str, &[u8])>,
    ) -> std::result::Result<(), Error> {
        let mut rows = BTreeMap::new();
        for (address, plain) in entries {
            let key = self.address(address);
            let row = vec![
                self.session.0.into(),
                key.value(),
                self.user(user_of(address)).value(),
                self.sealed::<T>(&key, plain)?,
            ];
            rows.insert(key, row);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let mut script = self.script();
        Upsert::<T>::new(&[T::SESSION, T::KEY, T::USER_TAG, T::SEALED], 2)
            .keeping(T::USER_TAG)
            .add_to(&mut script, rows.into_values().collect())?;
        self.commit(script).await
    }

    async fn put_sender_keys(
        &self,
        entries: impl Iterator<Item = (&str, &[u8])>,
    ) -> std::result::Result<(), Error> {
        use wa_sender_keys::{Column, Entity};
        let mut rows = BTreeMap::new();
        for (address, record) in entries {
            let key = self.address(address);
            let sealed = self.sealed::<Entity>(&key, record)?;
            rows.insert(key, vec![self.session.0.into(), key.value(), sealed]);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let mut script = self.script();
        Upsert::<Entity>::new(&[Column::SessionId, Column::Address, Column::Sealed], 2)
            .add_to(&mut script, rows.into_values().collect())?;
        self.commit(script).await
    }

    async fn put_prekeys(
        &self,
        keys: impl Iterator<Item = (u32, &[u8])>,
        uploaded: bool,
    ) -> std::result::Result<(), Error> {
        use wa_prekeys::{Column, Entity};
        let mut rows = BTreeMap::new();
        for (id, record) in keys {
            let sealed = self.sealed::<Entity>(&id, record)?;
            let row = vec![self.session.0.into(), id.value(), uploaded.into(), sealed];
            rows.insert(id, row);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let columns = [
            Column::SessionId,
            Column::PrekeyId,
            Column::Uploaded,
            Column::Sealed,
        ];
        let mut script = self.script();
        Upsert::<Entity>::new(&columns, 2).add_to(&mut script, rows.into_values().collect())?;
        self.commit(script).await
    }

    async fn prekeys(&self, ids: &[u32]) -> std::result::Result<HashMap<u32, Bytes>, Error> {
        use wa_prekeys::{Column, Entity};
        let mut found = HashMap::with_capacity(ids.len());
        for group in groups(ids) {
            let rows: Vec<(i64, Vec<u8>)> = self
                .rows::<Entity>()
                .select_only()
                .columns([Column::PrekeyId, Column::Sealed])
                .filter(Column::PrekeyId.is_in(group))
                .into_tuple()
                .all(&self.db)
                .await
                .sure(self)?;
            for (id, blob) in rows {
                let id = u32::try_from(id).map_err(Error::form)?;
                let record = self.opened::<Entity>(&id, &blob)?;
                found.insert(id, Bytes::copy_from_slice(&record));
            }
        }
        Ok(found)
    }

    async fn mark_uploaded(&self, ids: &[u32]) -> std::result::Result<(), Error> {
        use wa_prekeys::{Column, Entity};
        if ids.is_empty() {
            return Ok(());
        }
        let mut script = self.script();
        for group in groups(ids) {
            let mark = Entity::update_many()
                .col_expr(Column::Uploaded, Expr::val(true))
                .filter(Column::SessionId.eq(self.session))
                .filter(Column::PrekeyId.is_in(group));
            script.add_lenient(&mark);
        }
        self.commit(script).await
    }

    async fn max_prekey(&self) -> std::result::Result<u32, Error> {
        let max: Option<Option<i64>> = self
            .rows::<wa_prekeys::Entity>()
            .select_only()
            .expr(wa_prekeys::Column::PrekeyId.max())
            .into_tuple()
            .one(&self.db)
            .await
            .sure(self)?;
        u32::try_from(max.flatten().unwrap_or(0)).map_err(Error::form)
    }

    async fn signed_prekeys(&self) -> std::result::Result<Vec<(u32, Vec<u8>)>, Error> {
        use wa_signed_prekeys::{Column, Entity};
        let rows: Vec<(i64, Vec<u8>)> = self
            .rows::<Entity>()
            .select_only()
            .columns([Column::PrekeyId, Column::Sealed])
            .into_tuple()
            .all(&self.db)
            .await
            .sure(self)?;
        rows.into_iter()
            .map(|(id, blob)| {
                let id = u32::try_from(id).map_err(Error::form)?;
                Ok((id, self.opened::<Entity>(&id, &blob)?.to_vec()))
            })
            .collect()
    }

    /// Asks whether anything is stored of an address of the user with `tag`.
    pub(super) async fn has_user(&self, tag: &Tag) -> std::result::Result<bool, Error> {
        let tag = tag.value();
        let mut query = self
            .rows::<wa_signal_sessions::Entity>()
            .select_only()
            .expr(Expr::val(1))
            .filter(wa_signal_sessions::Column::UserTag.eq(tag.clone()))
            .into_query();
        let identities = self
            .rows::<wa_identities::Entity>()
            .select_only()
            .expr(Expr::val(1))
            .filter(wa_identities::Column::UserTag.eq(tag))
            .into_query();
        query.union(UnionType::All, identities).limit(1);
        Ok(self.db.query_one(&query).await.sure(self)?.is_some())
    }
}

/// The user part of a Signal address: `user@server`, `user:device@server`.
fn user_of(address: &str) -> &str {
    address.split(['@', ':']).next().unwrap_or(address)
}

#[async_trait]
impl SignalStore for Store {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        let entry = std::iter::once((address, key.as_slice()));
        self.put_by_address::<wa_identities::Entity>(entry).await?;
        Ok(())
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        let entries = identities.iter().map(|(at, key)| (&**at, key.as_slice()));
        self.put_by_address::<wa_identities::Entity>(entries)
            .await?;
        Ok(())
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        let found = self
            .find::<wa_identities::Entity>(&self.address(address))
            .await?;
        let key = found.map(|plain| plain.as_slice().try_into().map_err(Error::form));
        Ok(key.transpose()?)
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        self.remove::<wa_identities::Entity>(&self.address(address))
            .await?;
        Ok(())
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        let found = self
            .find::<wa_signal_sessions::Entity>(&self.address(address))
            .await?;
        Ok(found.map(|plain| Bytes::copy_from_slice(&plain)))
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        let entry = std::iter::once((address, session));
        self.put_by_address::<wa_signal_sessions::Entity>(entry)
            .await?;
        Ok(())
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        let entries = sessions.iter().map(|(at, session)| (&**at, &**session));
        self.put_by_address::<wa_signal_sessions::Entity>(entries)
            .await?;
        Ok(())
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        self.remove::<wa_signal_sessions::Entity>(&self.address(address))
            .await?;
        Ok(())
    }

    async fn has_session(&self, address: &str) -> Result<bool> {
        Ok(self
            .has::<wa_signal_sessions::Entity>(&self.address(address))
            .await?)
    }

    async fn has_signal_state_for_user(&self, user: &str) -> Result<bool> {
        Ok(self.knows_user(&self.user(user)).await?)
    }

    async fn store_prekey(&self, id: u32, record: &[u8], uploaded: bool) -> Result<()> {
        Ok(self
            .put_prekeys(std::iter::once((id, record)), uploaded)
            .await?)
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], uploaded: bool) -> Result<()> {
        let keys = keys.iter().map(|(id, record)| (*id, &**record));
        Ok(self.put_prekeys(keys, uploaded).await?)
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        let found = self.get::<wa_prekeys::Entity>(&self.db, &id).await?;
        Ok(found.map(|plain| Bytes::copy_from_slice(&plain)))
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        let found = self.prekeys(ids).await?;
        // In the order that was asked for, as one by one would give them.
        let record = |id: &u32| found.get(id).map(|record| (*id, record.clone()));
        Ok(ids.iter().filter_map(record).collect())
    }

    async fn mark_prekeys_uploaded(&self, ids: &[u32]) -> Result<()> {
        Ok(self.mark_uploaded(ids).await?)
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        self.remove::<wa_prekeys::Entity>(&id).await?;
        Ok(())
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        Ok(self.max_prekey().await?)
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        Ok(self.put::<wa_signed_prekeys::Entity>(&id, record).await?)
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        let found = self.get::<wa_signed_prekeys::Entity>(&self.db, &id).await?;
        Ok(found.map(|plain| plain.to_vec()))
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        Ok(self.signed_prekeys().await?)
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        self.remove::<wa_signed_prekeys::Entity>(&id).await?;
        Ok(())
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        Ok(self
            .put_sender_keys(std::iter::once((address, record)))
            .await?)
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        let entries = sender_keys.iter().map(|(at, record)| (&**at, &**record));
        Ok(self.put_sender_keys(entries).await?)
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        let found = self
            .get::<wa_sender_keys::Entity>(&self.db, &self.address(address))
            .await?;
        Ok(found.map(|plain| plain.to_vec()))
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        self.remove::<wa_sender_keys::Entity>(&self.address(address))
            .await?;
        Ok(())
    }
}
