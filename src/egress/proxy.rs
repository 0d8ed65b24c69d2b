//! Proxies that a user names: parsed, shown without their password, and the only way of what is sent through them.
//!
//! Must never go round a proxy, nor reach one whose address is refused. `service::sessions` checks and shows them,
//! `protocol` connects through them.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper_util::{
    client::legacy::connect::proxy::{SocksV5, Tunnel},
    rt::TokioIo,
};
use percent_encoding::percent_decode_str;
use reqwest::header::HeaderValue;
use tokio::net::TcpStream;
use tower::{Service, service_fn};
use url::{Host, Url};

use super::{Egress, EgressError, Lookup, Policy, URL_MAX_BYTES, resolve};

/// What stands for a password that is not shown.
const HIDDEN: &str = "***";

/// How it is asked for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// HTTP, with the method CONNECT.
    Http,
    /// SOCKS 5. The proxy looks names up, so nothing of where it goes is told to anybody else.
    Socks5,
}

/// `http://` or `socks5://`, a user name and a password perhaps, a host and a port. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
    kind: Kind,
    host: Host,
}

impl Proxy {
    /// The proxy that `text` names, wherever it is.
    pub fn parse(text: &str) -> Result<Self, EgressError> {
        if text.len() > URL_MAX_BYTES {
            return Err(EgressError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| EgressError::NotAUrl)?;
        let kind = match url.scheme() {
            "http" => Kind::Http,
            "socks5" | "socks5h" => Kind::Socks5,
            other => return Err(EgressError::ProxyScheme(other.to_owned())),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(EgressError::ProxyPath);
        }
        // In a URL of another scheme than HTTP's, an address is but a name until it is looked at.
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = Host::parse(host.ok_or(EgressError::NoHost)?);
        let host = host.map_err(|_| EgressError::NotAUrl)?;
        Ok(Self { url, kind, host })
    }

    /// As it may be shown: without the password.
    pub fn shown(&self) -> String {
        let mut url = self.url.clone();
        if url.password().is_some() {
            // It fails for URLs without a host alone.
            url.set_password(Some(HIDDEN)).ok();
        }
        url.as_str().trim_end_matches('/').to_owned()
    }

    /// The whole URL, password included.
    pub fn expose(&self) -> &str {
        self.url.as_str()
    }

    fn port(&self) -> u16 {
        let usual = match self.kind {
            Kind::Http => 80,
            Kind::Socks5 => 1080,
        };
        self.url.port().unwrap_or(usual)
    }

    fn credentials(&self) -> Option<(String, String)> {
        let text = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        let user = self.url.username();
        let password = self.url.password();
        (!user.is_empty() || password.is_some())
            .then(|| (text(user), text(password.unwrap_or_default())))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", self.shown())
    }
}

/// Why there is no connection through a proxy.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The proxy is where nothing may be sent.
    #[error(transparent)]
    Refused(#[from] EgressError),
    /// The proxy does not answer.
    #[error("the proxy cannot be reached")]
    Unreachable(#[source] io::Error),
    /// The proxy answers, and does not connect.
    #[error("the proxy did not connect")]
    Declined(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The client for files could not be made.
    #[error("the client that uses the proxy could not be made")]
    Client(#[source] reqwest::Error),
}

/// The way through one proxy. Clones are the same way.
#[derive(Debug, Clone)]
pub struct Route {
    proxy: Proxy,
    policy: Arc<Policy>,
    lookup: Arc<dyn Lookup>,
}

impl Egress {
    /// The proxy in `text`, if it may be reached. A name is not looked up here: see [`Route::resolves`].
    pub fn proxy(&self, text: &str) -> Result<Proxy, EgressError> {
        let proxy = Proxy::parse(text)?;
        if proxy.url.password() == Some(HIDDEN) {
            return Err(EgressError::ProxyPassword);
        }
        self.route(proxy.clone()).check()?;
        Ok(proxy)
    }

    /// The way through `proxy`. Its address is checked at each connection.
    pub fn route(&self, proxy: Proxy) -> Route {
        Route {
            proxy,
            policy: Arc::clone(&self.policy),
            lookup: Arc::clone(&self.lookup),
        }
    }
}

impl Route {
    /// Refuses a proxy whose address is refused; a name passes.
    pub fn check(&self) -> Result<(), EgressError> {
        match self.proxy.host {
            Host::Ipv4(address) => self.policy.check(address.into()),
            Host::Ipv6(address) => self.policy.check(address.into()),
            Host::Domain(_) => Ok(()),
        }
    }

    /// Refuses a proxy whose name leads only to refused addresses *now*. A name without an answer passes, and is
    /// looked up again at each connection.
    pub async fn resolves(&self) -> Result<(), EgressError> {
        match self.addresses().await {
            Err(ProxyError::Refused(refused @ EgressError::Refused { .. })) => Err(refused),
            _ => Ok(()),
        }
    }

    /// A connection to `host`, through the proxy. Whoever calls limits how long it may take.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, ProxyError> {
        let addresses = self.addresses().await?;
        let tcp = TcpStream::connect(addresses.as_slice())
            .await
            .map_err(ProxyError::Unreachable)?;
        tcp.set_nodelay(true).map_err(ProxyError::Unreachable)?;
        // The connection is there already: it is handed over when the library asks for one.
        let mut tcp = Some(TokioIo::new(tcp));
        let ready = service_fn(move |_: hyper::Uri| {
            let tcp = tcp.take().ok_or(io::ErrorKind::NotConnected);
            async move { tcp.map_err(io::Error::from) }
        });
        let there = uri(host, port)?;
        let (proxy, credentials) = (hyper::Uri::default(), self.proxy.credentials());
        let declined =
            |error: Box<dyn std::error::Error + Send + Sync>| ProxyError::Declined(error);
        let connected = match self.proxy.kind {
            Kind::Http => {
                let mut tunnel = Tunnel::new(proxy, ready);
                if let Some((user, password)) = credentials {
                    let word = STANDARD.encode(format!("{user}:{password}"));
                    let value = HeaderValue::try_from(format!("Basic {word}"));
                    tunnel = tunnel.with_auth(value.map_err(|error| declined(error.into()))?);
                }
                let connected = tunnel.call(there).await;
                connected.map_err(|error| declined(error.into()))?
            }
            Kind::Socks5 => {
                let mut socks = SocksV5::new(proxy, ready);
                if let Some((user, password)) = credentials {
                    socks = socks.with_auth(user, password);
                }
                let connected = socks.call(there).await;
                connected.map_err(|error| declined(error.into()))?
            }
        };
        Ok(connected.into_inner())
    }

    /// The beginning of an HTTP client that goes through the proxy alone.
    pub fn client(&self) -> Result<reqwest::ClientBuilder, ProxyError> {
        self.check()?;
        let mut url = self.proxy.url.clone();
        if self.proxy.kind == Kind::Socks5 {
            // With the other word the client would look names up itself.
            url.set_scheme("socks5h").ok();
        }
        let proxy = reqwest::Proxy::all(url).map_err(ProxyError::Client)?;
        let guarded = resolve::Guarded {
            policy: Arc::clone(&self.policy),
            lookup: Arc::clone(&self.lookup),
        };
        let builder = reqwest::Client::builder().proxy(proxy);
        Ok(builder.dns_resolver(Arc::new(guarded)))
    }

    /// Where the proxy is, as far as it may be reached.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, ProxyError> {
        self.check()?;
        let ips = match &self.proxy.host {
            Host::Ipv4(address) => vec![(*address).into()],
            Host::Ipv6(address) => vec![(*address).into()],
            Host::Domain(name) => {
                let found = self.lookup.lookup(name.clone()).await;
                let found = found.map_err(ProxyError::Unreachable)?;
                resolve::allowed(&self.policy, name, found)?
            }
        };
        let port = self.proxy.port();
        Ok(ips.into_iter().map(|ip| (ip, port).into()).collect())
    }
}

fn uri(host: &str, port: u16) -> Result<hyper::Uri, ProxyError> {
    let authority = format!("{host}:{port}");
    let built = hyper::Uri::builder()
        .scheme("http")
        .authority(authority)
        .path_and_query("/")
        .build();
    built.map_err(|error| ProxyError::Declined(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<&'static str> {
        let egress = Egress::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
        egress.proxy(text).err().map(|error| error.code())
    }

    #[test]
    fn http_and_socks_proxies_are_taken_and_nothing_else() {
        for good in [
            "http://proxy.example.com",
            "http://user:word@proxy.example.com:3128/",
            "socks5://198.41.0.4:1080",
            "socks5h://[2001:4860::1]:1080",
            "socks5://127.0.0.1:9050",
        ] {
            assert_eq!(refused(good), None, "{good}");
        }
        for (bad, code) in [
            ("proxy.example.com:3128", "proxy_scheme"),
            ("https://proxy.example.com", "proxy_scheme"),
            ("socks4://proxy.example.com", "proxy_scheme"),
            ("proxy", "url_invalid"),
            ("socks5://", "url_no_host"),
            ("http://user:***@proxy.example.com", "proxy_password_hidden"),
            ("http://proxy.example.com/path", "proxy_path"),
            ("socks5://proxy.example.com?x=1", "proxy_path"),
        ] {
            assert_eq!(refused(bad), Some(code), "{bad}");
        }
    }

    #[test]
    fn a_proxy_inside_is_refused_however_it_is_spelled() {
        for url in [
            "http://10.0.0.1:3128",
            "socks5://10.0.0.1:1080",
            "socks5://0x0a000001:1080",
            "socks5://167772161:1080",
            "socks5://[::ffff:10.0.0.1]:1080",
            "socks5h://[::1]:1080",
        ] {
            assert_eq!(refused(url), Some("address_refused"), "{url}");
        }
    }

    #[test]
    fn a_password_is_kept_and_never_shown() {
        let proxy = Proxy::parse("socks5://user:p%40ss@198.41.0.4:1080").unwrap();
        assert_eq!(proxy.shown(), "socks5://user:***@198.41.0.4:1080");
        assert!(!format!("{proxy:?}").contains("p%40ss"));
        let expected = ("user".to_owned(), "p@ss".to_owned());
        assert_eq!(proxy.credentials(), Some(expected));
        let open = Proxy::parse("http://198.41.0.4").unwrap();
        assert_eq!(open.shown(), "http://198.41.0.4");
        assert_eq!((open.credentials(), open.port()), (None, 80));
    }
}
