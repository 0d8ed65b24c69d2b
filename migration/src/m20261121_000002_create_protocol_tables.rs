//! The WhatsApp device state of every session, sealed, and the keys that seal it.
//!
//! Whatever would name a contact is a keyed hash (`…_tag`, `address`) where it is looked up by, and sealed
//! where it has to be read. Each primary key starts with the session, so that one session's rows lie together.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::columns::{
    big, bytes, flag, index, int, key, opt_big, small_table, table, tag, uuid, word,
};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000002_create_protocol_tables"
    }
}

const TABLES: [&str; 21] = [
    "session_keys",
    "seal_check",
    "wa_devices",
    "wa_identities",
    "wa_signal_sessions",
    "wa_prekeys",
    "wa_signed_prekeys",
    "wa_sender_keys",
    "wa_sync_keys",
    "wa_sync_versions",
    "wa_mutation_macs",
    "wa_sender_key_devices",
    "wa_lid_mappings",
    "wa_pn_lids",
    "wa_base_keys",
    "wa_device_lists",
    "wa_group_metadata",
    "wa_tc_tokens",
    "wa_sent_messages",
    "wa_pending_inbound",
    "wa_msg_secrets",
];

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_database_backend();
        let tables = [
            keys(db),
            signal(db),
            app_state(db),
            protocol(db),
            messages(db),
        ];
        for table in tables.into_iter().flatten() {
            manager.create_table(table).await?;
        }
        for (name, table, columns) in INDEXES {
            manager.create_index(index(name, table, &columns)).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in TABLES {
            manager
                .drop_table(Table::drop().table(Alias::new(name)).to_owned())
                .await?;
        }
        Ok(())
    }
}

/// What is searched by something else than the primary key.
const INDEXES: [(&str, &str, [&str; 2]); 4] = [
    (
        "ix_wa_identities_user",
        "wa_identities",
        ["session_id", "user_tag"],
    ),
    (
        "ix_wa_signal_sessions_user",
        "wa_signal_sessions",
        ["session_id", "user_tag"],
    ),
    (
        "ix_wa_sender_key_devices_device",
        "wa_sender_key_devices",
        ["session_id", "device_tag"],
    ),
    (
        "ix_wa_msg_secrets_expiry",
        "wa_msg_secrets",
        ["session_id", "expires_at"],
    ),
];

fn keys(db: DbBackend) -> Vec<TableCreateStatement> {
    vec![
        table(db, "session_keys")
            .col(uuid("session_id"))
            .col(int("key_version"))
            .col(bytes(db, "wrapped"))
            .col(big("created_at"))
            .primary_key(&mut key(&["session_id"]))
            .take(),
        table(db, "seal_check")
            .col(int("id"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["id"]))
            .take(),
    ]
}

fn signal(db: DbBackend) -> Vec<TableCreateStatement> {
    vec![
        table(db, "wa_devices")
            .col(uuid("session_id"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id"]))
            .take(),
        table(db, "wa_identities")
            .col(uuid("session_id"))
            .col(tag(db, "address"))
            .col(tag(db, "user_tag"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "address"]))
            .take(),
        table(db, "wa_signal_sessions")
            .col(uuid("session_id"))
            .col(tag(db, "address"))
            .col(tag(db, "user_tag"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "address"]))
            .take(),
        small_table(db, "wa_prekeys")
            .col(uuid("session_id"))
            .col(big("prekey_id"))
            .col(flag("uploaded"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "prekey_id"]))
            .take(),
        table(db, "wa_signed_prekeys")
            .col(uuid("session_id"))
            .col(big("prekey_id"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "prekey_id"]))
            .take(),
        table(db, "wa_sender_keys")
            .col(uuid("session_id"))
            .col(tag(db, "address"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "address"]))
            .take(),
    ]
}

fn app_state(db: DbBackend) -> Vec<TableCreateStatement> {
    vec![
        table(db, "wa_sync_keys")
            .col(uuid("session_id"))
            .col(tag(db, "key_tag"))
            .col(big("position"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "key_tag"]))
            .take(),
        table(db, "wa_sync_versions")
            .col(uuid("session_id"))
            .col(word("collection", 64))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "collection"]))
            .take(),
        small_table(db, "wa_mutation_macs")
            .col(uuid("session_id"))
            .col(word("collection", 64))
            .col(tag(db, "index_tag"))
            .col(bytes(db, "value_mac"))
            .primary_key(&mut key(&["session_id", "collection", "index_tag"]))
            .take(),
    ]
}

fn protocol(db: DbBackend) -> Vec<TableCreateStatement> {
    vec![
        table(db, "wa_sender_key_devices")
            .col(uuid("session_id"))
            .col(tag(db, "group_tag"))
            .col(tag(db, "device_tag"))
            .col(flag("has_key"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "group_tag", "device_tag"]))
            .take(),
        small_table(db, "wa_lid_mappings")
            .col(uuid("session_id"))
            .col(tag(db, "lid_tag"))
            .col(tag(db, "pn_tag"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "lid_tag"]))
            .take(),
        small_table(db, "wa_pn_lids")
            .col(uuid("session_id"))
            .col(tag(db, "pn_tag"))
            .col(tag(db, "lid_tag"))
            .primary_key(&mut key(&["session_id", "pn_tag"]))
            .take(),
        small_table(db, "wa_base_keys")
            .col(uuid("session_id"))
            .col(tag(db, "message_tag"))
            .col(tag(db, "base_key_tag"))
            .primary_key(&mut key(&["session_id", "message_tag"]))
            .take(),
        table(db, "wa_device_lists")
            .col(uuid("session_id"))
            .col(tag(db, "user_tag"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "user_tag"]))
            .take(),
        table(db, "wa_group_metadata")
            .col(uuid("session_id"))
            .col(tag(db, "group_tag"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "group_tag"]))
            .take(),
        table(db, "wa_tc_tokens")
            .col(uuid("session_id"))
            .col(tag(db, "jid_tag"))
            .col(flag("has_token"))
            .col(big("token_timestamp"))
            .col(opt_big("sender_timestamp"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "jid_tag"]))
            .take(),
    ]
}

fn messages(db: DbBackend) -> Vec<TableCreateStatement> {
    vec![
        table(db, "wa_sent_messages")
            .col(uuid("session_id"))
            .col(tag(db, "message_tag"))
            .col(big("stored_at"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "message_tag"]))
            .take(),
        table(db, "wa_pending_inbound")
            .col(uuid("session_id"))
            .col(tag(db, "message_tag"))
            .col(big("stored_at"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "message_tag"]))
            .take(),
        small_table(db, "wa_msg_secrets")
            .col(uuid("session_id"))
            .col(tag(db, "message_tag"))
            .col(big("expires_at"))
            .col(big("message_ts"))
            .col(bytes(db, "sealed"))
            .primary_key(&mut key(&["session_id", "message_tag"]))
            .take(),
    ]
}
