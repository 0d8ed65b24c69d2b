//! The one integration binary: what is promised from the outside, and the form of the code.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]
#![expect(
    clippy::expect_used,
    reason = "a test fails by panicking, with its reason"
)]

mod attacks;
mod baileys;
mod bucket;
mod cases;
mod chaos;
mod cli;
mod clients;
mod compat;
mod crash;
mod docs;
mod events;
mod faults;
mod flows;
mod fuzzed;
mod harness;
mod layering;
mod live;
mod messages;
mod openapi;
mod packages;
mod routes;
mod snippets;
mod store;
mod streams;
mod walls;
mod webhook;
