//! Rows with a sealed value, and writes of many rows in few statements.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IdenStatic, QueryFilter, QuerySelect, Value,
    sea_query::{Expr, OnConflict, Query},
};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::{Error, Store};
use crate::{
    db::{Script, Transaction},
    seal::Tag,
};

/// Parameters of one statement: SQLite takes 32,766, PostgreSQL and MariaDB 65,535.
///
/// A few less, for those of the statement around them.
const MAX_PARAMETERS: usize = 30_000;

/// Bytes of one statement: MariaDB takes a packet of 16 MiB.
const MAX_BYTES: usize = 4 << 20;

/// What a row of a session is found by, besides the session.
pub(super) trait RowKey {
    /// As it is stored.
    fn value(&self) -> Value;

    /// As it is authenticated with the sealed value of its row.
    fn place(&self) -> impl AsRef<[u8]>;
}

impl RowKey for Tag {
    fn value(&self) -> Value {
        self.to_vec().into()
    }

    fn place(&self) -> impl AsRef<[u8]> {
        *self
    }
}

impl RowKey for u32 {
    fn value(&self) -> Value {
        i64::from(*self).into()
    }

    fn place(&self) -> impl AsRef<[u8]> {
        self.to_be_bytes()
    }
}

impl RowKey for &str {
    fn value(&self) -> Value {
        (*self).into()
    }

    fn place(&self) -> impl AsRef<[u8]> {
        self.as_bytes()
    }
}

/// A table with the key (session, one column) and a sealed value.
pub(super) trait SealedTable: EntityTrait {
    const NAME: &'static str;
    const SESSION: Self::Column;
    const KEY: Self::Column;
    const SEALED: Self::Column;
}

macro_rules! sealed_tables {
    ($($table:ident by $key:ident),+ $(,)?) => {
        $(
            impl SealedTable for entity::$table::Entity {
                const NAME: &'static str = stringify!($table);
                const SESSION: Self::Column = entity::$table::Column::SessionId;
                const KEY: Self::Column = entity::$table::Column::$key;
                const SEALED: Self::Column = entity::$table::Column::Sealed;
            }
        )+
    };
}

sealed_tables!(
    wa_identities by Address,
    wa_signal_sessions by Address,
    wa_prekeys by PrekeyId,
    wa_signed_prekeys by PrekeyId,
    wa_sender_keys by Address,
    wa_sync_keys by KeyTag,
    wa_sync_versions by Collection,
    wa_lid_mappings by LidTag,
    wa_device_lists by UserTag,
    wa_group_metadata by GroupTag,
    wa_tc_tokens by JidTag,
    wa_sent_messages by MessageTag,
    wa_pending_inbound by MessageTag,
    wa_msg_secrets by MessageTag,
);

/// What was read, or the end of this store.
pub(super) trait Sure<T> {
    /// Spoils `store` if the read has failed: the client takes what it cannot read for a message that cannot be decrypted,
    /// and tells the server that it is done with it.
    fn sure(self, store: &Store) -> Result<T, Error>;
}

impl<T> Sure<T> for Result<T, DbErr> {
    fn sure(self, store: &Store) -> Result<T, Error> {
        Ok(self.inspect_err(|_| store.spoiled().cancel())?)
    }
}

impl Store {
    /// The keyed hash of `parts`, which are a `of`.
    pub(super) fn tag(&self, of: &str, parts: &[&str]) -> Tag {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        self.keys.tag(of, &parts)
    }

    /// `plain`, sealed for the row `key` of `T`.
    pub(super) fn sealed<T: SealedTable>(
        &self,
        key: &impl RowKey,
        plain: &[u8],
    ) -> Result<Value, Error> {
        Ok(self.sealed_bytes::<T>(key, plain)?.into())
    }

    /// The same as bytes.
    pub(super) fn sealed_bytes<T: SealedTable>(
        &self,
        key: &impl RowKey,
        plain: &[u8],
    ) -> Result<Vec<u8>, Error> {
        Ok(self.keys.seal(T::NAME, key.place().as_ref(), plain)?)
    }

    /// What was sealed for the row `key` of `T`.
    pub(super) fn opened<T: SealedTable>(
        &self,
        key: &impl RowKey,
        blob: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        Ok(self.keys.open(T::NAME, key.place().as_ref(), blob)?)
    }

    /// The session's own rows of `T`.
    pub(super) fn rows<T: SealedTable>(&self) -> sea_orm::Select<T> {
        T::find().filter(T::SESSION.eq(self.session))
    }

    /// The value of the row `key`.
    pub(super) async fn get<T: SealedTable>(
        &self,
        db: &impl ConnectionTrait,
        key: &impl RowKey,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let found: Option<Vec<u8>> = self
            .rows::<T>()
            .select_only()
            .column(T::SEALED)
            .filter(T::KEY.eq(key.value()))
            .into_tuple()
            .one(db)
            .await
            .sure(self)?;
        found.map(|blob| self.opened::<T>(key, &blob)).transpose()
    }

    /// Whether there is a row `key`.
    pub(super) async fn has<T: SealedTable>(&self, key: &impl RowKey) -> Result<bool, Error> {
        let found: Option<i32> = self
            .rows::<T>()
            .select_only()
            .expr(Expr::val(1))
            .filter(T::KEY.eq(key.value()))
            .into_tuple()
            .one(&self.db)
            .await
            .sure(self)?;
        Ok(found.is_some())
    }

    /// Write the row `key`, in a table that has nothing but its key and its value.
    pub(super) async fn put<T: SealedTable>(
        &self,
        key: &impl RowKey,
        plain: &[u8],
    ) -> Result<(), Error> {
        let row = vec![
            self.session.0.into(),
            key.value(),
            self.sealed::<T>(key, plain)?,
        ];
        let mut script = self.script();
        Upsert::<T>::new(&[T::SESSION, T::KEY, T::SEALED], 2).add_to(&mut script, vec![row])?;
        self.commit(script).await
    }

    /// Remove the row `key`; tells whether there was one.
    pub(super) async fn remove<T: SealedTable>(&self, key: &impl RowKey) -> Result<bool, Error> {
        let write = self.write().await?;
        let gone = T::delete_many()
            .filter(T::SESSION.eq(self.session))
            .filter(T::KEY.eq(key.value()))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(gone.rows_affected > 0)
    }

    /// Remove the rows that match `old`; most often there is none, and then nothing is locked.
    pub(super) async fn remove_old<T: SealedTable>(
        &self,
        old: sea_orm::Condition,
    ) -> Result<u32, Error> {
        let any: Option<i32> = self
            .rows::<T>()
            .select_only()
            .expr(Expr::val(1))
            .filter(old.clone())
            .limit(1)
            .into_tuple()
            .one(&self.db)
            .await
            .sure(self)?;
        if any.is_none() {
            return Ok(0);
        }
        let write = self.write().await?;
        let gone = T::delete_many()
            .filter(T::SESSION.eq(self.session))
            .filter(old)
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(u32::try_from(gone.rows_affected).unwrap_or(u32::MAX))
    }
}

/// Insert rows or update those whose key exists: one statement for as many rows as it may hold.
pub(super) struct Upsert<E: EntityTrait> {
    columns: Vec<E::Column>,
    keys: usize,
    /// Columns that do not take the new value, and what they take.
    merged: Vec<(E::Column, Option<Expr>)>,
}

impl<E: EntityTrait> Upsert<E> {
    /// The first `keys` of `columns` are the key; the others take the new value.
    pub(super) fn new(columns: &[E::Column], keys: usize) -> Self {
        Self {
            columns: columns.to_vec(),
            keys,
            merged: Vec::new(),
        }
    }

    /// Let `column` become `value` when the key exists, and not the new value.
    pub(super) fn merging(mut self, column: E::Column, value: Expr) -> Self {
        self.merged.push((column, Some(value)));
        self
    }

    /// Leave `column` as it is when the key exists: it follows from the key. To write it again would write its index.
    pub(super) fn keeping(mut self, column: E::Column) -> Self {
        self.merged.push((column, None));
        self
    }

    fn conflict(&self) -> OnConflict {
        let (key, rest) = self.columns.split_at(self.keys);
        let is_merged = |column: &E::Column| {
            let same = |(merged, _): &(E::Column, _)| merged.as_str() == column.as_str();
            self.merged.iter().any(same)
        };
        let merged = self.merged.iter().cloned();
        let merged = merged.filter_map(|(column, value)| Some((column, value?)));
        let mut conflict = OnConflict::columns(key.iter().copied());
        conflict
            .update_columns(rest.iter().copied().filter(|column| !is_merged(column)))
            .values(merged);
        conflict
    }

    /// Write `rows` as part of `tx`.
    pub(super) async fn run(self, tx: &Transaction, rows: Vec<Vec<Value>>) -> Result<(), DbErr> {
        let mut script = Script::new(tx.get_database_backend());
        self.add_to(&mut script, rows)?;
        script.run(tx).await?;
        Ok(())
    }

    /// Have `script` write `rows`. No key may be in them twice: PostgreSQL refuses that.
    pub(super) fn add_to(self, script: &mut Script, rows: Vec<Vec<Value>>) -> Result<(), DbErr> {
        let per_statement = (MAX_PARAMETERS / self.columns.len()).max(1);
        let conflict = self.conflict();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let mut insert = Query::insert();
            insert
                .into_table(E::default())
                .columns(self.columns.iter().copied())
                .on_conflict(conflict.clone());
            let (mut taken, mut bytes) = (0, 0);
            while taken < per_statement
                && let Some(row) =
                    rows.next_if(|row| taken == 0 || bytes + weight(row) <= MAX_BYTES)
            {
                taken += 1;
                bytes += weight(&row);
                insert
                    .values(row.into_iter().map(Expr::val))
                    .map_err(|error| DbErr::Custom(error.to_string()))?;
            }
            script.upsert(script.backend().build(&insert), taken);
        }
        Ok(())
    }
}

/// The stored form of `keys`, in groups that fit into one `IN (…)`.
pub(super) fn groups<K: RowKey>(keys: &[K]) -> impl Iterator<Item = Vec<Value>> {
    keys.chunks(MAX_PARAMETERS)
        .map(|group| group.iter().map(RowKey::value).collect())
}

fn weight(row: &[Value]) -> usize {
    row.iter()
        .map(|value| match value {
            Value::Bytes(Some(bytes)) => bytes.len(),
            _ => 16,
        })
        .sum()
}

/// A value as JSON, wiped from memory when it is sealed.
pub(super) fn to_json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, Error> {
    serde_json::to_vec(value)
        .map(Zeroizing::new)
        .map_err(Error::form)
}

/// A value from its JSON.
pub(super) fn from_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(json).map_err(Error::form)
}
