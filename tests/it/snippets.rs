//! What the guides of other services print runs here as it is printed, twice in a row; and what our own README prints.
//!
//! Commands and code are cut out of the guides while the test runs. Only what a text itself tells its reader to replace is
//! replaced, and the phones of the sandbox scan what it tells people to scan.

mod document;
mod header_session;
mod multisession;
mod node;
mod readme;
mod shell;
mod wasender;
