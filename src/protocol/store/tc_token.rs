//! Trusted-contact tokens. Two writers own a field each, so a change reads the row under the session's lock.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use entity::wa_tc_tokens::{Column, Entity};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryFilter, QuerySelect};
use wacore::store::traits::TcTokenEntry;

use super::{
    Error, Store,
    rows::{RowKey, Sure, Upsert, from_json, to_json},
};
use crate::{db::Script, seal::Tag};

/// Token timestamp, sender timestamp and the sealed JID and token.
type Row = (i64, Option<i64>, Vec<u8>);

/// Contacts whose entry is remembered; when there are more, all are forgotten.
const REMEMBERED: usize = 64;

/// The entries read last: each message asks for that of its chat. Nobody else writes them at this epoch.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Raised by every write: what was read before it is not remembered after it.
    writes: u64,
    entries: HashMap<Tag, Option<TcTokenEntry>>,
}

impl Recent {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For as long as a write goes on; however it ends, it may have happened.
    const fn writing(&self) -> Writing<'_> {
        Writing(self)
    }
}

struct Writing<'a>(&'a Recent);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut known = self.0.lock();
        known.writes += 1;
        known.entries.clear();
    }
}

impl Store {
    /// The entry of a contact.
    pub(super) async fn recent_token(&self, jid: &str) -> Result<Option<TcTokenEntry>, Error> {
        let tag = self.contact(jid);
        let writes = {
            let known = self.recent_tokens.lock();
            if let Some(entry) = known.entries.get(&tag) {
                return Ok(entry.clone());
            }
            known.writes
        };
        let entry = self.token(&self.db, jid).await?;
        let mut known = self.recent_tokens.lock();
        if known.writes == writes {
            if known.entries.len() >= REMEMBERED {
                known.entries.clear();
            }
            known.entries.insert(tag, entry.clone());
        }
        drop(known);
        Ok(entry)
    }

    fn contact(&self, jid: &str) -> Tag {
        self.tag("tc token", &[jid])
    }

    async fn token(
        &self,
        db: &impl ConnectionTrait,
        jid: &str,
    ) -> Result<Option<TcTokenEntry>, Error> {
        let tag = self.contact(jid);
        let row: Option<Row> = self
            .rows::<Entity>()
            .select_only()
            .columns([
                Column::TokenTimestamp,
                Column::SenderTimestamp,
                Column::Sealed,
            ])
            .filter(Column::JidTag.eq(tag.value()))
            .into_tuple()
            .one(db)
            .await
            .sure(self)?;
        let Some((token_timestamp, sender_timestamp, blob)) = row else {
            return Ok(None);
        };
        let (_, token): (String, Vec<u8>) = from_json(&self.opened::<Entity>(&tag, &blob)?)?;
        Ok(Some(TcTokenEntry {
            token,
            token_timestamp,
            sender_timestamp,
        }))
    }

    /// Write the entry that `change` makes of the one that is there; `None` leaves it.
    pub(super) async fn change_token(
        &self,
        jid: &str,
        change: impl FnOnce(Option<TcTokenEntry>) -> Option<TcTokenEntry> + Send,
    ) -> Result<(), Error> {
        let write = self.write().await?;
        let Some(entry) = change(self.token(&write.tx, jid).await?) else {
            return Ok(());
        };
        let _writing = self.recent_tokens.writing();
        let mut script = Script::new(write.tx.get_database_backend());
        self.add_token(&mut script, jid, &entry)?;
        script.run(&write.tx).await?;
        write.commit().await
    }

    pub(super) async fn put_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<(), Error> {
        let _writing = self.recent_tokens.writing();
        let mut script = self.script();
        self.add_token(&mut script, jid, entry)?;
        self.commit(script).await
    }

    fn add_token(&self, script: &mut Script, jid: &str, entry: &TcTokenEntry) -> Result<(), Error> {
        let tag = self.contact(jid);
        let row = vec![
            self.session.0.into(),
            tag.value(),
            (!entry.token.is_empty()).into(),
            entry.token_timestamp.into(),
            entry.sender_timestamp.into(),
            self.sealed::<Entity>(&tag, &to_json(&(jid, &entry.token))?)?,
        ];
        let columns = [
            Column::SessionId,
            Column::JidTag,
            Column::HasToken,
            Column::TokenTimestamp,
            Column::SenderTimestamp,
            Column::Sealed,
        ];
        Ok(Upsert::<Entity>::new(&columns, 2).add_to(script, vec![row])?)
    }

    pub(super) async fn remove_token(&self, jid: &str) -> Result<(), Error> {
        let _writing = self.recent_tokens.writing();
        self.remove::<Entity>(&self.contact(jid)).await?;
        Ok(())
    }

    pub(super) async fn token_jids(&self) -> Result<Vec<String>, Error> {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = self
            .rows::<Entity>()
            .select_only()
            .columns([Column::JidTag, Column::Sealed])
            .into_tuple()
            .all(&self.db)
            .await
            .sure(self)?;
        rows.into_iter()
            .map(|(tag, blob)| {
                let tag: Tag = tag.as_slice().try_into().map_err(Error::form)?;
                let (jid, _): (String, Vec<u8>) = from_json(&self.opened::<Entity>(&tag, &blob)?)?;
                Ok(jid)
            })
            .collect()
    }

    /// Remove what is neither a live token nor a live memory of having sent ours.
    pub(super) async fn remove_old_tokens(
        &self,
        token_cutoff: i64,
        sender_cutoff: i64,
    ) -> Result<u32, Error> {
        let no_token = Condition::any()
            .add(Column::HasToken.eq(false))
            .add(Column::TokenTimestamp.lt(token_cutoff));
        let no_sender = Condition::any()
            .add(Column::SenderTimestamp.is_null())
            .add(Column::SenderTimestamp.lt(sender_cutoff));
        let old = Condition::all().add(no_token).add(no_sender);
        let _writing = self.recent_tokens.writing();
        self.remove_old::<Entity>(old).await
    }
}
