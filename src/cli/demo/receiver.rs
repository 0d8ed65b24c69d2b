//! A small consumer of webhooks that believes nothing unsigned (Standard Webhooks).

use std::{convert::Infallible, net::SocketAddr};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    HeaderMap, Request, Response, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::Sha256;
use tokio::{net::TcpListener, sync::mpsc};

use crate::lifecycle::{Stop, Tasks};

/// Deliveries that wait for the demo, which looks for one; more would be refused and come again.
const WAITING: usize = 16;
const BODY_BYTES: usize = 1024 * 1024;

type Posted = (HeaderMap, Bytes);

/// A verified delivery.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) id: String,
    pub(super) body: Value,
}

pub(super) struct Receiver {
    url: String,
    secret: Vec<u8>,
    posted: mpsc::Receiver<Posted>,
    stop: Stop,
}

impl Receiver {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let (sender, posted) = mpsc::channel(WAITING);
        let stop = Stop::default();
        let tasks = Tasks::new(&stop);
        let of_connections = tasks.clone();
        tasks.spawn("demo.receiver", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                let service = service_fn(move |request| answer(request, sender.clone()));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                of_connections.spawn("demo.delivery", async move {
                    // A sender that hangs up half-way comes again.
                    drop(connection.await);
                });
            }
        });
        Ok(Self {
            url,
            secret: Vec::new(),
            posted,
            stop,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The secret that was shown when the webhook was made.
    pub(super) fn trust(&mut self, secret: &str) -> Result<()> {
        let encoded = secret
            .strip_prefix("whsec_")
            .context("the secret is no whsec_…")?;
        self.secret = STANDARD
            .decode(encoded)
            .context("the secret is no base64")?;
        Ok(())
    }

    /// The next delivery; one whose signature is wrong is a failure.
    pub(super) async fn next(&mut self) -> Result<Delivery> {
        let (headers, body) = self.posted.recv().await.context("the listener has ended")?;
        self.verify(&headers, &body)
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Delivery> {
        let id = header(headers, "webhook-id")?;
        let timestamp = header(headers, "webhook-timestamp")?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret)?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        let signed = header(headers, "webhook-signature")?
            .split(' ')
            .filter_map(|signature| signature.strip_prefix("v1,"))
            .filter_map(|signature| STANDARD.decode(signature).ok())
            .any(|signature| mac.clone().verify_slice(&signature).is_ok());
        ensure!(signed, "the signature is wrong");
        Ok(Delivery {
            id: id.to_owned(),
            body: serde_json::from_slice(body).context("the body is no JSON")?,
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.hard();
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str> {
    match headers.get(name).map(|value| value.to_str()) {
        Some(Ok(value)) => Ok(value),
        _ => bail!("the webhook has no header {name}"),
    }
}

async fn answer(
    request: Request<Incoming>,
    posted: mpsc::Sender<Posted>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let kept = match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => posted.try_send((head.headers, body.to_bytes())).is_ok(),
        Err(_) => false,
    };
    let mut response = Response::new(Empty::new());
    if !kept {
        *response.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    async fn receiver() -> Receiver {
        let mut receiver = Receiver::start().await.unwrap();
        receiver.trust(SECRET).unwrap();
        receiver
    }

    fn signed(body: &[u8]) -> HeaderMap {
        let webhook = standardwebhooks::Webhook::new(SECRET).unwrap();
        let signature = webhook.sign("evt_1", 1_700_000_000, body).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "evt_1".parse().unwrap());
        headers.insert("webhook-timestamp", "1700000000".parse().unwrap());
        headers.insert(
            "webhook-signature",
            format!("v1,AAAA {signature}").parse().unwrap(),
        );
        headers
    }

    #[tokio::test]
    async fn a_signature_of_the_reference_is_right_and_a_changed_body_is_not() {
        let receiver = receiver().await;
        let headers = signed(b"{}");
        assert_eq!(receiver.verify(&headers, b"{}").unwrap().id, "evt_1");
        let told = receiver.verify(&headers, b"[]").unwrap_err();
        assert!(told.to_string().contains("signature is wrong"));
    }

    #[tokio::test]
    async fn an_unsigned_delivery_is_refused() {
        let told = receiver()
            .await
            .verify(&HeaderMap::new(), b"{}")
            .unwrap_err();
        assert!(told.to_string().contains("webhook-id"));
    }
}
