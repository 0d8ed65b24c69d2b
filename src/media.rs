//! The bytes of files: where they are kept, how they come in, what they are.
//!
//! Owns the object store and the rules by kind. Knows nothing of who may see a file: `service::media` does. The bytes
//! flow through in pieces; no file is ever whole in memory here.

pub mod film;
pub mod inspect;
pub mod picture;
pub mod retention;

mod intake;
mod store;

pub use intake::{Intake, IntakeError, Taken};
pub use store::{Place, S3, Store, StoreError};
