//! Sessions.

mod files;
mod linking;
mod manage;
mod passkey;
mod with_a_phone;
