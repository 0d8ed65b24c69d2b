//! Live sessions: who runs them, in which state they are, and what they write.
//!
//! Owns the manager (claims, supervises, stops), the actor of each session (its state machine) and the inbox
//! (commit before ack). Must never know HTTP, nor who is allowed to do what. `service` calls the manager; only `app`
//! makes one.

mod actor;
mod habits;
mod handle;
mod history;
mod inbox;
mod journal;
mod manager;
mod names;
mod news;
mod pacing;
mod probe;
mod proxies;
mod qr;
mod replies;
mod sends;
mod telling;

pub use habits::Habits;
pub use handle::{Ended, GateError, Handle};
pub use journal::{Journal, JournalConfig, JournalError, Outgoing};
pub use manager::{Manager, ManagerConfig, ManagerError};
pub use pacing::Pacing;
pub use probe::ProbeTimes;
pub use proxies::{KeepError, Kept, Proxies};
pub use qr::{png, png_data_url};
pub use sends::{Outcome, Queued, Sends};
pub use telling::passkey as passkey_data;
