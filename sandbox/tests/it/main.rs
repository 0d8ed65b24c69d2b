//! The sandbox, driven by the unmodified whatsapp-rust client over real sockets.

mod harness;
mod login;
mod messages;
mod pairing;
