//! The `wharf` program; `cli` does the work.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

// Many small pieces come and go on many threads here, which the system's allocator is slow at and keeps.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    wharf::cli::run()
}
