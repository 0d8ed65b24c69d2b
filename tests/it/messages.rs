//! Messages of every kind in both directions: over HTTP, sockets and webhooks, with the phone's decrypted copy as the judge.

mod about;
mod kinds;
mod marking;
mod refusals;
pub(crate) mod stage;
