//! Whole stories over real sockets: the unmodified client, the sandbox, and people with phones.

mod channels;
mod deaf;
mod habits;
mod messages;
mod news;
mod pacing;
mod pairing;
mod proxies;
mod restart;
mod sends;
mod takeover;
