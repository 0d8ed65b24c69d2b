//! The phone among the devices that share the app state: it reads every patch, and writes the person's push name and salt.

use buffa::{Message as _, MessageField};
use wacore_appstate::hash::generate_patch_mac;
use wacore_appstate::schemas::{NCT_SALT_SYNC, SETTING_PUSH_NAME, Schema};
use wacore_appstate::{Mutation, encode_record, expand_app_state_keys};
use waproto::whatsapp as wa;
use waproto::whatsapp::syncd_mutation::SyncdOperation;

use super::book::{self, Collection};
use super::{labels, notify};
use crate::jids::Pn;
use crate::world::World;

/// The phone sees a change: what it shows on its own screen follows.
pub(super) fn read(world: &mut World, pn: Pn, mutation: &Mutation) {
    let set = mutation.operation == SyncdOperation::SET;
    if set {
        labels::read(world, pn, mutation);
    }
    if !set
        || mutation
            .index
            .first()
            .is_none_or(|name| name != SETTING_PUSH_NAME.name)
    {
        return;
    }
    let setting = mutation
        .action_value
        .as_ref()
        .and_then(|v| v.push_name_setting.as_option());
    let Some(name) = setting.and_then(|s| s.name.clone()) else {
        return;
    };
    if let Some(account) = world.accounts.get_mut(&pn) {
        account.name.clone_from(&name);
    }
    world.areas.app_state.push_names.insert(pn, name);
}

/// Makes the app state say the person's name. Returns the version if that took a patch.
pub(super) fn keep_push_name(world: &mut World, pn: Pn) -> Option<u64> {
    let name = world.accounts.get(&pn)?.name.clone();
    if world.areas.app_state.push_names.get(&pn) == Some(&name) {
        return None;
    }
    let value = wa::SyncActionValue {
        push_name_setting: MessageField::some(wa::sync_action_value::PushNameSetting {
            name: Some(name),
        }),
        timestamp: i64::try_from(world.now_ms).ok(),
        ..Default::default()
    };
    write(
        world,
        pn,
        Collection::CriticalBlock,
        (&SETTING_PUSH_NAME, &[]),
        &value,
    )
}

/// The person has changed the name on the phone.
pub(crate) fn name_changed(world: &mut World, pn: Pn) {
    if let Some(version) = keep_push_name(world, pn) {
        notify(world, pn, None, Collection::CriticalBlock, version);
    }
}

/// The phone has made a salt for whom the person does not know yet.
pub(crate) fn salt_made(world: &mut World, pn: Pn, salt: Vec<u8>) {
    let value = wa::SyncActionValue {
        nct_salt_sync_action: MessageField::some(wa::sync_action_value::NctSaltSyncAction {
            salt: Some(salt),
        }),
        timestamp: i64::try_from(world.now_ms).ok(),
        ..Default::default()
    };
    let collection = Collection::RegularHigh;
    if let Some(version) = write(world, pn, collection, (&NCT_SALT_SYNC, &[]), &value) {
        notify(world, pn, None, collection, version);
    }
}

/// A patch of the phone that sets one value, below the name and what `args` say of it.
pub(super) fn write(
    world: &mut World,
    pn: Pn,
    collection: Collection,
    (schema, args): (&Schema, &[&str]),
    value: &wa::SyncActionValue,
) -> Option<u64> {
    let iv = world.random();
    let key = &world.accounts.get(&pn)?.app_state_key;
    let keys = expand_app_state_keys(&key.data.0);
    let name = std::iter::once(schema.name);
    let index: Vec<&str> = name.chain(args.iter().copied()).collect();
    let index = serde_json::json!(index).to_string();
    let (mutation, _) = encode_record(
        SyncdOperation::SET,
        index.as_bytes(),
        value,
        &keys,
        &key.id.0,
        &iv,
        i32::try_from(schema.version).ok()?,
    );

    let tables = &world.areas.app_state;
    let mut state = tables.hash_state(pn, collection);
    let mut patch = wa::SyncdPatch {
        key_id: MessageField::some(wa::KeyId {
            id: Some(key.id.0.clone()),
        }),
        mutations: vec![mutation],
        ..Default::default()
    };
    let (_, hashed) = state.update_hash(&patch.mutations, |index, _| {
        Ok(tables.value_mac(pn, collection, index))
    });
    if let Err(error) = hashed {
        tracing::error!(%error, "the phone cannot hash its patch");
        return None;
    }
    state.version += 1;
    patch.snapshot_mac = Some(state.generate_snapshot_mac(collection.as_str(), &keys.snapshot_mac));
    patch.patch_mac = Some(generate_patch_mac(
        &patch,
        collection.as_str(),
        &keys.patch_mac,
        state.version,
    ));
    match book::commit(world, pn, collection, &patch.encode_to_vec()) {
        Ok(version) => Some(version),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the phone's own patch does not verify");
            None
        }
    }
}
