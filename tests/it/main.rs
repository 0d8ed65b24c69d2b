//! The one integration binary: what is promised from the outside, and the form of the code.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

mod cli;
mod crash;
mod docs;
mod flows;
mod harness;
mod layering;
mod openapi;
mod routes;
mod store;
mod webhook;
