//! The `wharf` program; `cli` does the work.

use std::process::ExitCode;

// Many small pieces come and go on many threads here, which the system's allocator is slow at and keeps.
#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    wharf::cli::run()
}
