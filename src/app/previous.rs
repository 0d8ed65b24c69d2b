//! Which node this data folder belonged to at its last boot.
//!
//! Whoever holds the folder's lock knows that process to be dead, so that its leases need not run out first: a
//! restart takes its sessions back at once.

use std::{fs, io, path::Path};

use entity::ids::NodeId;

use super::Error;

const FILE: &str = "node";

/// The node of the last boot, if there was one.
pub(super) fn take(folder: &Path) -> Result<Option<NodeId>, Error> {
    match fs::read_to_string(folder.join(FILE)) {
        Ok(text) => Ok(text.trim().parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::NodeFile(error)),
    }
}

/// Notes the node of this boot; whole or not at all.
pub(super) fn put(folder: &Path, node: NodeId) -> Result<(), Error> {
    let fresh = folder.join("node.new");
    fs::write(&fresh, format!("{node}\n"))
        .and_then(|()| fs::rename(&fresh, folder.join(FILE)))
        .map_err(Error::NodeFile)
}
