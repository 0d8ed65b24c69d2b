//! Names of people and devices, and their two addresses on the wire (phone number and LID).
//! Owns the key types of every table. Called by every area.

use std::fmt;

use serde::{Deserialize, Serialize};
use wacore_binary::Jid;

/// A phone number: digits with country code, so it never starts with a zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Pn(pub(crate) u64);

/// One device of a person: 0 is the phone, others are linked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct DeviceKey {
    pub(crate) pn: Pn,
    pub(crate) device: u16,
}

impl Pn {
    /// Reads digits, with or without `+`. `None` when that is no phone number.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let plausible = (5..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if plausible {
            digits.parse().ok().map(Self)
        } else {
            None
        }
    }

    /// Numbers that end in 000 are not on WhatsApp, everybody else exists.
    pub(crate) fn is_on_whatsapp(self) -> bool {
        !self.0.is_multiple_of(1000)
    }

    pub(crate) fn jid(self) -> Jid {
        Jid::pn(self.to_string())
    }

    pub(crate) fn phone(self) -> DeviceKey {
        self.device(0)
    }

    pub(crate) fn device(self, device: u16) -> DeviceKey {
        DeviceKey { pn: self, device }
    }
}

impl fmt::Display for Pn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

// Debug output reaches logs, and a log never shows a phone number.
impl fmt::Debug for Pn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{:02}", self.0 % 100)
    }
}

impl DeviceKey {
    pub(crate) fn is_phone(self) -> bool {
        self.device == 0
    }

    pub(crate) fn pn_jid(self) -> Jid {
        Jid::pn_device(self.pn.to_string(), self.device)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}:{}", self.pn, self.device)
    }
}
