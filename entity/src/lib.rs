//! The tables of Wharf as sea-orm entities, with the ids and the stored words they use.
//!
//! Owns the mapping between rows and Rust values. Must never hold logic: no queries, no policy.
//! `db` in the service reads and writes through it; `migration` creates the tables and never imports it.

pub mod enums;
pub mod ids;

pub mod api_keys;
pub mod audit_log;
pub mod chat_labels;
pub mod chats;
pub mod contacts;
pub mod events;
pub mod idempotency_keys;
pub mod labels;
pub mod leases;
pub mod link_tokens;
pub mod media;
pub mod message_marks;
pub mod message_secrets;
pub mod message_texts;
pub mod messages;
pub mod nodes;
pub mod outgoing;
pub mod public_numbers;
pub mod refresh_tokens;
pub mod seal_check;
pub mod session_credentials;
pub mod session_keys;
pub mod sessions;
pub mod tenant_quotas;
pub mod tenant_sent;
pub mod users;
pub mod wa_base_keys;
pub mod wa_device_lists;
pub mod wa_devices;
pub mod wa_group_metadata;
pub mod wa_identities;
pub mod wa_lid_mappings;
pub mod wa_msg_secrets;
pub mod wa_mutation_macs;
pub mod wa_pending_inbound;
pub mod wa_pn_lids;
pub mod wa_prekeys;
pub mod wa_sender_key_devices;
pub mod wa_sender_keys;
pub mod wa_sent_messages;
pub mod wa_signal_sessions;
pub mod wa_signed_prekeys;
pub mod wa_sync_keys;
pub mod wa_sync_versions;
pub mod wa_tc_tokens;
pub mod webhook_attempts;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
pub mod ws_tickets;
