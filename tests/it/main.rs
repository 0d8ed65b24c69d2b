//! One binary for all integration tests: it links once.

mod flows;
mod harness;
mod store;
