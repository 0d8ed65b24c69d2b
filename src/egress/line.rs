//! Whether a request went over a connection that had been used before.
//!
//! A receiver may close an idle connection at the very moment we write to it. Only then is it right to try again at
//! once, so the sender has to know. A connection is made within the future of the request that asked for it, which
//! is where this notes it down.

use std::{
    cell::Cell,
    task::{Context, Poll},
};

use tower::{Layer, Service};

tokio::task_local! {
    static CONNECTED: Cell<bool>;
}

/// Runs `request`; tells with its result whether a connection was made for it.
pub(super) async fn watch<T>(request: impl Future<Output = T>) -> (T, bool) {
    CONNECTED
        .scope(Cell::new(false), async {
            let done = request.await;
            (done, CONNECTED.with(Cell::get))
        })
        .await
}

/// Notes each new connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watched;

impl<S> Layer<S> for Watched {
    type Service = Connects<S>;

    fn layer(&self, inner: S) -> Connects<S> {
        Connects(inner)
    }
}

/// Connects, and says so.
#[derive(Debug, Clone)]
pub(super) struct Connects<S>(S);

impl<S: Service<R>, R> Service<R> for Connects<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        // Outside of a watched request nobody wants to know.
        CONNECTED.try_with(|connected| connected.set(true)).ok();
        self.0.call(request)
    }
}
