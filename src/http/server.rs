//! The accept loop.
//!
//! Owns connections: how many, how long a head may take, who ends them. Must never look into a request.
//! `app` runs [`serve`] with the router. axum's own loop knows neither limits nor a header timeout: half a head
//! would hold a connection for ever.

mod held;
mod refuse;
pub mod tls;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::extract::BodyTimeout;
use crate::{
    config::Http,
    lifecycle::{Stop, Tasks},
};
use held::{Doors, Held};

/// The largest head of a request; a larger one is answered 431.
const HEAD_BYTES: usize = 64 * 1024;
/// How long the loop rests when the system has no more file descriptors; connections that end give some back.
const OUT_OF_FILES_PAUSE: Duration = Duration::from_millis(100);

/// Why the service cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// What the loop lets in.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Connections at the same time from one address.
    pub per_address: usize,
    /// For the head of a request, and for the rest between two.
    pub header_timeout: Duration,
    /// For the body of a request.
    pub body_timeout: Duration,
    /// Proxies bring many clients from one address: they are exempt from the limit per address.
    pub trusted_proxies: Vec<IpNet>,
}

impl From<&Http> for Limits {
    fn from(http: &Http) -> Self {
        let wide = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            connections: wide(http.max_connections),
            per_address: wide(http.max_connections_per_address),
            header_timeout: Duration::from_millis(http.header_timeout_ms),
            body_timeout: Duration::from_millis(http.body_timeout_ms),
            trusted_proxies: http.trusted_proxies.clone(),
        }
    }
}

/// Listens on `address`.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| BindError { address, source })
}

/// What [`serve`] answers on, and how.
pub struct Entrance {
    /// Where clients come from.
    pub listener: TcpListener,
    /// What it lets in.
    pub limits: Limits,
    /// Makes a TLS stream of each connection; none speaks plainly.
    pub tls: Option<TlsAcceptor>,
}

impl std::fmt::Debug for Entrance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entrance")
            .field("limits", &self.limits)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

/// Serves `router` until the soft stop, then waits until every connection has ended, upgraded sockets included.
///
/// The hard stop ends what did not end by itself: connections run as `tasks`.
pub async fn serve(entrance: Entrance, router: Router, tasks: &Tasks, stop: &Stop) {
    let Entrance {
        listener,
        limits,
        tls,
    } = entrance;
    let soft = stop.soft_token();
    let connections = TaskTracker::new();
    let doors = Doors::new(&limits);
    let body_timeout = BodyTimeout(limits.body_timeout);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(HEAD_BYTES);
    loop {
        let accepted = tokio::select! {
            biased;
            () = soft.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                rest_after(&error, &soft).await;
                continue;
            }
        };
        match doors.enter(peer.ip()) {
            Ok(place) => {
                // Answers are written whole: waiting for more would only delay them.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(error = &error as &dyn std::error::Error, "no TCP_NODELAY");
                }
                let held = Held::new(stream, place, connections.token());
                let router = router.clone();
                let marks = (ConnectInfo(peer), body_timeout);
                let (http, soft) = (http.clone(), soft.clone());
                let Some(tls) = tls.clone() else {
                    let connection = converse(http, held, marks, router, soft);
                    tasks.spawn("http.connection", connection);
                    continue;
                };
                let within = limits.header_timeout;
                tasks.spawn("http.connection", async move {
                    let shaken = tokio::select! {
                        () = soft.cancelled() => return,
                        shaken = tokio::time::timeout(within, tls.accept(held)) => shaken,
                    };
                    match shaken {
                        Ok(Ok(stream)) => converse(http, stream, marks, router, soft).await,
                        Ok(Err(error)) => tracing::debug!(
                            error = &error as &dyn std::error::Error,
                            "a TLS handshake failed"
                        ),
                        Err(_) => tracing::debug!("a TLS handshake took too long"),
                    }
                });
            }
            Err(full) => {
                if let Some(farewell) = doors.farewell() {
                    tracing::warn!("a connection was refused: {full}");
                    // Whoever speaks TLS would not understand the answer.
                    if tls.is_none() {
                        tasks.spawn("http.refusal", refuse::politely(stream, full, farewell));
                    }
                }
            }
        }
    }
    // New clients are refused by the system while the old ones finish.
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn rest_after(error: &io::Error, soft: &CancellationToken) {
    let of_the_client = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    );
    if of_the_client {
        return;
    }
    tracing::error!(error = error as &dyn std::error::Error, "cannot accept");
    tokio::select! {
        () = soft.cancelled() => {}
        () = tokio::time::sleep(OUT_OF_FILES_PAUSE) => {}
    }
}

/// One connection, until it ends or the soft stop lets it finish the request it is at.
async fn converse<S>(
    http: http1::Builder,
    stream: S,
    marks: (ConnectInfo<SocketAddr>, BodyTimeout),
    router: Router,
    soft: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&asked);
    let service = service_fn(move |mut request: Request<Incoming>| {
        seen.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(marks.0);
        request.extensions_mut().insert(marks.1);
        let answer = router.clone().oneshot(request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let mut connection = pin!(
        http.serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = soft.cancelled() => {
            // hyper ends a connection that rests between two requests, but one that never asked would keep the
            // service waiting for its header timeout.
            if !asked.load(Ordering::Relaxed) {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "a connection broke"
        );
    }
}

#[cfg(test)]
mod tests;
