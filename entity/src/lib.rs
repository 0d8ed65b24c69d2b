//! The tables of Wharf as sea-orm entities, with the ids and the stored words they use.
//!
//! Owns the mapping between rows and Rust values. Must never hold logic: no queries, no policy.
//! `db` in the service reads and writes through it; `migration` creates the tables and never imports it.

pub mod enums;
pub mod ids;

pub mod api_keys;
pub mod events;
pub mod idempotency_keys;
pub mod leases;
pub mod link_tokens;
pub mod messages;
pub mod nodes;
pub mod refresh_tokens;
pub mod sessions;
pub mod users;
pub mod webhook_attempts;
pub mod webhook_deliveries;
pub mod webhook_endpoints;
pub mod ws_tickets;
