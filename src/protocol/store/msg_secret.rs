//! `MsgSecretStore`: the secrets of messages, which open votes, reactions and edits of them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use async_trait::async_trait;
use entity::wa_msg_secrets::{Column, Entity};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, QueryFilter, QuerySelect,
    sea_query::{CaseStatement, Expr, ExprTrait},
};
use tokio::time::Instant;
use wacore::store::{
    error::Result,
    traits::{
        MessageSecret, MsgSecretEntry, MsgSecretStore, merge_msg_secret_expiry,
        merge_msg_secret_message_ts,
    },
};

use super::{
    Error, Store,
    rows::{RowKey, Sure, Upsert},
};
use crate::{db::incoming, seal::Tag};

/// How long after one write of secrets the next may begin. The library holds what waits, and reads it there; without a
/// pause each message of a burst would cost a write.
const SECRETS_APART: Duration = Duration::from_millis(25);

impl Store {
    fn secret(&self, chat: &str, sender: &str, id: &str) -> Tag {
        self.tag("message secret", &[chat, sender, id])
    }

    async fn put_secrets(&self, entries: &[MsgSecretEntry]) -> std::result::Result<(), Error> {
        let mut merged = BTreeMap::<Tag, (MessageSecret, i64, i64)>::new();
        for entry in entries {
            let new = (entry.secret, entry.expires_at, entry.message_ts);
            match merged.entry(self.secret(&entry.chat, &entry.sender, &entry.msg_id)) {
                Entry::Vacant(free) => {
                    free.insert(new);
                }
                Entry::Occupied(mut there) => {
                    let (secret, expires_at, message_ts) = there.get_mut();
                    *secret = new.0;
                    *expires_at = merge_msg_secret_expiry(*expires_at, new.1);
                    *message_ts = merge_msg_secret_message_ts(*message_ts, new.2);
                }
            }
        }
        if merged.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(merged.len());
        for (tag, (secret, expires_at, message_ts)) in merged {
            rows.push(vec![
                self.session.0.into(),
                tag.value(),
                expires_at.into(),
                message_ts.into(),
                self.sealed::<Entity>(&tag, &secret)?,
            ]);
        }
        let columns = [
            Column::SessionId,
            Column::MessageTag,
            Column::ExpiresAt,
            Column::MessageTs,
            Column::Sealed,
        ];
        let mut written = self.secrets_written.lock().await;
        if let Some(next) = *written {
            tokio::time::sleep_until(next).await;
        }
        let mut script = self.script();
        let backend = script.backend();
        Upsert::<Entity>::new(&columns, 2)
            .merging(Column::ExpiresAt, later_or_never(backend))
            .merging(Column::MessageTs, later(backend, Column::MessageTs).into())
            .add_to(&mut script, rows)?;
        self.commit(script).await?;
        *written = Some(Instant::now() + SECRETS_APART);
        drop(written);
        Ok(())
    }

    async fn secret_with_time(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
    ) -> std::result::Result<Option<(Vec<u8>, i64)>, Error> {
        let tag = self.secret(chat, sender, id);
        let row: Option<(i64, Vec<u8>)> = self
            .rows::<Entity>()
            .select_only()
            .columns([Column::MessageTs, Column::Sealed])
            .filter(Column::MessageTag.eq(tag.value()))
            .into_tuple()
            .one(&self.db)
            .await
            .sure(self)?;
        row.map(|(at, blob)| Ok((self.opened::<Entity>(&tag, &blob)?.to_vec(), at)))
            .transpose()
    }
}

/// [`merge_msg_secret_message_ts`] in SQL: the later one.
fn later(backend: DbBackend, column: Column) -> CaseStatement {
    let there = || Expr::col((Entity, column));
    Expr::case(there().gt(incoming(backend, column)), there()).finally(incoming(backend, column))
}

/// [`merge_msg_secret_expiry`] in SQL: 0 is never, else the later one.
fn later_or_never(backend: DbBackend) -> Expr {
    let there = Expr::col((Entity, Column::ExpiresAt));
    let never = there.eq(0).or(incoming(backend, Column::ExpiresAt).eq(0));
    Expr::case(never, 0)
        .finally(later(backend, Column::ExpiresAt))
        .into()
}

#[async_trait]
impl MsgSecretStore for Store {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        self.put_secrets(&entries).await?;
        Ok(entries.len())
    }

    async fn get_msg_secret(
        &self,
        chat: &str,
        sender: &str,
        msg_id: &str,
    ) -> Result<Option<Vec<u8>>> {
        let found = self.secret_with_time(chat, sender, msg_id).await?;
        Ok(found.map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(
        &self,
        chat: &str,
        sender: &str,
        msg_id: &str,
    ) -> Result<Option<(Vec<u8>, i64)>> {
        Ok(self.secret_with_time(chat, sender, msg_id).await?)
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        let old = Condition::all()
            .add(Column::ExpiresAt.ne(0))
            .add(Column::ExpiresAt.lte(cutoff_timestamp));
        Ok(self.remove_old::<Entity>(old).await?)
    }
}
