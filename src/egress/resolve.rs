//! Names to addresses, with the refused ones taken out before the client sees them.

use std::{
    fmt::Debug,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{EgressError, Policy};

/// The answers to one question.
pub(super) type Answers = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Turns a host name into addresses.
pub trait Lookup: Debug + Send + Sync {
    /// All addresses of `host`.
    fn lookup(&self, host: String)
    -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;
}

/// The resolver of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: String) -> Answers {
        Box::pin(async move {
            let answers = tokio::net::lookup_host((host, 0)).await?;
            Ok(answers.map(|socket| socket.ip()).collect())
        })
    }
}

/// The resolver of the client: what it gives out is what is connected to, so a name that answers differently
/// a second time gains nothing.
#[derive(Debug)]
pub(super) struct Guarded {
    pub(super) policy: Arc<Policy>,
    pub(super) lookup: Arc<dyn Lookup>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.policy);
        let answers = self.lookup.lookup(name.as_str().to_owned());
        Box::pin(async move {
            let addresses = allowed(&policy, name.as_str(), answers.await?)?;
            // Port 0 stands for the port of the URL.
            let sockets = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

/// The allowed ones of `addresses`; when none is, why the first was refused.
pub(super) fn allowed(
    policy: &Policy,
    name: &str,
    addresses: Vec<IpAddr>,
) -> Result<Vec<IpAddr>, EgressError> {
    let mut refused = None;
    let mut allowed = Vec::with_capacity(addresses.len());
    for address in addresses {
        match policy.check(address) {
            Ok(()) => allowed.push(address),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    if allowed.is_empty() {
        return Err(refused.unwrap_or_else(|| EgressError::NoAddress(name.to_owned())));
    }
    Ok(allowed)
}
