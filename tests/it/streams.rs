//! The streams of events: sockets, server-sent events and pages tell every entry of a log, or what is missing.

mod cursors;
mod gaps;
mod model;
mod resume;
mod revoked;
mod source;
mod standing;
