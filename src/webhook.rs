//! Webhooks: from a committed event to a signed request that a receiver has answered.
//!
//! Owns the outbox (rows written in the caller's transaction), the dispatcher that works them off, the
//! signature, the shape of a request and the guarded HTTP client. Must never hold a transaction open over a
//! request, nor send to an address that [`egress`] refuses. `session` calls [`outbox`], `service` the rest;
//! `app` starts the [`dispatcher`].

pub mod dispatcher;
pub mod egress;
pub mod filter;
pub mod headers;
pub mod heads;
pub mod health;
pub mod outbox;
pub mod render;
pub mod retention;
pub mod retry;
pub mod sender;
pub mod signer;
pub mod target;
