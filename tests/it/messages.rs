//! Messages of every kind in both directions: over HTTP, sockets and webhooks, with the phone's decrypted copy as the judge.

mod about;
mod captions;
mod kinds;
mod marking;
mod once;
mod refusals;
pub(crate) mod stage;
mod status;
mod unkept;
