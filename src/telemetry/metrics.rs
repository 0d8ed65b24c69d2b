//! The numbers of the process, for Prometheus.
//!
//! Owns the one recorder and what its series mean. Modules count through the `metrics` facade under the names that
//! stand here; no label may name a session, a user or an address. `app` asks for it, `http` shows it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// How often what was measured is folded, so that it takes no memory when nobody asks for it.
pub const FOLD_EVERY: Duration = Duration::from_secs(5);

/// Upper bounds of durations in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// The recorder of this process. It is installed at the first call; later calls give the same one.
pub fn recorder() -> Result<PrometheusHandle, BuildError> {
    static HANDLE: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    // Held throughout: of two first calls at once, the one whose handle is kept must be the one that installs.
    let mut installed = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*installed {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets(&SECONDS)?
        .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() {
        describe();
    }
    *installed = Some(handle.clone());
    Ok(handle)
}

fn describe() {
    describe_counter!(
        "wharf_http_requests_total",
        "Answered requests by method, route and status"
    );
    describe_histogram!(
        "wharf_http_request_seconds",
        Unit::Seconds,
        "From the head of a request to the head of its answer, by method and route"
    );
    describe_gauge!("wharf_sessions", "Sessions that run here, by state");
    describe_gauge!("wharf_sockets", "Live sockets and event streams");
    describe_histogram!(
        "wharf_event_commit_seconds",
        Unit::Seconds,
        "The transaction that writes events with what they tell and their deliveries"
    );
    describe_histogram!(
        "wharf_device_commit_seconds",
        Unit::Seconds,
        "The transaction that writes device state (ratchets, keys), the wait for its turn included"
    );
    describe_counter!(
        "wharf_sqlite_writes_total",
        "Writes that SQLite took as a whole"
    );
    describe_counter!(
        "wharf_sqlite_transactions_total",
        "Transactions that these shared; a quiet service has one for each"
    );
    describe_histogram!(
        "wharf_send_seconds",
        Unit::Seconds,
        "From the queue of a session to the socket: encryption and what it has to ask first"
    );
    describe_histogram!(
        "wharf_send_answer_seconds",
        Unit::Seconds,
        "From the socket to the server's ack, its transaction included"
    );
    describe_counter!("wharf_events_total", "Events written, by type");
    describe_counter!(
        "wharf_fenced_total",
        "Writes that were refused because another owner has the session"
    );
    describe_counter!(
        "wharf_acks_dropped_total",
        "Receipts that were passed over because a session could not keep up"
    );
    describe_counter!(
        "wharf_news_dropped_total",
        "News of groups, people and chats that were lost because a session could not keep up"
    );
    describe_counter!(
        "wharf_deliveries_total",
        "Posts to webhook endpoints by result: delivered, failed (tried again) or dead"
    );
    describe_gauge!(
        "wharf_breaker_open",
        "Webhook endpoints that get nothing for a while, because they do not answer"
    );
    describe_counter!(
        "wharf_endpoints_disabled_total",
        "Webhook endpoints that were disabled after failures, or because they asked for it"
    );
}
