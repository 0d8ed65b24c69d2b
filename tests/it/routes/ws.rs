//! Sockets.

mod handshake;
mod stream;
