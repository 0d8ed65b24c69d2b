//! A WhatsApp server and the people with phones behind it.
//!
//! Owns: the socket that an unmodified WhatsApp Web client speaks to, the state of the little world
//! behind it (people, phones, linked devices, queues), and the control API that plays those people.
//! Never depends on `wharf`: what is proven here is proven against the protocol, not against ourselves.
//! Called by: the sandbox build of Wharf (embedded), the binary `wharf-sandbox`, and tests.
//!
//! How it hangs together:
//! * [`world::World`] is everything that exists. It sits behind one mutex that is held for a step and
//!   never across a write to a socket: a step changes tables and fills an outbox, the journal is
//!   written, then the outbox is handed to the connections' writer tasks.
//! * An area (pre-keys, messages, groups, …) is a file under `areas` that registers its stanza handlers
//!   in the [`dispatch::HandlerTable`], keyed by (namespace, child), and its control routes.
//! * A person's phone is device 0 of the account. It holds real Signal sessions, so that whatever
//!   a client sends is decrypted by an independent peer.

mod areas;
mod clock;
mod control;
mod dispatch;
mod hub;
mod jids;
mod keys;
mod noise;
mod server;
mod socket;
mod stanza;
mod store;
mod tls;
mod world;

pub use clock::Clock;
pub use server::{Config, Error, Sandbox};
pub use store::StoreError;
pub use tls::TlsError;
