//! The book of patches: one row of state for each (person, collection), and every patch by version.
//!
//! A patch enters it in one way, [`commit`]: the phone checks all its MACs first, whoever wrote it.

use std::sync::Arc;

use buffa::{Message as _, MessageField};
use serde::{Deserialize, Serialize};
use wacore_appstate::hash::HashState;
use wacore_appstate::{AppStateError, expand_app_state_keys, process_patch};
use waproto::whatsapp as wa;

use crate::jids::Pn;
use crate::store::{Blob, Persist, Table};
use crate::world::World;

/// The collections that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Collection {
    CriticalBlock,
    CriticalUnblockLow,
    Regular,
    RegularHigh,
    RegularLow,
}

impl Collection {
    const ALL: [Self; 5] = [
        Self::CriticalBlock,
        Self::CriticalUnblockLow,
        Self::Regular,
        Self::RegularHigh,
        Self::RegularLow,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::CriticalBlock => "critical_block",
            Self::CriticalUnblockLow => "critical_unblock_low",
            Self::Regular => "regular",
            Self::RegularHigh => "regular_high",
            Self::RegularLow => "regular_low",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == name)
    }
}

/// Where a collection stands after its last patch.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Standing {
    version: u64,
    lt_hash: Blob,
}

type CollectionKey = (Pn, Collection);

/// What the area keeps.
#[derive(Debug)]
pub(crate) struct Tables {
    standings: Table<CollectionKey, Standing>,
    patches: Table<(CollectionKey, u64), Blob>,
    /// MAC of the value that is set now, by MAC of its index.
    value_macs: Table<(CollectionKey, Blob), Blob>,
    /// The push name that the app state says.
    pub(super) push_names: Table<Pn, String>,
    pub(super) labels: super::labels::Labels,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            standings: Table::new("app_state_standings"),
            patches: Table::new("app_state_patches"),
            value_macs: Table::new("app_state_value_macs"),
            push_names: Table::new("app_state_push_names"),
            labels: super::labels::Labels::new(),
        }
    }

    pub(crate) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        let mut tables: Vec<&mut dyn Persist> = vec![
            &mut self.standings,
            &mut self.patches,
            &mut self.value_macs,
            &mut self.push_names,
        ];
        tables.extend(self.labels.tables());
        tables
    }

    pub(super) fn version(&self, pn: Pn, collection: Collection) -> u64 {
        self.standings
            .get(&(pn, collection))
            .map_or(0, |s| s.version)
    }

    /// At most `limit` patches after a version, and whether there are more.
    pub(super) fn patches_since(
        &self,
        pn: Pn,
        collection: Collection,
        since: u64,
        limit: usize,
    ) -> (Vec<Blob>, bool) {
        let key = (pn, collection);
        let mut patches = self
            .patches
            .range((key, since.saturating_add(1))..=(key, u64::MAX));
        let page = patches
            .by_ref()
            .take(limit)
            .map(|(_, patch)| patch.clone())
            .collect();
        (page, patches.next().is_some())
    }

    /// The state as the library counts it.
    pub(super) fn hash_state(&self, pn: Pn, collection: Collection) -> HashState {
        let mut state = HashState::default();
        if let Some(standing) = self.standings.get(&(pn, collection)) {
            state.version = standing.version;
            if let Ok(hash) = standing.lt_hash.0.as_slice().try_into() {
                state.hash = hash;
            }
        }
        state
    }

    pub(super) fn value_mac(
        &self,
        pn: Pn,
        collection: Collection,
        index: &[u8],
    ) -> Option<Vec<u8>> {
        let key = ((pn, collection), Blob(index.to_vec()));
        self.value_macs.get(&key).map(|mac| mac.0.clone())
    }
}

/// Checks a patch on top of the collection as the phone does, numbers it and keeps it. Returns the new version.
pub(super) fn commit(
    world: &mut World,
    pn: Pn,
    collection: Collection,
    patch: &[u8],
) -> Result<u64, AppStateError> {
    let mut patch =
        wa::SyncdPatch::decode_from_slice(patch).map_err(|_| AppStateError::DecodeFailed)?;
    let key = world
        .accounts
        .get(&pn)
        .map(|account| &account.app_state_key);
    let key = key.ok_or(AppStateError::KeyNotFound)?;
    let keys = Arc::new(expand_app_state_keys(&key.data.0));
    let tables = &world.areas.app_state;
    let mut state = tables.hash_state(pn, collection);
    let version = state.version + 1;
    patch.version = MessageField::some(wa::SyncdVersion {
        version: Some(version),
    });
    let done = process_patch(
        &patch,
        &mut state,
        |id| {
            if id == key.id.0 {
                Ok(Arc::clone(&keys))
            } else {
                Err(AppStateError::KeyNotFound)
            }
        },
        |index| Ok(tables.value_mac(pn, collection, index)),
        true,
        collection.as_str(),
    )?;
    if done.state.mac_mismatch_fatal {
        return Err(AppStateError::PatchSnapshotMACMismatch);
    }

    let tables = &mut world.areas.app_state;
    let collection_key = (pn, collection);
    for index in done.removed_index_macs {
        tables.value_macs.remove(&(collection_key, Blob(index)));
    }
    for mac in done.added_macs {
        let row = (collection_key, Blob(mac.index_mac));
        tables.value_macs.insert(row, Blob(mac.value_mac));
    }
    tables
        .patches
        .insert((collection_key, version), Blob(patch.encode_to_vec()));
    let standing = Standing {
        version,
        lt_hash: Blob(done.state.hash.to_vec()),
    };
    tables.standings.insert(collection_key, standing);
    for mutation in &done.mutations {
        super::phone::read(world, pn, mutation);
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::areas::app_state::phone::keep_push_name;

    fn with_name_patch() -> (World, Pn, wa::SyncdPatch) {
        let mut world = World::new();
        world.begin([7; 32]);
        let pn = Pn(491_700_000_101);
        world.person(pn).unwrap();
        assert_eq!(keep_push_name(&mut world, pn), Some(1));
        let tables = &world.areas.app_state;
        let (patches, more) = tables.patches_since(pn, Collection::CriticalBlock, 0, 10);
        assert!(!more);
        let patch = wa::SyncdPatch::decode_from_slice(&patches[0].0).unwrap();
        (world, pn, patch)
    }

    #[test]
    fn the_name_is_written_once() {
        let (mut world, pn, _) = with_name_patch();
        assert_eq!(keep_push_name(&mut world, pn), None);
        world.accounts.get_mut(&pn).unwrap().name = "Other".to_owned();
        assert_eq!(keep_push_name(&mut world, pn), Some(2));
    }

    #[test]
    fn a_patch_that_does_not_verify_is_refused_and_changes_nothing() {
        let (mut world, pn, patch) = with_name_patch();
        let before = world
            .areas
            .app_state
            .hash_state(pn, Collection::CriticalBlock)
            .hash;
        // Right for version 1, so wrong on top of it.
        let replayed = patch.encode_to_vec();
        let foreign_key = wa::SyncdPatch {
            key_id: MessageField::some(wa::KeyId {
                id: Some(vec![9; 6]),
            }),
            ..patch
        };
        for forged in [replayed, foreign_key.encode_to_vec(), b"noise".to_vec()] {
            assert!(commit(&mut world, pn, Collection::CriticalBlock, &forged).is_err());
        }
        let tables = &world.areas.app_state;
        assert_eq!(tables.version(pn, Collection::CriticalBlock), 1);
        assert_eq!(
            tables.hash_state(pn, Collection::CriticalBlock).hash,
            before
        );
    }
}
