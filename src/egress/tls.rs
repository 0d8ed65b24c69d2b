//! Whom Wharf trusts on the internet: the certificates of the machine, read once for the process.
//!
//! A client of reqwest that is left alone reads all of them anew, and keeps them. Called by `egress` alone.

use std::sync::{Mutex, PoisonError};

use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt as _;

use super::install_crypto;

/// What a client is built with; clones share the certificates.
///
/// # Errors
/// The machine has no certificates that can be read. The next call looks again.
pub(super) fn trust() -> Result<ClientConfig, rustls::Error> {
    static TRUST: Mutex<Option<ClientConfig>> = Mutex::new(None);
    let mut trust = TRUST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = &*trust {
        return Ok(known.clone());
    }
    install_crypto();
    Ok(trust
        .insert(ClientConfig::with_platform_verifier()?)
        .clone())
}
