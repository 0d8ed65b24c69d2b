//! The sandbox, driven by the unmodified whatsapp-rust client over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

mod durability;
mod harness;
mod login;
mod messages;
mod pairing;
mod people;
mod retry;
mod tls;
