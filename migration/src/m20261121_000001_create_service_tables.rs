//! Everything but the WhatsApp device state: users, sessions, leases, the event log and the webhook outbox.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, bytes, flag, index, int, key, opt_big, opt_bytes, opt_int, opt_text, opt_uuid, opt_word,
    table, text, unique, uuid, word,
};

/// This step.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m20261121_000001_create_service_tables"
    }
}

const TABLES: [&str; 14] = [
    "users",
    "refresh_tokens",
    "api_keys",
    "ws_tickets",
    "link_tokens",
    "idempotency_keys",
    "sessions",
    "leases",
    "nodes",
    "events",
    "messages",
    "webhook_endpoints",
    "webhook_deliveries",
    "webhook_attempts",
];

#[expect(
    elided_lifetimes_in_paths,
    reason = "the trait elides it, and the two must agree"
)]
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_people(manager).await?;
        create_sessions(manager).await?;
        create_log(manager).await?;
        create_webhooks(manager).await
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

async fn create_people(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_database_backend();
    manager
        .create_table(
            table(db, "users")
                .col(uuid("id").primary_key())
                .col(word("username", 64))
                .col(text(db, "password_hash"))
                .col(word("role", 24))
                .col(opt_int("session_limit"))
                .col(flag("is_active"))
                .col(big("token_version"))
                .col(big("created_at"))
                .col(big("updated_at"))
                .take(),
        )
        .await?;
    manager
        .create_index(unique("uq_users_username", "users", &["username"]))
        .await?;
    manager
        .create_table(
            table(db, "refresh_tokens")
                .col(uuid("id").primary_key())
                .col(uuid("family_id"))
                .col(uuid("user_id"))
                .col(word("token_hash", 64))
                .col(big("expires_at"))
                .col(big("created_at"))
                .col(opt_big("used_at"))
                .col(opt_big("revoked_at"))
                .take(),
        )
        .await?;
    let hash = unique("uq_refresh_tokens_hash", "refresh_tokens", &["token_hash"]);
    manager.create_index(hash).await?;
    manager
        .create_index(index(
            "ix_refresh_tokens_family",
            "refresh_tokens",
            &["family_id"],
        ))
        .await?;
    manager
        .create_index(index(
            "ix_refresh_tokens_user",
            "refresh_tokens",
            &["user_id"],
        ))
        .await?;
    manager
        .create_table(
            table(db, "api_keys")
                .col(uuid("id").primary_key())
                .col(uuid("owner_id"))
                .col(word("name", 128))
                .col(word("hint", 24))
                .col(word("key_hash", 64))
                .col(text(db, "scopes"))
                .col(opt_uuid("session_id"))
                .col(opt_big("expires_at"))
                .col(opt_big("last_used_at"))
                .col(big("created_at"))
                .take(),
        )
        .await?;
    manager
        .create_index(unique("uq_api_keys_hash", "api_keys", &["key_hash"]))
        .await?;
    manager
        .create_index(index("ix_api_keys_owner", "api_keys", &["owner_id", "id"]))
        .await?;
    manager
        .create_table(
            table(db, "ws_tickets")
                .col(word("ticket_hash", 64).primary_key())
                .col(uuid("owner_id"))
                .col(text(db, "principal"))
                .col(big("expires_at"))
                .take(),
        )
        .await?;
    manager
        .create_table(
            table(db, "link_tokens")
                .col(word("token_hash", 64).primary_key())
                .col(uuid("session_id"))
                .col(uuid("owner_id"))
                .col(opt_text(db, "allowed_origins"))
                .col(big("expires_at"))
                .col(big("created_at"))
                .take(),
        )
        .await?;
    manager
        .create_index(index(
            "ix_link_tokens_session",
            "link_tokens",
            &["session_id"],
        ))
        .await?;
    manager
        .create_table(
            table(db, "idempotency_keys")
                .col(uuid("owner_id"))
                .col(word("idem_key", 255))
                .col(word("fingerprint", 64))
                .col(opt_int("status"))
                .col(opt_text(db, "body"))
                .col(big("created_at"))
                .primary_key(&mut key(&["owner_id", "idem_key"]))
                .take(),
        )
        .await?;
    manager
        .create_index(index(
            "ix_idempotency_keys_created",
            "idempotency_keys",
            &["created_at"],
        ))
        .await
}

async fn create_sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_database_backend();
    manager
        .create_table(
            table(db, "sessions")
                .col(uuid("id").primary_key())
                .col(uuid("owner_id"))
                .col(word("handle", 64))
                .col(opt_word("name", 128))
                .col(opt_word("phone", 32))
                .col(opt_word("lid", 64))
                .col(opt_word("push_name", 255))
                .col(word("state", 24))
                .col(opt_word("reason", 64))
                .col(text(db, "metadata"))
                .col(text(db, "settings"))
                .col(big("created_at"))
                .col(big("updated_at"))
                .col(opt_big("connected_at"))
                .take(),
        )
        .await?;
    manager
        .create_index(unique(
            "uq_sessions_handle",
            "sessions",
            &["owner_id", "handle"],
        ))
        .await?;
    manager
        .create_table(
            table(db, "leases")
                .col(word("kind", 24))
                .col(uuid("lease_key"))
                .col(flag("desired"))
                .col(opt_uuid("owner_node"))
                .col(big("epoch"))
                .col(big("last_seq"))
                .col(opt_big("claimed_at"))
                .col(big("not_before"))
                .col(int("fail_count"))
                .primary_key(&mut key(&["kind", "lease_key"]))
                .take(),
        )
        .await?;
    let claim = index(
        "ix_leases_claim",
        "leases",
        &["kind", "desired", "owner_node"],
    );
    manager.create_index(claim).await?;
    manager
        .create_table(
            table(db, "nodes")
                .col(uuid("id").primary_key())
                .col(word("host", 255))
                .col(word("addr", 255))
                .col(word("version", 64))
                .col(big("started_at"))
                .col(big("lease_until"))
                .col(flag("draining"))
                .col(int("capacity"))
                .take(),
        )
        .await
}

async fn create_log(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_database_backend();
    manager
        .create_table(
            table(db, "events")
                .col(uuid("session_id"))
                .col(big("seq"))
                .col(uuid("id"))
                .col(uuid("owner_id"))
                .col(word("event_type", 48))
                .col(text(db, "payload"))
                .col(big("created_at"))
                .primary_key(&mut key(&["session_id", "seq"]))
                .take(),
        )
        .await?;
    manager
        .create_index(unique("uq_events_id", "events", &["id"]))
        .await?;
    manager
        .create_table(
            table(db, "messages")
                .col(uuid("session_id"))
                .col(word("chat", 96))
                .col(word("sender", 96))
                .col(word("message_id", 128))
                .col(uuid("id"))
                .col(flag("from_me"))
                .col(word("kind", 24))
                .col(text(db, "body"))
                .col(ColumnDef::new(Alias::new("ack")).small_integer().not_null())
                .col(big("sent_at"))
                .col(big("created_at"))
                .primary_key(&mut key(&["session_id", "id"]))
                .take(),
        )
        .await?;
    // A page of it is written with every message: one index makes a message unique and finds it by WhatsApp's id.
    manager
        .create_index(unique(
            "uq_messages_wa_id",
            "messages",
            &["session_id", "message_id", "chat", "sender"],
        ))
        .await
}

async fn create_webhooks(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_database_backend();
    manager
        .create_table(
            table(db, "webhook_endpoints")
                .col(uuid("id").primary_key())
                .col(uuid("owner_id"))
                .col(text(db, "url"))
                .col(bytes(db, "secret_sealed"))
                .col(opt_bytes(db, "prev_secret_sealed"))
                .col(opt_big("prev_until"))
                .col(text(db, "types"))
                .col(text(db, "sessions"))
                .col(opt_bytes(db, "headers_sealed"))
                .col(word("ordering", 24))
                .col(opt_int("rate_limit"))
                .col(word("state", 24))
                .col(opt_big("first_failure_at"))
                .col(opt_word("disabled_reason", 255))
                .col(big("created_at"))
                .col(big("updated_at"))
                .take(),
        )
        .await?;
    manager
        .create_index(index(
            "ix_webhook_endpoints_owner",
            "webhook_endpoints",
            &["owner_id", "id"],
        ))
        .await?;
    manager
        .create_table(
            table(db, "webhook_deliveries")
                .col(uuid("id").primary_key())
                .col(uuid("owner_id"))
                .col(uuid("endpoint_id"))
                .col(uuid("session_id"))
                .col(uuid("event_id"))
                .col(big("seq"))
                .col(word("state", 24))
                .col(int("attempt"))
                .col(word("triggered_by", 24))
                .col(opt_big("next_at"))
                .col(opt_uuid("lease_node"))
                .col(opt_text(db, "last_error"))
                .col(big("created_at"))
                .col(big("updated_at"))
                .take(),
        )
        .await?;
    let deliveries = "webhook_deliveries";
    manager
        .create_index(unique(
            "uq_deliveries_event",
            deliveries,
            &["endpoint_id", "event_id"],
        ))
        .await?;
    // Retries by the time they are due, and leases by the time they end.
    let due = index(
        "ix_deliveries_due",
        deliveries,
        &["endpoint_id", "state", "next_at"],
    );
    manager.create_index(due).await?;
    // First attempts by lane: the next lane with work and the next of a lane are one seek each.
    let lane = index(
        "ix_deliveries_lane",
        deliveries,
        &["endpoint_id", "state", "attempt", "session_id", "seq"],
    );
    manager.create_index(lane).await?;
    manager
        .create_table(
            table(db, "webhook_attempts")
                .col(uuid("id").primary_key())
                .col(uuid("delivery_id"))
                .col(int("attempt"))
                .col(uuid("node_id"))
                .col(big("started_at"))
                .col(big("duration_ms"))
                .col(opt_int("status"))
                .col(opt_text(db, "error"))
                .col(opt_text(db, "response"))
                .col(word("triggered_by", 24))
                .take(),
        )
        .await?;
    manager
        .create_index(index(
            "ix_attempts_delivery",
            "webhook_attempts",
            &["delivery_id", "id"],
        ))
        .await
}
