//! One binary for all integration tests: it links once.

mod harness;
mod store;
