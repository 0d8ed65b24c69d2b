//! The schema of Wharf, one step a file, for SQLite, PostgreSQL and MariaDB (MySQL).
//!
//! Owns `CREATE` and `ALTER`. A released step is never changed, and this crate never imports `entity`: the
//! entities move on, the steps do not. `wharf migrate` and the start of the service call it.

mod columns;
mod m20261121_000001_create_service_tables;
mod m20261121_000002_create_protocol_tables;
mod m20261121_000003_create_outgoing;
mod m20261121_000004_care_for_webhooks;
mod m20261121_000005_deepen_messages;
mod m20261121_000006_create_contacts;
mod m20261121_000007_create_media;
mod m20261122_000001_create_chats;
mod m20261122_000002_create_message_texts;
mod m20261122_000020_seal_proxies;
mod m20261129_000003_time_chats;
mod m20261129_000004_create_labels;
mod m20261129_000004_fetch_files;
mod m20261129_000005_create_public_numbers;
mod m20261129_000006_shape_webhooks;
mod m20261129_000007_create_session_credentials;
mod m20261129_000008_create_audit_log;
mod m20261130_000001_create_tenants;
mod m20261130_000002_index_words_later;
mod m20261130_000003_clear_waiting_words;
mod m20261130_000004_mark_untold_messages;
mod m20261130_000005_find_words_by_era;

use sea_orm_migration::prelude::*;
pub use sea_orm_migration::{MigratorTrait, SchemaManager};

/// The ordered list of steps.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_create_service_tables::Migration),
            Box::new(m20261121_000002_create_protocol_tables::Migration),
            Box::new(m20261121_000003_create_outgoing::Migration),
            Box::new(m20261121_000004_care_for_webhooks::Migration),
            Box::new(m20261121_000005_deepen_messages::Migration),
            Box::new(m20261121_000006_create_contacts::Migration),
            Box::new(m20261121_000007_create_media::Migration),
            Box::new(m20261122_000001_create_chats::Migration),
            Box::new(m20261122_000002_create_message_texts::Migration),
            Box::new(m20261122_000020_seal_proxies::Migration),
            Box::new(m20261129_000003_time_chats::Migration),
            Box::new(m20261129_000004_create_labels::Migration),
            Box::new(m20261129_000004_fetch_files::Migration),
            Box::new(m20261129_000005_create_public_numbers::Migration),
            Box::new(m20261129_000006_shape_webhooks::Migration),
            Box::new(m20261129_000007_create_session_credentials::Migration),
            Box::new(m20261129_000008_create_audit_log::Migration),
            Box::new(m20261130_000001_create_tenants::Migration),
            Box::new(m20261130_000002_index_words_later::Migration),
            Box::new(m20261130_000003_clear_waiting_words::Migration),
            Box::new(m20261130_000004_mark_untold_messages::Migration),
            Box::new(m20261130_000005_find_words_by_era::Migration),
        ]
    }
}
