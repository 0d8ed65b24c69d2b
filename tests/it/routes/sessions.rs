//! Sessions.

mod files;
mod linking;
mod manage;
mod with_a_phone;
