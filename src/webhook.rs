//! Webhooks: from a committed event to a signed request that a receiver has answered.
//!
//! Owns the outbox (rows written in the caller's transaction), the dispatcher that works them off, the
//! signature and the shape of a request. Must never hold a transaction open over a request, nor send but through
//! [`crate::egress`]. `session` calls [`outbox`], `service` the rest; `app` starts the [`dispatcher`].

pub mod dispatcher;
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
