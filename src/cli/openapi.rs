//! `wharf openapi`.

use anyhow::Context;

use super::{Failure, print};

/// Prints `docs/openapi.json`.
pub(super) fn run() -> Result<(), Failure> {
    let text = crate::http::document()
        .to_pretty_json()
        .context("the description of the API cannot be written")
        .map_err(Failure::failed)?;
    print(&format!("{text}\n"))
}
