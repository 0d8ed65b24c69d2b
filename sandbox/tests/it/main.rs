//! The sandbox, driven by the unmodified whatsapp-rust client over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

mod app_state;
mod calls;
mod channels;
mod communities;
mod durability;
mod faults;
mod groups;
mod harness;
mod kinds;
mod login;
mod media;
mod messages;
mod pairing;
mod people;
mod presence;
mod profile;
mod retry;
mod tls;
