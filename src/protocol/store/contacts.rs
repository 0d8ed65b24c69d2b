//! Who is who: LIDs and phone numbers, and which devices of a group have our sender key.

use std::collections::BTreeMap;

use entity::{wa_lid_mappings, wa_pn_lids, wa_sender_key_devices};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use wacore::store::traits::LidPnMappingEntry;

use super::{
    Error, Store,
    rows::{RowKey, Sure, Upsert, from_json, groups, to_json},
};
use crate::seal::Tag;

const DEVICES: &str = "wa_sender_key_devices";

impl Store {
    fn lid(&self, lid: &str) -> Tag {
        self.tag("lid", &[lid])
    }

    fn phone(&self, phone: &str) -> Tag {
        self.tag("phone", &[phone])
    }

    fn group_device(&self, device: &str) -> Tag {
        self.tag("group device", &[device])
    }

    pub(super) fn group(&self, group: &str) -> Tag {
        self.tag("group", &[group])
    }

    pub(super) async fn put_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<(), Error> {
        use wa_lid_mappings::{Column, Entity};
        let mut by_lid = BTreeMap::new();
        let mut by_phone = BTreeMap::new();
        for entry in entries {
            let (lid, phone) = (self.lid(&entry.lid), self.phone(&entry.phone_number));
            let sealed = self.sealed::<Entity>(&lid, &to_json(entry)?)?;
            let session = || self.session.0.into();
            by_lid.insert(lid, vec![session(), lid.value(), phone.value(), sealed]);
            by_phone.insert(phone, vec![session(), phone.value(), lid.value()]);
        }
        if by_lid.is_empty() {
            return Ok(());
        }
        let columns = [
            Column::SessionId,
            Column::LidTag,
            Column::PnTag,
            Column::Sealed,
        ];
        let reverse = [
            wa_pn_lids::Column::SessionId,
            wa_pn_lids::Column::PnTag,
            wa_pn_lids::Column::LidTag,
        ];
        let mut script = self.script();
        Upsert::<Entity>::new(&columns, 2).add_to(&mut script, by_lid.into_values().collect())?;
        Upsert::<wa_pn_lids::Entity>::new(&reverse, 2)
            .add_to(&mut script, by_phone.into_values().collect())?;
        self.commit(script).await
    }

    pub(super) async fn mapping_of_lid(
        &self,
        lid: &str,
    ) -> Result<Option<LidPnMappingEntry>, Error> {
        let found = self
            .get::<wa_lid_mappings::Entity>(&self.db, &self.lid(lid))
            .await?;
        found.map(|json| from_json(&json)).transpose()
    }

    /// The mapping that named `phone` last, unless its LID has gone to another number since.
    pub(super) async fn mapping_of_phone(
        &self,
        phone: &str,
    ) -> Result<Option<LidPnMappingEntry>, Error> {
        use wa_lid_mappings as m;
        use wa_pn_lids as p;
        let (mapping, reverse) = (m::Entity, p::Entity);
        let mut query = Query::select();
        query
            .column((mapping, m::Column::LidTag))
            .column((mapping, m::Column::Sealed))
            .from(reverse)
            .inner_join(
                mapping,
                Expr::col((mapping, m::Column::SessionId))
                    .equals((reverse, p::Column::SessionId))
                    .and(
                        Expr::col((mapping, m::Column::LidTag))
                            .equals((reverse, p::Column::LidTag)),
                    )
                    .and(
                        Expr::col((mapping, m::Column::PnTag)).equals((reverse, p::Column::PnTag)),
                    ),
            )
            .and_where(Expr::col((reverse, p::Column::SessionId)).eq(self.session.0))
            .and_where(Expr::col((reverse, p::Column::PnTag)).eq(self.phone(phone).value()));
        let Some(row) = self.db.query_one(&query).await.sure(self)? else {
            return Ok(None);
        };
        let entry = self.open_mapping(
            &row.try_get_by_index::<Vec<u8>>(0)?,
            &row.try_get_by_index::<Vec<u8>>(1)?,
        )?;
        Ok(Some(entry))
    }

    pub(super) async fn mappings(&self) -> Result<Vec<LidPnMappingEntry>, Error> {
        use wa_lid_mappings::{Column, Entity};
        let rows: Vec<(Vec<u8>, Vec<u8>)> = self
            .rows::<Entity>()
            .select_only()
            .columns([Column::LidTag, Column::Sealed])
            .into_tuple()
            .all(&self.db)
            .await
            .sure(self)?;
        rows.iter()
            .map(|(lid, blob)| self.open_mapping(lid, blob))
            .collect()
    }

    fn open_mapping(&self, lid: &[u8], blob: &[u8]) -> Result<LidPnMappingEntry, Error> {
        let lid: Tag = lid.try_into().map_err(Error::form)?;
        from_json(&self.opened::<wa_lid_mappings::Entity>(&lid, blob)?)
    }

    pub(super) async fn put_sender_key_devices(
        &self,
        group: &str,
        entries: &[(&str, bool)],
    ) -> Result<(), Error> {
        use wa_sender_key_devices::{Column, Entity};
        let group = self.group(group);
        let mut rows = BTreeMap::new();
        for (jid, has_key) in entries {
            let device = self.group_device(jid);
            let place = [group, device].concat();
            let row = vec![
                self.session.0.into(),
                group.value(),
                device.value(),
                (*has_key).into(),
                self.keys.seal(DEVICES, &place, jid.as_bytes())?.into(),
            ];
            rows.insert(device, row);
        }
        if rows.is_empty() {
            return Ok(());
        }
        let columns = [
            Column::SessionId,
            Column::GroupTag,
            Column::DeviceTag,
            Column::HasKey,
            Column::Sealed,
        ];
        let mut script = self.script();
        Upsert::<Entity>::new(&columns, 3).add_to(&mut script, rows.into_values().collect())?;
        self.commit(script).await
    }

    pub(super) async fn sender_key_devices(
        &self,
        group: &str,
    ) -> Result<Vec<(String, bool)>, Error> {
        use wa_sender_key_devices::{Column, Entity};
        let group = self.group(group);
        let rows: Vec<(Vec<u8>, bool, Vec<u8>)> = Entity::find()
            .select_only()
            .columns([Column::DeviceTag, Column::HasKey, Column::Sealed])
            .filter(Column::SessionId.eq(self.session))
            .filter(Column::GroupTag.eq(group.value()))
            .into_tuple()
            .all(&self.db)
            .await
            .sure(self)?;
        rows.into_iter()
            .map(|(device, has_key, blob)| {
                let place = [group.as_slice(), &device].concat();
                let jid = self.keys.open(DEVICES, &place, &blob)?;
                let jid = str::from_utf8(&jid).map_err(Error::form)?;
                Ok((jid.to_owned(), has_key))
            })
            .collect()
    }

    /// Forget the devices of one group, or of all.
    pub(super) async fn clear_sender_keys(&self, group: Option<&str>) -> Result<(), Error> {
        use wa_sender_key_devices::{Column, Entity};
        let mut all = Entity::delete_many().filter(Column::SessionId.eq(self.session));
        if let Some(group) = group {
            all = all.filter(Column::GroupTag.eq(self.group(group).value()));
        }
        let mut script = self.script();
        script.add_lenient(&all);
        self.commit(script).await
    }

    /// Forget devices in all groups.
    pub(super) async fn remove_group_devices(&self, jids: &[&str]) -> Result<(), Error> {
        use wa_sender_key_devices::{Column, Entity};
        if jids.is_empty() {
            return Ok(());
        }
        let tags: Vec<Tag> = jids.iter().map(|jid| self.group_device(jid)).collect();
        let mut script = self.script();
        for group in groups(&tags) {
            let forget = Entity::delete_many()
                .filter(Column::SessionId.eq(self.session))
                .filter(Column::DeviceTag.is_in(group));
            script.add_lenient(&forget);
        }
        self.commit(script).await
    }
}
