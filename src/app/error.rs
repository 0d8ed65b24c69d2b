//! Why the service did not start, or did not stop as it should.

use crate::{
    cluster::SELF_FENCE_AFTER,
    config::DataDirError,
    db::migrate::MigrateError,
    egress::EgressError,
    http::server::{BindError, tls::TlsError},
    media::StoreError,
    protocol::OpenError,
    seal::SealError,
    service,
};

/// Why the service did not start, or did not stop as it should.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder cannot be had.
    #[error("the data folder cannot be used")]
    DataDir(#[from] DataDirError),
    /// The address cannot be had.
    #[error("the service cannot listen")]
    Bind(#[from] BindError),
    /// The listener has no address.
    #[error("the service cannot listen")]
    Listen(#[source] std::io::Error),
    /// The certificate cannot be had.
    #[error("the TLS certificate cannot be used")]
    Certificate(#[from] TlsError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The database cannot be had.
    #[error("the database cannot be used")]
    Database(#[source] sea_orm::DbErr),
    /// The schema is not as it should be.
    #[error("the database's schema cannot be used")]
    Schema(#[from] MigrateError),
    /// The master key is not the one of this database.
    #[error("the master key cannot be used")]
    Seal(#[from] SealError),
    /// The linked library accepts a WhatsApp that proves nothing.
    #[error(
        "this live build accepts a server with forged certificates, so it could be talking to anybody; \
         build it again without the feature `sandbox`"
    )]
    Untrusted,
    /// The WhatsApp client cannot be set up.
    #[error("the WhatsApp client cannot be set up")]
    Protocol(#[from] OpenError),
    /// The embedded sandbox does not start.
    #[error("the sandbox does not start")]
    Sandbox(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The file that names the node of the last boot cannot be used.
    #[error("the file `node` of the data folder cannot be used")]
    NodeFile(#[source] std::io::Error),
    /// The store of files cannot be opened.
    #[error("the store of files cannot be used")]
    Media(#[source] StoreError),
    /// The guarded client cannot be set up.
    #[error("the client for webhooks cannot be set up")]
    Egress(#[source] EgressError),
    /// The first user cannot be made.
    #[error("the first user cannot be made")]
    FirstUser(#[source] service::Error),
    /// The recorder of numbers cannot be set up.
    #[error("the recorder of metrics cannot be set up")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
    /// Passwords cannot be hashed.
    #[error("passwords cannot be hashed")]
    Passwords(#[source] service::Error),
    /// No secret to sign tokens with.
    #[error("there is no secret to sign access tokens with")]
    NoSecret,
    /// A part that the service cannot do without has died; the log says which.
    #[error("a part that the service cannot do without has ended")]
    Crashed,
    /// Somebody else holds the database at the start.
    #[error(
        "the database took no write for {} s: is it locked by another process?",
        SELF_FENCE_AFTER.as_secs()
    )]
    Locked,
    /// The database went away while the service ran; the log says how.
    #[error(
        "the database could not be written for {} s, so this process has let go of its sessions; nothing that it \
         took on is lost, and a start takes them up again",
        SELF_FENCE_AFTER.as_secs()
    )]
    Adrift,
    /// The stop ran into its deadline.
    #[error("the stop took too long, and the rest was cut off")]
    StopTookTooLong,
}

impl Error {
    /// Whether going on would not have been safe, as opposed to not possible.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Untrusted
                | Self::Seal(_)
                | Self::FirstUser(_)
                | Self::DataDir(DataDirError::Held { .. })
                | Self::Schema(MigrateError::Newer(_))
        )
    }
}
