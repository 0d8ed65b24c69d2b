//! Whole stories over real sockets: the unmodified client, the sandbox, and people with phones.

mod deaf;
mod messages;
mod pacing;
mod pairing;
mod restart;
mod sends;
mod takeover;
