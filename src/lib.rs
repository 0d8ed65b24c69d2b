//! Wharf: a self-hosted service that runs many WhatsApp sessions.
//!
//! The layers, from the outside in: `http` and `cli` → `service` → `session`, `webhook`, `events` →
//! `protocol`, `cluster` → `db`, `egress` → `domain` → `entity::ids`. Nothing points up; `tests/it/layering.rs` holds that.
//! `docs/ARCHITECTURE.md` is the map.

pub mod app;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod db;
pub mod domain;
pub mod egress;
pub mod events;
pub mod http;
pub mod lifecycle;
pub mod media;
pub mod protocol;
pub mod seal;
pub mod service;
pub mod session;
pub mod telemetry;
pub mod webhook;
