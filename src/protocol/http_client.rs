//! The HTTP client that whatsapp-rust uses for media and for the version of WhatsApp Web.
//!
//! Owns nothing but a shared connection pool. The library builds `https` addresses from the host that WhatsApp
//! names; a sandbox speaks plain HTTP on loopback, so a loopback address is asked without TLS. A session with a proxy
//! has a pool of its own, which goes through it.

use std::{io::Read, sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rustls::ClientConfig;
use tokio::runtime::Handle;
use tokio_util::io::{StreamReader, SyncIoBridge};
use wacore::net::{HttpClient, HttpRequest, HttpResponse, StreamingHttpResponse, UploadBody};

use super::transport::{Closed, Way};
use crate::egress::ProxyError;

const TIMEOUT: Duration = Duration::from_mins(1);

/// How long a file may take.
const FILE_TIMEOUT: Duration = Duration::from_mins(10);

/// What is read of a file at once.
const PIECE: usize = 256 * 1024;

/// A clone shares the pool.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    way: Way,
    tls: Arc<ClientConfig>,
}

impl Http {
    /// `tls` says which servers are WhatsApp's.
    pub(super) fn new(tls: Arc<ClientConfig>) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: built(reqwest::Client::builder(), &tls)?,
            way: Way::Direct,
            tls,
        })
    }

    /// The client of a session that goes `way`.
    pub(super) fn on(&self, way: Way) -> Result<Self, ProxyError> {
        let client = match &way {
            Way::Direct | Way::Closed => self.client.clone(),
            Way::Through(route) => built(route.client()?, &self.tls).map_err(ProxyError::Client)?,
        };
        let tls = Arc::clone(&self.tls);
        Ok(Self { client, way, tls })
    }
}

fn built(builder: reqwest::ClientBuilder, tls: &ClientConfig) -> reqwest::Result<reqwest::Client> {
    builder
        .tls_backend_preconfigured(tls.clone())
        .connect_timeout(Duration::from_secs(10))
        .timeout(TIMEOUT)
        .build()
}

fn plain_on_loopback(url: &str) -> anyhow::Result<url::Url> {
    let mut url = url::Url::parse(url)?;
    let loopback = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if loopback && url.scheme() == "https" {
        url.set_scheme("http")
            .map_err(|()| anyhow::anyhow!("not an http address"))?;
    }
    Ok(url)
}

impl Http {
    fn call(&self, request: &HttpRequest) -> anyhow::Result<reqwest::RequestBuilder> {
        match &self.way {
            Way::Direct => {}
            // The resolver judges names; an address does not come to it.
            Way::Through(route) => route.check()?,
            Way::Closed => return Err(Closed.into()),
        }
        let method = request.method.parse().context("unknown HTTP method")?;
        let mut call = self
            .client
            .request(method, plain_on_loopback(&request.url)?);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        Ok(call)
    }
}

#[async_trait::async_trait]
impl HttpClient for Http {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let mut call = self.call(&request)?;
        if let Some(body) = request.body {
            call = call.body(body);
        }
        answered(call.send().await?).await
    }

    fn supports_streaming(&self) -> bool {
        true
    }

    /// On a thread that may block, as the library promises.
    fn execute_streaming(&self, request: HttpRequest) -> anyhow::Result<StreamingHttpResponse> {
        let call = self.call(&request)?.timeout(FILE_TIMEOUT);
        let answer = Handle::current().block_on(call.send())?;
        let status_code = answer.status().as_u16();
        let body = answer.bytes_stream().map_err(std::io::Error::other);
        let body = SyncIoBridge::new(StreamReader::new(body.boxed()));
        Ok(StreamingHttpResponse {
            status_code,
            body: Box::new(body),
        })
    }

    fn supports_upload_streaming(&self) -> bool {
        true
    }

    /// On a thread that may block, as the library promises.
    fn execute_upload(
        &self,
        request: HttpRequest,
        body: UploadBody,
        content_length: u64,
    ) -> anyhow::Result<HttpResponse> {
        let pieces = stream::try_unfold(body, |body| async move {
            let reading = tokio::task::spawn_blocking(move || piece(body));
            reading.await.map_err(std::io::Error::other)?
        });
        let call = self
            .call(&request)?
            .timeout(FILE_TIMEOUT)
            .header(reqwest::header::CONTENT_LENGTH, content_length)
            .body(reqwest::Body::wrap_stream(pieces));
        Handle::current().block_on(async { answered(call.send().await?).await })
    }
}

/// The next piece, and what comes after it.
fn piece(mut body: UploadBody) -> std::io::Result<Option<(Bytes, UploadBody)>> {
    let mut bytes = vec![0; PIECE];
    let read = body.read(&mut bytes)?;
    bytes.truncate(read);
    Ok((read > 0).then(|| (bytes.into(), body)))
}

async fn answered(answer: reqwest::Response) -> anyhow::Result<HttpResponse> {
    let status_code = answer.status().as_u16();
    Ok(HttpResponse {
        status_code,
        body: answer.bytes().await?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_host_is_asked_without_tls() {
        assert_eq!(
            plain_on_loopback("https://127.0.0.1:8090/mms")
                .unwrap()
                .scheme(),
            "http"
        );
        assert_eq!(
            plain_on_loopback("https://localhost/mms").unwrap().scheme(),
            "http"
        );
        assert_eq!(
            plain_on_loopback("https://mmg.whatsapp.net/x")
                .unwrap()
                .scheme(),
            "https"
        );
        assert_eq!(
            plain_on_loopback("https://127.0.0.1.example.org/x")
                .unwrap()
                .scheme(),
            "https"
        );
    }
}
