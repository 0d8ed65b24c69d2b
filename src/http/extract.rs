//! What a handler takes from a request. Each refuses with the name of the faulty field.
//!
//! Owns parsing, never policy. Every face uses these and not axum's own.

mod body;
mod ctx;
pub(super) mod encoded;
mod path;
mod peer;
pub(super) mod pieces;
mod pointer;
mod query;

pub(super) use body::read_with_file as read_body;
pub use body::{
    AnyJson, AnyJsonWithFile, BODY_LIMIT_BYTES, BodyTimeout, Json, JsonWithFile, from_value,
};
pub use ctx::RequestId;
pub use path::Path;
pub use peer::{Peer, TrustedProxies};
pub use query::Query;
