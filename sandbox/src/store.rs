//! Keeping the world: tables in memory, a journal on disk.
//!
//! A table remembers which rows changed. At the end of a step the hub writes all changed rows as one line
//! with one `write(2)`, and only then lets the step's stanzas go. What was acknowledged is therefore in
//! the page cache, which a SIGKILL does not take away. (It does not call `fsync`: the promise is about the
//! process, not about the machine's power.)
//! Called by the hub (commit) and the world (tables).

mod blob;
mod journal;
mod table;

pub(crate) use blob::{Blob, Secret};
pub(crate) use journal::Journal;
pub use journal::StoreError;
pub(crate) use table::{Persist, Table};
