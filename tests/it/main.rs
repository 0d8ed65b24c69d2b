//! The one integration binary: what is promised from the outside, and the form of the code.

mod cli;
mod crash;
mod docs;
mod flows;
mod harness;
mod layering;
mod store;
mod webhook;
