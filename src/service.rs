//! One verb per thing that a user can do. Every face (REST, sockets, dialects, command line) calls these and nothing
//! below them.
//!
//! Owns the order of steps and the permission checks. Must never know HTTP. Each function takes a [`Ctx`] first.

mod ctx;
mod error;
mod picture;
mod running;
mod secret;
mod upstream;

pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod channels;
pub mod chats;
pub mod communities;
pub mod contacts;
pub mod credentials;
pub mod event_log;
pub mod feed;
pub mod groups;
pub mod health;
pub mod idempotency;
pub mod linking;
pub mod media;
pub mod messages;
pub mod numbers;
pub mod passwords;
pub mod profile;
pub mod qr;
pub mod quotas;
pub mod rates;
pub mod revocation;
pub mod sessions;
pub mod shares;
pub mod throttle;
pub mod tickets;
pub mod tokens;
pub mod users;
pub mod webhooks;

pub use ctx::Ctx;
pub use error::{Error, Fault};
