//! The address at the other end.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use ipnet::IpNet;

/// Proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// The proxies of these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Walks from the nearest hop outwards and stops at the first that is not one of our proxies.
    fn client(&self, nearest: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = nearest.to_canonical();
        if self.0.is_empty() {
            return client;
        }
        let hops: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for hop in hops.into_iter().rev() {
            if !self.trusts(client) {
                break;
            }
            match hop.trim().parse::<IpAddr>() {
                Ok(address) => client = address.to_canonical(),
                Err(_) => break,
            }
        }
        client
    }
}

/// The client's address: the connection's, or what a trusted proxy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl<S> FromRequestParts<S> for Peer
where
    TrustedProxies: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let nearest = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip());
        Ok(Self(
            TrustedProxies::from_ref(state).client(nearest, &parts.headers),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", value.parse().unwrap());
        headers
    }

    #[test]
    fn a_stranger_cannot_choose_an_address_by_header() {
        let stranger: IpAddr = "198.51.100.7".parse().unwrap();
        let none = TrustedProxies::default();
        assert_eq!(none.client(stranger, &forwarded("203.0.113.1")), stranger);
        let some = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(some.client(stranger, &forwarded("203.0.113.1")), stranger);
    }

    #[test]
    fn a_trusted_proxy_tells_the_client_and_forged_hops_before_it_do_not_count() {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let client = proxies.client(
            "10.0.0.2".parse().unwrap(),
            &forwarded("6.6.6.6, 203.0.113.1, 10.0.0.1"),
        );
        assert_eq!(client, "203.0.113.1".parse::<IpAddr>().unwrap());
    }
}
