//! Ids: newtypes over UUIDv7, shown with a prefix (`ses_…`) and stored as a UUID.
//!
//! A prefix makes an id recognisable in a log and keeps one kind from being taken for another.

use std::{fmt, str::FromStr};

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A text that is not an id of the wanted kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an id of this kind looks like {prefix}_ and 32 hexadecimal digits")]
pub struct ParseIdError {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What the shown form starts with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh id; UUIDv7, so that ids sort by the time they were made.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The UUID that is stored.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let refuse = ParseIdError { prefix: $prefix };
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|hex| hex.len() == 32)
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or(refuse)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        /// A UUID is never made by the database, so there is nothing to convert from.
        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    };
}

id!(/** A person who signs in. */ UserId, "usr");
id!(/** One WhatsApp session. */ SessionId, "ses");
id!(/** An API key. */ ApiKeyId, "key");
id!(/** A stored message. */ MessageRowId, "msg");
id!(/** An event of the log; the `webhook-id` of every delivery of it. */ EventId, "evt");
id!(/** A file that was sent, received or put here to be sent. */ MediaId, "med");
id!(/** A webhook endpoint. */ EndpointId, "whe");
id!(/** One event on its way to one endpoint. */ DeliveryId, "whd");
id!(/** One try of a delivery. */ AttemptId, "wha");
id!(/** One boot of one process. */ NodeId, "nod");
id!(/** A row of the audit log. */ AuditId, "aud");
id!(/** A refresh token, or the family it was rotated from. */ RefreshTokenId, "rft");

/// The milliseconds of a UUIDv7 stand above this bit.
const TIME: u32 = 80;
/// Milliseconds since 1970 that a UUIDv7 has room for.
const LATEST: u64 = (1 << 48) - 1;

impl MessageRowId {
    /// A fresh id of a message that was written at `sent_ms`, by a clock of whole seconds.
    ///
    /// It sorts among other messages by when it was written, and within that second by when it came: what is said now
    /// follows what was said a moment ago, and what is told of the past stands in the past.
    pub fn written_at(sent_ms: i64) -> Self {
        let fresh = Uuid::now_v7().as_u128();
        let now = u64::try_from(fresh >> TIME).unwrap_or(LATEST);
        let sent = u64::try_from(sent_ms).unwrap_or(0).min(LATEST);
        let at = now.clamp(sent, (sent / 1000 * 1000 + 999).max(sent));
        // By when it came, then by the count of those that came at the same time.
        let order = (u128::from(now) << 30) | ((fresh >> 32) & 0x3FFF_FFFF);
        let id = (u128::from(at.min(LATEST)) << TIME)
            | (0x7 << 76)
            | ((order >> 62 & 0xFFF) << 64)
            | (0x2 << 62)
            | (order & 0x3FFF_FFFF_FFFF_FFFF);
        Self(Uuid::from_u128(id))
    }

    /// The first of those that may belong to the millisecond `ms`.
    pub fn first_at(ms: i64) -> Self {
        let ms = u64::try_from(ms).unwrap_or(0).min(LATEST);
        Self(Uuid::from_u128(u128::from(ms) << TIME))
    }

    /// Milliseconds since 1970 by which it sorts.
    pub fn at_ms(self) -> i64 {
        i64::try_from(self.0.as_u128() >> TIME).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_sort_by_when_they_were_written_then_by_when_they_came() {
        let past = [1_700_000_001_000, 1_700_000_000_000, 1_700_000_000_000];
        let [later, first, second] = past.map(MessageRowId::written_at);
        assert!(first < second && second < later);
        assert_eq!(first.at_ms(), 1_700_000_000_999);
        assert!(MessageRowId::first_at(1_700_000_000_000) < first);
        assert!(later >= MessageRowId::first_at(1_700_000_001_000));

        let asked = MessageRowId::new();
        let answered = MessageRowId::written_at(asked.at_ms() / 1000 * 1000);
        assert!(
            asked.at_ms() <= answered.at_ms(),
            "an answer within the second does not stand before"
        );
        assert_eq!(answered.uuid().get_version_num(), 7);
        let ahead = asked.at_ms() + 60_000;
        assert_eq!(MessageRowId::written_at(ahead).at_ms(), ahead);
        assert!(MessageRowId::written_at(-5) < first);
    }

    #[test]
    fn an_id_reads_back_what_it_shows() {
        let id = SessionId::new();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(id.to_string().starts_with("ses_"));
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let shown = UserId::new().to_string();
        assert!(shown.parse::<SessionId>().is_err());
        assert!("ses_".parse::<SessionId>().is_err());
        assert!("ses_zz".parse::<SessionId>().is_err());
        assert!(
            format!("ses_{}", Uuid::now_v7())
                .parse::<SessionId>()
                .is_err(),
            "hyphens"
        );
    }
}
