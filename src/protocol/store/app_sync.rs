//! `AppSyncStore`: keys, versions and MACs of the app state.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use entity::{wa_mutation_macs, wa_sync_keys, wa_sync_versions};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use wacore::{
    appstate::hash::HashState,
    store::{
        error::Result,
        traits::{AppStateSyncKey, AppSyncStore},
    },
};
use wacore_appstate::processor::AppStateMutationMAC;

use super::{
    Error, Store,
    rows::{RowKey, Sure, Upsert, from_json, groups, to_json},
};
use crate::seal::Tag;

impl Store {
    fn sync_key(&self, id: &[u8]) -> Tag {
        self.keys.tag("sync key", &[id])
    }

    fn index(&self, index_mac: &[u8]) -> Tag {
        self.keys.tag("index mac", &[index_mac])
    }

    async fn put_sync_key(
        &self,
        id: &[u8],
        key: &AppStateSyncKey,
    ) -> std::result::Result<(), Error> {
        use wa_sync_keys::{Column, Entity};
        let tag = self.sync_key(id);
        let sealed = self.sealed::<Entity>(&tag, &to_json(&(id, key))?)?;
        let columns = [
            Column::SessionId,
            Column::KeyTag,
            Column::Position,
            Column::Sealed,
        ];
        let write = self.write().await?;
        let last: Option<Option<i64>> = self
            .rows::<Entity>()
            .select_only()
            .expr(Column::Position.max())
            .into_tuple()
            .one(&write.tx)
            .await?;
        let position = last.flatten().unwrap_or(0) + 1;
        let row = vec![self.session.0.into(), tag.value(), position.into(), sealed];
        Upsert::<Entity>::new(&columns, 2)
            .run(&write.tx, vec![row])
            .await?;
        write.commit().await
    }

    async fn latest_sync_key(&self) -> std::result::Result<Option<Vec<u8>>, Error> {
        use wa_sync_keys::{Column, Entity};
        let latest: Option<(Vec<u8>, Vec<u8>)> = self
            .rows::<Entity>()
            .select_only()
            .columns([Column::KeyTag, Column::Sealed])
            .order_by_desc(Column::Position)
            .into_tuple()
            .one(&self.db)
            .await
            .sure(self)?;
        let Some((tag, blob)) = latest else {
            return Ok(None);
        };
        let tag: Tag = tag.as_slice().try_into().map_err(Error::form)?;
        let (id, _): (Vec<u8>, AppStateSyncKey) = from_json(&self.opened::<Entity>(&tag, &blob)?)?;
        Ok(Some(id))
    }

    async fn put_macs(
        &self,
        name: &str,
        mutations: &[AppStateMutationMAC],
    ) -> std::result::Result<(), Error> {
        use wa_mutation_macs::{Column, Entity};
        let mut rows = BTreeMap::new();
        for mutation in mutations {
            let tag = self.index(&mutation.index_mac);
            let mac = mutation.value_mac.clone();
            let row = vec![self.session.0.into(), name.into(), tag.value(), mac.into()];
            rows.insert(tag, row);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let columns = [
            Column::SessionId,
            Column::Collection,
            Column::IndexTag,
            Column::ValueMac,
        ];
        let mut script = self.script();
        Upsert::<Entity>::new(&columns, 3).add_to(&mut script, rows.into_values().collect())?;
        self.commit(script).await
    }

    async fn macs(
        &self,
        name: &str,
        tags: &[Tag],
    ) -> std::result::Result<HashMap<Tag, Vec<u8>>, Error> {
        use wa_mutation_macs::{Column, Entity};
        let mut found = HashMap::with_capacity(tags.len());
        for group in groups(tags) {
            let rows: Vec<(Vec<u8>, Vec<u8>)> = Entity::find()
                .select_only()
                .columns([Column::IndexTag, Column::ValueMac])
                .filter(Column::SessionId.eq(self.session))
                .filter(Column::Collection.eq(name))
                .filter(Column::IndexTag.is_in(group))
                .into_tuple()
                .all(&self.db)
                .await
                .sure(self)?;
            for (tag, mac) in rows {
                found.insert(tag.as_slice().try_into().map_err(Error::form)?, mac);
            }
        }
        Ok(found)
    }

    async fn remove_macs(&self, name: &str, tags: &[Tag]) -> std::result::Result<(), Error> {
        use wa_mutation_macs::{Column, Entity};
        if tags.is_empty() {
            return Ok(());
        }
        let mut script = self.script();
        for group in groups(tags) {
            let remove = Entity::delete_many()
                .filter(Column::SessionId.eq(self.session))
                .filter(Column::Collection.eq(name))
                .filter(Column::IndexTag.is_in(group));
            script.add_lenient(&remove);
        }
        self.commit(script).await
    }

    async fn clear_macs(&self, name: &str) -> std::result::Result<(), Error> {
        use wa_mutation_macs::{Column, Entity};
        let mut script = self.script();
        let clear = Entity::delete_many()
            .filter(Column::SessionId.eq(self.session))
            .filter(Column::Collection.eq(name));
        script.add_lenient(&clear);
        self.commit(script).await
    }
}

#[async_trait]
impl AppSyncStore for Store {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        let found = self
            .get::<wa_sync_keys::Entity>(&self.db, &self.sync_key(key_id))
            .await?;
        let pair = found.map(|json| from_json::<(Vec<u8>, AppStateSyncKey)>(&json));
        Ok(pair.transpose()?.map(|(_, key)| key))
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        Ok(self.put_sync_key(key_id, &key).await?)
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        let found = self
            .get::<wa_sync_versions::Entity>(&self.db, &name)
            .await?;
        let state = found.map(|json| from_json(&json));
        Ok(state.transpose()?.unwrap_or_default())
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        let json = to_json(&state)?;
        Ok(self.put::<wa_sync_versions::Entity>(&name, &json).await?)
    }

    async fn put_mutation_macs(
        &self,
        name: &str,
        _version: u64,
        mutations: &[AppStateMutationMAC],
    ) -> Result<()> {
        Ok(self.put_macs(name, mutations).await?)
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        let tag = self.index(index_mac);
        Ok(self.macs(name, &[tag]).await?.remove(&tag))
    }

    async fn get_mutation_macs(
        &self,
        name: &str,
        index_macs: &[[u8; 32]],
    ) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        let tags: Vec<Tag> = index_macs.iter().map(|mac| self.index(mac)).collect();
        let mut found = self.macs(name, &tags).await?;
        let known = index_macs.iter().zip(tags);
        Ok(known
            .filter_map(|(mac, tag)| found.remove(&tag).map(|value| (*mac, value)))
            .collect())
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        let tags: Vec<Tag> = index_macs.iter().map(|mac| self.index(mac)).collect();
        Ok(self.remove_macs(name, &tags).await?)
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        Ok(self.clear_macs(name).await?)
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.latest_sync_key().await?)
    }
}
