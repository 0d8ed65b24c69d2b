//! Why a session is where it is: the stable words of the API.

use serde::{Deserialize, Serialize};

/// Why a session is not where its owner wants it: stable words of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The owner asked for it.
    Requested,
    /// The connection to WhatsApp broke; it is being made again.
    ConnectionLost,
    /// Nothing was heard from WhatsApp on a connection that looked alive; it is being made again.
    Deaf,
    /// WhatsApp cannot be reached; it is being tried again.
    Unreachable,
    /// The session's proxy cannot be reached or does not connect; it is being tried again, and never without it.
    ProxyFailed,
    /// The server could not prove that it is WhatsApp.
    ServerNotTrusted,
    /// Another client logged in with this device's keys.
    StreamReplaced,
    /// The device was removed: on the phone, by WhatsApp, or by a logout.
    DeviceRemoved,
    /// WhatsApp refuses this version of the client.
    ClientOutdated,
    /// WhatsApp has banned the account for some time.
    TemporaryBan,
    /// Every QR code went by without a scan.
    QrTimeout,
    /// The phone refused the pairing, or it broke half-way.
    PairingFailed,
    /// Nobody answered for the passkey in time, nobody confirmed the code, or the phone did not go on.
    PasskeyTimeout,
    /// WhatsApp did not believe the passkey's answer, or the person refused on the phone.
    PasskeyRefused,
    /// WhatsApp refused the login.
    LoginRefused,
    /// The session's process failed; it is being started again.
    Restarting,
    /// Another node holds the session now.
    LeaseLost,
    /// The service is stopping.
    Shutdown,
    /// The store could not write.
    StoreFailed,
}

impl Reason {
    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::ConnectionLost => "connection_lost",
            Self::Deaf => "deaf",
            Self::Unreachable => "unreachable",
            Self::ProxyFailed => "proxy_failed",
            Self::ServerNotTrusted => "server_not_trusted",
            Self::StreamReplaced => "stream_replaced",
            Self::DeviceRemoved => "device_removed",
            Self::ClientOutdated => "client_outdated",
            Self::TemporaryBan => "temporary_ban",
            Self::QrTimeout => "qr_timeout",
            Self::PairingFailed => "pairing_failed",
            Self::PasskeyTimeout => "passkey_timeout",
            Self::PasskeyRefused => "passkey_refused",
            Self::LoginRefused => "login_refused",
            Self::Restarting => "restarting",
            Self::LeaseLost => "lease_lost",
            Self::Shutdown => "shutdown",
            Self::StoreFailed => "store_failed",
        }
    }
}
