//! One rule: whom it concerns, what it does, how often.

use serde::{Deserialize, Serialize};
use wacore_binary::Node;

use super::{failure, is_queued_class, is_receipt};
use crate::jids::{DeviceKey, Pn};

/// Who is concerned by one opportunity; `None` is a socket that is not linked yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Victim(pub(super) Option<DeviceKey>);

/// Whom a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    Everybody,
    Person(Pn),
    Device(DeviceKey),
}

impl Target {
    /// `*`, a number, or `number:device`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everybody);
        }
        match text.split_once(':') {
            None => Pn::parse(text).map(Self::Person),
            Some((number, device)) => Some(Self::Device(
                Pn::parse(number)?.device(device.parse().ok()?),
            )),
        }
    }

    pub(super) fn covers(self, victim: Victim) -> bool {
        match (self, victim.0) {
            (Self::Everybody, _) => true,
            (Self::Person(pn), Some(device)) => device.pn == pn,
            (Self::Device(key), Some(device)) => device == key,
            (_, None) => false,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everybody => f.write_str("*"),
            Self::Person(pn) => write!(f, "{pn}"),
            Self::Device(key) => write!(f, "{}:{}", key.pn, key.device),
        }
    }
}

/// How a stream is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StreamEnd {
    Code(u16),
    /// Another connection has taken over.
    Replaced,
    /// The person has removed the device.
    DeviceRemoved,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(super) enum Kind {
    /// The socket is cut without a word.
    Drop,
    /// Stanzas to the target arrive late, in order.
    Delay {
        ms: u64,
    },
    /// The target's messages are refused with this code.
    Nack {
        code: u16,
    },
    /// The phone finds the QR code expired.
    ExpireQr,
    StreamError {
        end: StreamEnd,
    },
    /// Temporary ban: failure 402 with a reason code and the seconds that are left.
    Ban {
        code: u16,
        seconds: u64,
    },
    /// Failure 405.
    ClientOutdated,
    /// Queries and messages are answered with 429.
    RateLimit,
    /// Messages, receipts and notifications arrive twice.
    Duplicate,
    /// A message, receipt or notification is overtaken by what follows it.
    Reorder,
    /// What the target confirms never arrives.
    LoseReceipts,
    /// The socket stays open, and nothing is answered or delivered.
    Deaf,
}

impl Kind {
    pub(super) fn strikes_incoming(&self, node: &Node) -> bool {
        match self {
            Self::Drop | Self::StreamError { .. } | Self::Deaf => true,
            Self::Nack { .. } => node.tag == "message",
            Self::RateLimit => {
                let asked = node
                    .attrs
                    .get("type")
                    .is_some_and(|t| t == "get" || t == "set");
                node.tag == "message" || (node.tag == "iq" && asked)
            }
            Self::LoseReceipts => is_receipt(node),
            _ => false,
        }
    }

    pub(super) fn strikes_outgoing(&self, node: &Node) -> bool {
        match self {
            Self::Deaf | Self::Delay { .. } => true,
            Self::Duplicate | Self::Reorder => is_queued_class(node),
            _ => false,
        }
    }

    pub(super) fn refuses_login(&self) -> bool {
        matches!(self, Self::Ban { .. } | Self::ClientOutdated)
    }

    /// Concerns who is connected already, not only their next stanza.
    pub(super) fn strikes_at_once(&self) -> bool {
        matches!(self, Self::Drop | Self::StreamError { .. } | Self::ExpireQr)
            || self.refuses_login()
    }

    /// `<failure>` for a kind that refuses logins.
    pub(super) fn failure(self) -> Option<Node> {
        match self {
            Self::Ban { code, seconds } => Some(
                failure(402)
                    .attr("code", code.to_string())
                    .attr("expire", seconds.to_string())
                    .build(),
            ),
            Self::ClientOutdated => Some(failure(405).build()),
            _ => None,
        }
    }

    /// Strikes that a rule of this kind has when none are given; `None` = until it is removed.
    pub(super) fn default_count(self) -> Option<u64> {
        let once = matches!(self, Self::Drop | Self::StreamError { .. } | Self::ExpireQr);
        once.then_some(1)
    }
}

/// A fault as it was ordered, and how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) target: Target,
    pub(super) kind: Kind,
    /// Opportunities to let pass first.
    pub(super) after: u64,
    pub(super) probability: f64,
    /// Strikes in all; `None` = until it is removed.
    pub(super) count: Option<u64>,
    pub(super) strikes: u64,
}

impl Rule {
    pub(super) fn is_live(&self) -> bool {
        self.count.is_none_or(|count| self.strikes < count)
    }
}
