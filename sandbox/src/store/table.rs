//! A typed table that remembers which rows changed since the last commit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::ops::RangeBounds;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Rows by key, in key order.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    name: &'static str,
    rows: BTreeMap<K, V>,
    changed: BTreeSet<K>,
}

/// What the journal sees of a table.
pub(crate) trait Persist {
    fn name(&self) -> &'static str;
    /// Appends `[table,key,row]` (`null` = removed) for each changed row and forgets the changes.
    fn drain_changes(&mut self, out: &mut RecordBuffer) -> Result<(), serde_json::Error>;
    /// The same for every row.
    fn snapshot(&self, out: &mut RecordBuffer) -> Result<(), serde_json::Error>;
    fn replay(&mut self, key: Value, row: Value) -> Result<(), serde_json::Error>;
    fn forget_changes(&mut self);
}

/// Comma-separated records of one journal line.
#[derive(Debug, Default)]
pub(crate) struct RecordBuffer {
    bytes: Vec<u8>,
}

impl RecordBuffer {
    fn push<K: Serialize, V: Serialize>(
        &mut self,
        table: &str,
        key: &K,
        row: Option<&V>,
    ) -> Result<(), serde_json::Error> {
        if !self.bytes.is_empty() {
            self.bytes.push(b',');
        }
        serde_json::to_writer(&mut self.bytes, &(table, key, row))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn take_line(&mut self) -> Vec<u8> {
        let mut line = Vec::with_capacity(self.bytes.len() + 3);
        line.push(b'[');
        line.append(&mut self.bytes);
        line.extend_from_slice(b"]\n");
        line
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            rows: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    /// A row to change: it will be written at the end of the step.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        self.changed.insert(key.clone());
        Some(row)
    }

    pub(crate) fn insert(&mut self, key: K, row: V) {
        self.changed.insert(key.clone());
        self.rows.insert(key, row);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let row = self.rows.remove(key)?;
        self.changed.insert(key.clone());
        Some(row)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.iter()
    }

    pub(crate) fn range(
        &self,
        range: impl RangeBounds<K>,
    ) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.range(range)
    }

    /// Removes every row in the range.
    pub(crate) fn remove_range(&mut self, range: impl RangeBounds<K>) {
        let keys: Vec<K> = self.rows.range(range).map(|(k, _)| k.clone()).collect();
        for key in keys {
            self.rows.remove(&key);
            self.changed.insert(key);
        }
    }
}

impl<K, V> Persist for Table<K, V>
where
    K: Ord + Clone + Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn drain_changes(&mut self, out: &mut RecordBuffer) -> Result<(), serde_json::Error> {
        for key in std::mem::take(&mut self.changed) {
            out.push(self.name, &key, self.rows.get(&key))?;
        }
        Ok(())
    }

    fn snapshot(&self, out: &mut RecordBuffer) -> Result<(), serde_json::Error> {
        for (key, row) in &self.rows {
            out.push(self.name, key, Some(row))?;
        }
        Ok(())
    }

    fn replay(&mut self, key: Value, row: Value) -> Result<(), serde_json::Error> {
        let key = serde_json::from_value(key)?;
        if row.is_null() {
            self.rows.remove(&key);
        } else {
            self.rows.insert(key, serde_json::from_value(row)?);
        }
        Ok(())
    }

    fn forget_changes(&mut self) {
        self.changed.clear();
    }
}
