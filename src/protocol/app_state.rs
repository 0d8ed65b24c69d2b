//! What the devices of an account share, read again where the library has passed over a change.
//!
//! The library takes a sync that is under way for one that covers the change it was just told of; the server may have
//! answered that one before the change, and nobody tells of it a second time. `bridge` calls it.

use std::sync::Weak;

use wacore::{appstate::patch_decode::WAPatchName, types::events::AppStateSyncFailed};
use whatsapp_rust::{Client, sync_task::MajorSyncTask};

use crate::lifecycle::Tasks;

/// Reads the collections that a sync has skipped, once the other one is through.
pub(super) fn read_skipped(
    tasks: &Tasks,
    client: Option<&Weak<Client>>,
    failed: &AppStateSyncFailed,
) {
    let names = failed.skipped.iter().filter_map(|name| name.parse().ok());
    let names: Vec<WAPatchName> = names.collect();
    let client = client.and_then(Weak::upgrade);
    let (Some(client), false) = (client, names.is_empty()) else {
        return;
    };
    tasks.spawn("wa.app_state", async move {
        for name in names {
            let full_sync = false;
            let task = MajorSyncTask::AppStateSync { name, full_sync };
            client.process_sync_task(task).await;
        }
    });
}
