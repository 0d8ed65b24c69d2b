//! `wharf config check` and `wharf config docs`.

use super::{Failure, print};
use crate::config::{Config, reference};

/// Prints what is in effect; faults have ended the process before.
pub(super) fn check(config: &Config) -> Result<(), Failure> {
    let warnings: String = config
        .warnings()
        .iter()
        .map(|warning| format!("# warning: {warning}\n"))
        .collect();
    print(&format!("{warnings}{}", config.effective()))
}

/// Prints `docs/config.md`.
pub(super) fn docs() -> Result<(), Failure> {
    print(&reference())
}
