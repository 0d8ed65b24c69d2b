//! The `wharf` program; `cli` does the work.

use std::process::ExitCode;

fn main() -> ExitCode {
    wharf::cli::run()
}
