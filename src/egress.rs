//! The way out: to addresses and through proxies that a user has chosen.
//!
//! Owns the rules against reaching what only this machine or its network can reach: scheme, literal
//! addresses, every answer of the resolver. A connection goes to an address that was checked, never to a
//! second look-up. Must never follow a redirect. Called by the webhook dispatcher, by `service` for checks and for files
//! by URL, and by `protocol` for sessions that have a proxy.

use std::{
    net::IpAddr,
    sync::{Arc, Once},
    time::Duration,
};

use ipnet::IpNet;
use reqwest::{Method, RequestBuilder, Response, Url, redirect};
use url::Host;

mod address;
mod line;
mod proxy;
mod resolve;
mod tls;

pub use address::Range;
pub use proxy::{Proxy, ProxyError, Route};
pub use resolve::{Lookup, SystemLookup};

/// The most bytes of a URL that is accepted.
const URL_MAX_BYTES: usize = 2048;

/// Connections kept open to one host: several endpoints may live on it, each with its own requests under way.
const IDLE_PER_HOST: usize = 64;

/// Why a request does not leave.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// It does not parse.
    #[error("this is not an absolute URL")]
    NotAUrl,
    /// It is longer than any receiver needs.
    #[error("a URL has at most {URL_MAX_BYTES} bytes")]
    TooLong,
    /// Only HTTP is spoken.
    #[error("the scheme must be http or https, not {0}")]
    Scheme(String),
    /// Credentials in a URL end up in logs.
    #[error("a URL must not carry a user name or a password")]
    UserInfo,
    /// Neither kind of proxy that is spoken to.
    #[error("the scheme of a proxy must be http or socks5, not {0}")]
    ProxyScheme(String),
    /// A proxy is a host and a port.
    #[error("the URL of a proxy ends with its port")]
    ProxyPath,
    /// What was shown of a proxy is not the whole of it.
    #[error("*** stands for a password that is not shown; write the password")]
    ProxyPassword,
    /// There is nobody to connect to.
    #[error("the URL names no host")]
    NoHost,
    /// The address belongs to a range that is not for receivers.
    #[error("{address} is a {range} address, which is not allowed")]
    Refused {
        /// The address in question.
        address: IpAddr,
        /// What it belongs to.
        range: Range,
    },
    /// The name leads to no address at all.
    #[error("the name {0} has no address")]
    NoAddress(String),
    /// The TLS stack or the client could not be made.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

impl EgressError {
    /// A stable word for `detail` fields and tests.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAUrl => "url_invalid",
            Self::TooLong => "url_too_long",
            Self::Scheme(_) => "url_scheme",
            Self::UserInfo => "url_userinfo",
            Self::ProxyScheme(_) => "proxy_scheme",
            Self::ProxyPath => "proxy_path",
            Self::ProxyPassword => "proxy_password_hidden",
            Self::NoHost => "url_no_host",
            Self::Refused { .. } => "address_refused",
            Self::NoAddress(_) => "name_without_address",
            Self::Client(_) => "client",
        }
    }

    /// The refusal inside an error of the client, when the resolver spoke it.
    pub fn inside(error: &reqwest::Error) -> Option<Self> {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = source {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found.clone());
            }
            source = error.source();
        }
        None
    }
}

/// What is allowed besides public addresses, and how long a connection may take.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Ranges that are allowed although they are not public.
    pub allow: Vec<IpNet>,
    /// For the TCP and TLS handshakes together.
    pub connect_timeout: Duration,
    /// Who turns a name into addresses.
    pub lookup: Arc<dyn Lookup>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            lookup: Arc::new(SystemLookup),
        }
    }
}

/// Which addresses may be connected to.
#[derive(Debug)]
struct Policy {
    allow: Vec<IpNet>,
}

impl Policy {
    fn check(&self, address: IpAddr) -> Result<(), EgressError> {
        let address = address.to_canonical();
        match Range::of(address) {
            Some(range) if !self.allow.iter().any(|net| net.contains(&address)) => {
                Err(EgressError::Refused { address, range })
            }
            _ => Ok(()),
        }
    }
}

/// The guarded client. Clones share one pool of connections.
#[derive(Debug, Clone)]
pub struct Egress {
    client: reqwest::Client,
    policy: Arc<Policy>,
    lookup: Arc<dyn Lookup>,
}

impl Egress {
    /// A client that reaches public addresses and those in `allow`.
    pub fn new(allow: Vec<IpNet>) -> Result<Self, EgressError> {
        Self::with(Settings {
            allow,
            ..Settings::default()
        })
    }

    /// A client with all its settings.
    pub fn with(settings: Settings) -> Result<Self, EgressError> {
        let policy = Arc::new(Policy {
            allow: settings.allow,
        });
        let trust = tls::trust().map_err(|error| EgressError::Client(error.to_string()))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(trust)
            .connect_timeout(settings.connect_timeout)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .connector_layer(line::Watched)
            .pool_idle_timeout(Duration::from_mins(1))
            .user_agent(concat!("Wharf/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(resolve::Guarded {
                policy: Arc::clone(&policy),
                lookup: Arc::clone(&settings.lookup),
            }))
            .build()
            .map_err(|error| EgressError::Client(error.to_string()))?;
        Ok(Self {
            client,
            policy,
            lookup: settings.lookup,
        })
    }

    /// The URL in `text`, if a request to it may leave. A name is not looked up here: see [`Egress::resolves`].
    pub fn check_url(&self, text: &str) -> Result<Url, EgressError> {
        if text.len() > URL_MAX_BYTES {
            return Err(EgressError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| EgressError::NotAUrl)?;
        self.check(&url)?;
        Ok(url)
    }

    /// Refuse a URL whose name leads only to refused addresses *now*. A name without an answer passes: its
    /// owner may set it up later, and the same check guards every connection.
    pub async fn resolves(&self, url: &Url) -> Result<(), EgressError> {
        let Some(Host::Domain(name)) = url.host() else {
            return self.check(url);
        };
        let Ok(addresses) = self.lookup.lookup(name.to_owned()).await else {
            return Ok(());
        };
        match resolve::allowed(&self.policy, name, addresses) {
            Err(refused @ EgressError::Refused { .. }) => Err(refused),
            _ => Ok(()),
        }
    }

    /// A request to `url`, which is checked here. The caller sets its own total timeout and reads the body
    /// with a cap.
    pub fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, EgressError> {
        self.check(&url)?;
        Ok(self.client.request(method, url))
    }

    /// Send a request made by [`Egress::request`]; tells with its answer whether it went over a connection that had
    /// been used before.
    pub async fn send(request: RequestBuilder) -> (reqwest::Result<Response>, bool) {
        let (answer, connected) = line::watch(request.send()).await;
        (answer, !connected)
    }

    fn check(&self, url: &Url) -> Result<(), EgressError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EgressError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::UserInfo);
        }
        // `Url` has already turned 0x7f.1, 2130706433 and the like into an address.
        match url.host() {
            None => Err(EgressError::NoHost),
            Some(Host::Domain(_)) => Ok(()),
            Some(Host::Ipv4(address)) => self.policy.check(address.into()),
            Some(Host::Ipv6(address)) => self.policy.check(address.into()),
        }
    }
}

/// Make *ring* the cryptography of every TLS connection of the process. Called first in `main` and by tests;
/// calling it again does nothing.
pub fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that a provider is installed already, and then there is nothing to do.
        drop(rustls::crypto::ring::default_provider().install_default());
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(allow: &[&str], url: &str) -> Option<&'static str> {
        let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
        let egress = Egress::new(allow).unwrap();
        egress.check_url(url).err().map(|error| error.code())
    }

    #[test]
    fn only_plain_http_urls_are_accepted() {
        assert_eq!(refused(&[], "https://example.com/hook?a=1"), None);
        assert_eq!(refused(&[], "http://example.com:8080/"), None);
        assert_eq!(refused(&[], "/hook"), Some("url_invalid"));
        assert_eq!(refused(&[], "ftp://example.com/"), Some("url_scheme"));
        assert_eq!(refused(&[], "file:///etc/passwd"), Some("url_scheme"));
        assert_eq!(
            refused(&[], "http://u:p@example.com/"),
            Some("url_userinfo")
        );
        assert_eq!(refused(&[], "http://u@example.com/"), Some("url_userinfo"));
        let long = format!("http://example.com/{}", "a".repeat(URL_MAX_BYTES));
        assert_eq!(refused(&[], &long), Some("url_too_long"));
    }

    #[test]
    fn every_spelling_of_loopback_is_refused() {
        for url in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
        ] {
            assert_eq!(refused(&[], url), Some("address_refused"), "{url}");
        }
    }

    #[test]
    fn an_allowed_range_is_reached_and_its_neighbour_is_not() {
        let allow = &["127.0.0.0/8"];
        assert_eq!(refused(allow, "http://127.0.0.1/"), None);
        assert_eq!(refused(allow, "http://[::ffff:127.0.0.1]/"), None);
        assert_eq!(refused(allow, "http://10.0.0.1/"), Some("address_refused"));
        assert_eq!(refused(allow, "http://[::1]/"), Some("address_refused"));
    }

    #[tokio::test]
    async fn a_refusal_of_the_resolver_is_named_through_the_client() {
        #[derive(Debug)]
        struct Private;
        impl Lookup for Private {
            fn lookup(&self, _: String) -> resolve::Answers {
                Box::pin(async { Ok(vec!["10.1.2.3".parse().unwrap()]) })
            }
        }
        let egress = Egress::with(Settings {
            lookup: Arc::new(Private),
            ..Settings::default()
        })
        .unwrap();
        let url = egress.check_url("http://hook.example/").unwrap();
        let early = egress.resolves(&url).await.unwrap_err();
        let error = egress
            .request(Method::POST, url)
            .unwrap()
            .send()
            .await
            .unwrap_err();
        let named = EgressError::inside(&error).unwrap();
        assert_eq!(named, early);
        assert_eq!(
            named,
            EgressError::Refused {
                address: "10.1.2.3".parse().unwrap(),
                range: Range::Private
            }
        );
    }
}
