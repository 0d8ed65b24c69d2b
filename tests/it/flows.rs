//! Whole stories over real sockets: the unmodified client, the sandbox, and people with phones.

mod channels;
mod deaf;
mod habits;
mod messages;
mod news;
mod outer_issuer;
mod pacing;
mod pairing;
mod proxies;
mod restart;
mod rotation;
mod rotation_under_load;
mod sends;
mod takeover;
