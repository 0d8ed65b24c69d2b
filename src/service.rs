//! One verb per thing that a user can do. Every face (REST, sockets, dialects, command line) calls these and nothing
//! below them.
//!
//! Owns the order of steps and the permission checks. Must never know HTTP. Each function takes a [`Ctx`] first.

pub mod event_log;
pub mod messages;
pub mod sessions;

mod ctx;
mod error;

pub mod health;

pub use ctx::Ctx;
pub use error::{Error, Fault};
