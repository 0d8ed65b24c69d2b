//! The HTTP client that whatsapp-rust uses for media and for the version of WhatsApp Web.
//!
//! Owns nothing but a shared connection pool. The library builds `https` addresses from the host that WhatsApp
//! names; a sandbox speaks plain HTTP on loopback, so a loopback address is asked without TLS.

use std::time::Duration;

use anyhow::Context as _;
use wacore::net::{HttpClient, HttpRequest, HttpResponse};

const TIMEOUT: Duration = Duration::from_mins(1);

/// A clone shares the pool.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
}

impl Http {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self { client })
    }
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

#[async_trait::async_trait]
impl HttpClient for Http {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        let method = request.method.parse().context("unknown HTTP method")?;
        let mut call = self
            .client
            .request(method, plain_on_loopback(&request.url)?);
        for (name, value) in &request.headers {
            call = call.header(name, value);
        }
        if let Some(body) = request.body {
            call = call.body(body);
        }
        let answer = call.send().await?;
        let status_code = answer.status().as_u16();
        Ok(HttpResponse {
            status_code,
            body: answer.bytes().await?.to_vec(),
        })
    }
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
