//! A WhatsApp client by other people (Baileys, in Node) on the sandbox, and what it exchanges with a session of ours.
//!
//! It shares no line with the library that ours is built on: where it disagrees with the sandbox, the sandbox is wrong.

mod about;
mod client;
mod pairing;
mod words;
