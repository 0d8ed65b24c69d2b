//! The words of the trade and their rules: addresses, the state machine of a session, events, principals, time.
//!
//! Owns what can be decided without a database, a socket or a clock of its own. Must never do I/O and never import
//! a layer above it. Everybody calls it.

pub mod address;
pub mod channel;
pub mod chat;
pub mod clock;
pub mod community;
pub mod contact;
pub mod event;
pub mod group;
pub mod history;
pub mod message;
pub mod passkey;
pub mod principal;
pub mod sample;
pub mod session;
pub mod words;

pub use entity::{enums, ids};

/// What is not so is not written.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}
