//! `DeviceStore`: the device itself, one row of JSON, sealed.

use async_trait::async_trait;
use entity::wa_devices::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use wacore::{
    stats::StorageResourceReport,
    store::{Device, error::Result, traits::DeviceStore},
};

use super::{
    Error, Store,
    rows::{Sure, Upsert, from_json, to_json},
};

/// The number the library knows the device by: a store holds the device of one session, so there is one.
const DEVICE_ID: i32 = 1;
const TABLE: &str = "wa_devices";

impl Store {
    async fn put_device(&self, device: &Device) -> std::result::Result<(), Error> {
        let sealed = self.keys.seal(TABLE, b"", &to_json(device)?)?;
        let row = vec![self.session.0.into(), sealed.into()];
        let mut script = self.script();
        Upsert::<Entity>::new(&[Column::SessionId, Column::Sealed], 1)
            .add_to(&mut script, vec![row])?;
        self.commit(script).await
    }

    async fn device(&self) -> std::result::Result<Option<Device>, Error> {
        let row = Entity::find_by_id(self.session)
            .one(&self.db)
            .await
            .sure(self)?;
        row.map(|row| from_json(&self.keys.open(TABLE, b"", &row.sealed)?))
            .transpose()
    }

    async fn has_device(&self) -> std::result::Result<bool, Error> {
        let found: Option<i32> = Entity::find()
            .select_only()
            .expr(Expr::val(1))
            .filter(Column::SessionId.eq(self.session))
            .into_tuple()
            .one(&self.db)
            .await
            .sure(self)?;
        Ok(found.is_some())
    }
}

#[async_trait]
impl DeviceStore for Store {
    async fn save(&self, device: &Device) -> Result<()> {
        Ok(self.put_device(device).await?)
    }

    async fn load(&self) -> Result<Option<Device>> {
        Ok(self.device().await?)
    }

    async fn exists(&self) -> Result<bool> {
        Ok(self.has_device().await?)
    }

    async fn create(&self) -> Result<i32> {
        if !self.has_device().await? {
            self.put_device(&Device::new()).await?;
        }
        Ok(DEVICE_ID)
    }

    /// The pages of the database belong to the process, not to a session.
    async fn resource_report(&self) -> StorageResourceReport {
        StorageResourceReport {
            memory_bytes: Some(0),
            ..StorageResourceReport::default()
        }
    }
}
