//! Sockets.

mod handshake;
mod refusals;
mod stream;
