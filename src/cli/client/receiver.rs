//! A small HTTP server for webhooks; whoever listens decides what each is answered.

use std::{convert::Infallible, net::SocketAddr};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    HeaderMap, Request, Response, StatusCode, body::Incoming, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

use crate::lifecycle::{Stop, Tasks};

/// Deliveries that wait; more are refused with 503 and come again.
const WAITING: usize = 16;
const BODY_BYTES: usize = 1024 * 1024;

/// A request that waits for its answer.
#[derive(Debug)]
pub(in crate::cli) struct Posted {
    pub(in crate::cli) headers: HeaderMap,
    pub(in crate::cli) body: Bytes,
    answer: oneshot::Sender<StatusCode>,
}

impl Posted {
    /// Answers it. A sender that has hung up comes again.
    pub(in crate::cli) fn answer(self, status: StatusCode) {
        if self.answer.send(status).is_err() {
            tracing::debug!("a sender of a webhook has hung up");
        }
    }
}

#[derive(Debug)]
pub(in crate::cli) struct Receiver {
    address: SocketAddr,
    posted: mpsc::Receiver<Posted>,
    stop: Stop,
}

impl Receiver {
    /// Listens at `address`; port 0 takes a free one.
    pub(in crate::cli) async fn start(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        let (sender, posted) = mpsc::channel(WAITING);
        let stop = Stop::default();
        let tasks = Tasks::new(&stop);
        let of_connections = tasks.clone();
        tasks.spawn("cli.receiver", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                let service = service_fn(move |request| answer(request, sender.clone()));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                of_connections.spawn("cli.delivery", async move {
                    // A sender that hangs up half-way comes again.
                    drop(connection.await);
                });
            }
        });
        Ok(Self {
            address,
            posted,
            stop,
        })
    }

    /// Where it listens.
    pub(in crate::cli) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The next request. Dropping the future loses nothing.
    pub(in crate::cli) async fn next(&mut self) -> Result<Posted> {
        self.posted.recv().await.context("the listener has ended")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.hard();
    }
}

async fn answer(
    request: Request<Incoming>,
    posted: mpsc::Sender<Posted>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let status = match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => {
            let (answer, answered) = oneshot::channel();
            let one = Posted {
                headers: head.headers,
                body: body.to_bytes(),
                answer,
            };
            match posted.try_send(one) {
                Ok(()) => answered.await.unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
                Err(_) => StatusCode::SERVICE_UNAVAILABLE,
            }
        }
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE,
    };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    Ok(response)
}
