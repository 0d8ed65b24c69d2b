//! The state machine of a session.
//!
//! Owns which state can follow which, and the word that says why. A transition that cannot be is an error:
//! whoever asked for it must stop and say so. Must never do I/O. The session actor calls it.

use entity::enums::SessionState;

use super::passkey::Passkey;

mod reason;
mod settings;

pub use reason::Reason;
pub use settings::{Download, Settings};

/// A QR code that a phone can scan right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qr {
    /// What the QR code holds.
    pub code: String,
    /// Until when it is valid, in milliseconds since 1970.
    pub expires_at: i64,
    /// 1 for the first code of a pairing, 2 for the next.
    pub index: u32,
}

/// An eight-character code to type on the phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairCode {
    /// The digits of the phone that it is typed on.
    pub phone: String,
    /// The code, without a hyphen.
    pub code: String,
    /// Until when it is valid, in milliseconds since 1970.
    pub expires_at: i64,
}

/// Who the session is, once paired.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// Digits.
    pub phone: Option<String>,
    /// `…@lid`.
    pub lid: Option<String>,
    /// The name the account goes by.
    pub push_name: Option<String>,
}

/// Where a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Not running.
    Disconnected(Reason),
    /// A connection is being made.
    Connecting,
    /// A QR code is valid.
    NeedScan(Qr),
    /// Logged in.
    Connected,
    /// The device is no longer one of the account's.
    LoggedOut(Reason),
    /// No phone came in time.
    Expired(Reason),
    /// Wanted, but not working.
    Degraded(Reason),
}

/// What happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The owner wants it to run, or its process starts again.
    Connect,
    /// A QR code was issued.
    QrIssued(Qr),
    /// WhatsApp asks for a passkey before it links.
    PasskeyAsked,
    /// The phone confirmed the pairing; the login follows.
    Paired,
    /// The login is complete.
    LoggedIn,
    /// The connection is gone and is being made again.
    Lost(Reason),
    /// WhatsApp removed the device.
    Removed(Reason),
    /// The pairing ended without a phone.
    PairingEnded(Reason),
    /// Something is wrong that waiting does not mend.
    Failed(Reason),
    /// It was stopped on purpose.
    Stopped(Reason),
}

/// A change that cannot happen in the phase at hand.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a session that is {from} cannot be {change}")]
pub struct InvalidTransition {
    /// The state it is in.
    pub from: SessionState,
    /// The word of the change.
    pub change: &'static str,
}

impl Change {
    const fn word(&self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::QrIssued(_) => "given a QR code",
            Self::PasskeyAsked => "asked for a passkey",
            Self::Paired => "paired",
            Self::LoggedIn => "logged in",
            Self::Lost(_) => "cut off",
            Self::Removed(_) => "removed",
            Self::PairingEnded(_) => "left unpaired",
            Self::Failed(_) => "failing",
            Self::Stopped(_) => "stopped",
        }
    }
}

impl Phase {
    /// The phase after `change`.
    ///
    /// A QR code may only follow a connection that is being made or an older code; a login may follow every phase
    /// in which the client runs; whatever runs may be lost, removed, failing or stopped.
    pub fn after(&self, change: Change) -> Result<Self, InvalidTransition> {
        use Phase::{Connected, Connecting, Degraded, Disconnected, Expired, LoggedOut, NeedScan};
        let refused = InvalidTransition {
            from: self.state(),
            change: change.word(),
        };
        let running = !matches!(self, Disconnected(_) | LoggedOut(_) | Expired(_));
        Ok(match (self, change) {
            (_, Change::Connect) => Connecting,
            (Connecting | NeedScan(_) | Degraded(_), Change::QrIssued(qr)) => NeedScan(qr),
            (Connecting | NeedScan(_) | Degraded(_), Change::PasskeyAsked | Change::Paired) => {
                Connecting
            }
            (_, Change::LoggedIn) if running => Connected,
            (_, Change::Lost(reason) | Change::Failed(reason)) if running => Degraded(reason),
            (_, Change::Removed(reason)) if running => LoggedOut(reason),
            // A logout by the API also removes a device that is not running.
            (_, Change::Removed(reason @ Reason::Requested)) => LoggedOut(reason),
            (Connecting | NeedScan(_) | Degraded(_), Change::PairingEnded(reason)) => {
                Expired(reason)
            }
            (LoggedOut(_) | Expired(_), Change::Stopped(_)) => self.clone(),
            (
                Connected | Connecting | NeedScan(_) | Degraded(_) | Disconnected(_),
                Change::Stopped(reason),
            ) => Disconnected(reason),
            (
                _,
                Change::QrIssued(_)
                | Change::PasskeyAsked
                | Change::Paired
                | Change::LoggedIn
                | Change::Lost(_)
                | Change::Failed(_)
                | Change::Removed(_)
                | Change::PairingEnded(_),
            ) => return Err(refused),
        })
    }

    /// The shown state.
    pub const fn state(&self) -> SessionState {
        match self {
            Self::Disconnected(_) => SessionState::Disconnected,
            Self::Connecting => SessionState::Connecting,
            Self::NeedScan(_) => SessionState::NeedScan,
            Self::Connected => SessionState::Connected,
            Self::LoggedOut(_) => SessionState::LoggedOut,
            Self::Expired(_) => SessionState::Expired,
            Self::Degraded(_) => SessionState::Degraded,
        }
    }

    /// Why, when there is something to say.
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Disconnected(reason)
            | Self::LoggedOut(reason)
            | Self::Expired(reason)
            | Self::Degraded(reason) => Some(*reason),
            Self::Connecting | Self::NeedScan(_) | Self::Connected => None,
        }
    }

    /// The QR code that is valid, if one is.
    pub const fn qr(&self) -> Option<&Qr> {
        if let Self::NeedScan(qr) = self {
            Some(qr)
        } else {
            None
        }
    }
}

/// What the latest look at a running session shows; every polled answer and every socket reads this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it is.
    pub phase: Phase,
    /// A pair code that is still valid, if one was asked for.
    pub pair_code: Option<PairCode>,
    /// The passkey gate, while the link stands in front of it.
    pub passkey: Option<Passkey>,
    /// Who it is.
    pub account: Account,
    /// Since when it is connected.
    pub connected_at: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qr(index: u32) -> Qr {
        Qr {
            code: "2@code".into(),
            expires_at: 1,
            index,
        }
    }

    #[test]
    fn a_pairing_goes_from_connect_over_codes_to_connected() {
        let mut phase = Phase::Disconnected(Reason::Requested);
        for change in [
            Change::Connect,
            Change::QrIssued(qr(1)),
            Change::QrIssued(qr(2)),
            Change::PasskeyAsked,
            Change::Paired,
            Change::LoggedIn,
        ] {
            phase = phase.after(change).unwrap();
        }
        assert_eq!(phase, Phase::Connected);
    }

    #[test]
    fn a_connected_session_is_never_given_a_qr_code() {
        let refused = Phase::Connected.after(Change::QrIssued(qr(1))).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "a session that is connected cannot be given a QR code"
        );
    }

    #[test]
    fn a_stopped_session_cannot_be_lost_or_logged_in() {
        let stopped = Phase::Disconnected(Reason::Requested);
        assert!(stopped.after(Change::Lost(Reason::ConnectionLost)).is_err());
        assert!(stopped.after(Change::LoggedIn).is_err());
        assert!(
            stopped
                .after(Change::Removed(Reason::DeviceRemoved))
                .is_err()
        );
        assert_eq!(
            stopped
                .after(Change::Removed(Reason::Requested))
                .unwrap()
                .state(),
            SessionState::LoggedOut
        );
    }

    #[test]
    fn stopping_keeps_the_news_that_the_device_is_gone() {
        let gone = Phase::LoggedOut(Reason::DeviceRemoved);
        assert_eq!(gone.after(Change::Stopped(Reason::Shutdown)).unwrap(), gone);
        let expired = Phase::Expired(Reason::QrTimeout);
        assert_eq!(
            expired.after(Change::Stopped(Reason::Requested)).unwrap(),
            expired
        );
    }

    #[test]
    fn every_reason_is_written_the_way_it_is_serialised() {
        for reason in [
            Reason::Requested,
            Reason::Deaf,
            Reason::ServerNotTrusted,
            Reason::QrTimeout,
            Reason::StoreFailed,
        ] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
