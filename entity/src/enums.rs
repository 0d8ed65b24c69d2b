//! Words that are stored: each enum is a short text column.

use sea_orm::{DeriveActiveEnum, EnumIter, sea_query::StringLen};
use serde::{Deserialize, Serialize};

macro_rules! stored {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
        #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(24))")]
        pub enum $name {
            $(
                $(#[$vdoc])*
                #[sea_orm(string_value = $word)]
                #[serde(rename = $word)]
                $variant,
            )+
        }

        impl $name {
            /// Every word, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stored and shown word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();

            fn from_str(word: &str) -> Result<Self, ()> {
                match word { $($word => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
    };
}

stored!(
    /// What a user may do to others.
    Role {
        /// May manage users.
        Admin = "admin",
        /// Sees only what is their own.
        User = "user",
    }
);

stored!(
    /// What a user may do within a tenant: an account whose sessions several users share.
    TenantRole {
        /// Whose account it is; every tenant has one.
        Owner = "owner",
        /// May do everything but with the owner: manages members, too.
        Admin = "admin",
        /// Works with sessions and messages.
        Member = "member",
        /// Reads and changes nothing.
        Viewer = "viewer",
    }
);

stored!(
    /// What a number of messages is counted in.
    Period {
        /// A minute of the clock.
        Minute = "minute",
        /// A day, in UTC.
        Day = "day",
    }
);

stored!(
    /// The shown state of a session (`native.md` §2).
    SessionState {
        /// Not running, and not wanted to run.
        Disconnected = "disconnected",
        /// A connection is being made.
        Connecting = "connecting",
        /// A QR code is valid and waits for a phone.
        NeedScan = "need_scan",
        /// Logged in and hearing.
        Connected = "connected",
        /// WhatsApp has removed this device; it must be paired again.
        LoggedOut = "logged_out",
        /// All QR codes went by without a scan.
        Expired = "expired",
        /// Wanted and paired, but not working; `reason` says why.
        Degraded = "degraded",
    }
);

stored!(
    /// What a lease is for.
    LeaseKind {
        /// The right to run a session and to write its rows.
        Session = "session",
        /// The right to deliver to a webhook endpoint.
        Endpoint = "endpoint",
        /// The right to run a recurring job.
        Job = "job",
    }
);

stored!(
    /// Whether an endpoint gets deliveries.
    EndpointState {
        /// Gets deliveries.
        Active = "active",
        /// Gets none until it is enabled again.
        Disabled = "disabled",
        /// The breaker is open; deliveries wait.
        Tripped = "tripped",
    }
);

stored!(
    /// Where an own message is that the server does not have yet.
    OutgoingState {
        /// It is sent as soon as the session can.
        Queued = "queued",
        /// It was handed over more than once and never answered: the server may have it.
        Unknown = "unknown",
    }
);

stored!(
    /// In which order an endpoint gets the events of a session.
    DeliveryOrdering {
        /// First attempts in order; a failed one moves aside.
        Session = "session",
        /// Nothing overtakes an undelivered event.
        Strict = "strict",
        /// No order.
        None = "none",
    }
);

stored!(
    /// How far a delivery is.
    DeliveryState {
        /// Due at `next_at`.
        Pending = "pending",
        /// Being posted right now.
        Inflight = "inflight",
        /// Answered with a 2xx.
        Delivered = "delivered",
        /// Given up after the last attempt.
        Dead = "dead",
        /// Its endpoint is gone.
        Cancelled = "cancelled",
    }
);

stored!(
    /// Who asked for an attempt.
    AttemptTrigger {
        /// The schedule.
        Auto = "auto",
        /// A person or a program.
        Manual = "manual",
    }
);
