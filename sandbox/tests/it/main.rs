//! The sandbox, driven by the unmodified whatsapp-rust client over real sockets.

mod durability;
mod harness;
mod login;
mod messages;
mod pairing;
mod people;
mod retry;
