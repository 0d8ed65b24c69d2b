//! What the tests stand on: databases of their own, servers, phones and receivers.

pub(crate) mod app;
pub(crate) mod authenticator;
pub(crate) mod clock;
pub(crate) mod ctx;
pub(crate) mod databases;
pub(crate) mod described;
pub(crate) mod explained;
pub(crate) mod field;
pub(crate) mod processes;
pub(crate) mod proxy;
pub(crate) mod receiver;
pub(crate) mod rows;

/// `RUST_LOG=debug cargo test …` shows what the service says.
pub(crate) fn show_logs() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let logs = tracing_subscriber::fmt().with_env_filter(filter);
    // Another test of this process may have been the first.
    drop(logs.with_test_writer().try_init());
}

/// The beginning of a client that speaks to this machine alone: it reads no certificates, which takes long.
pub(crate) fn http_client() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}
