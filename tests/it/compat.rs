//! The dialects, from the outside, and that each can be taken out.

mod folders;
mod header_session;
mod multisession;
mod wasender;
