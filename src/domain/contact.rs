//! People as WhatsApp shows them: who is there, what they show of themselves, and to whom this account shows what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::address::Party;

/// What a person shows of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ContactInfo {
    /// Who it is.
    #[serde(flatten)]
    pub party: Party,
    /// The text about themselves; null when it is not shown.
    pub about: Option<String>,
    /// Changes with each picture; null when there is none, or none to see.
    pub picture_id: Option<String>,
    /// Whether the account is a business.
    pub is_business: bool,
    /// The name of the business that WhatsApp has verified.
    pub verified_name: Option<String>,
    /// What the business shows of itself; null of anybody else.
    pub business: Option<Business>,
}

/// What a business shows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Business {
    /// What it does.
    pub description: Option<String>,
    /// Where it is, as it wrote it.
    pub address: Option<String>,
    /// Where it gets mail.
    pub email: Option<String>,
    /// Its pages.
    pub websites: Vec<String>,
    /// What kind of business it is.
    pub categories: Vec<BusinessCategory>,
    /// When it is open, if it says so.
    pub hours: Option<Hours>,
}

/// A kind of business, as WhatsApp names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BusinessCategory {
    /// WhatsApp's own id.
    pub id: String,
    /// For a person to read.
    pub name: String,
}

/// When a business is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Hours {
    /// Whose clock: `Europe/Berlin`.
    pub timezone: Option<String>,
    /// Each time it opens; a day that is absent is closed.
    pub days: Vec<OpenDay>,
}

/// One time that a business is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OpenDay {
    /// `mon tue wed thu fri sat sun`.
    pub day: String,
    /// `specific_hours`, `open_24h` or `appointment_only`.
    pub mode: String,
    /// `HH:MM`; of `specific_hours`.
    pub opens_at: Option<String>,
    /// `HH:MM`; of `specific_hours`.
    pub closes_at: Option<String>,
}

/// Somebody who is on WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Both numbers.
    pub party: Party,
    /// Whether the account is a business.
    pub is_business: bool,
    /// The name of the business that WhatsApp has verified.
    pub verified_name: Option<String>,
}

/// Where a picture can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Picture {
    /// Changes with each picture.
    pub id: String,
    /// On WhatsApp's servers; valid for a while.
    pub url: String,
}

/// Somebody who is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Blocked {
    /// Who.
    #[serde(flatten)]
    pub party: Party,
    /// Since when, RFC 3339, where WhatsApp says so.
    pub blocked_at: Option<String>,
}

/// A thing that one shows or allows to some people.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PrivacyOf {
    /// When one was last online.
    LastSeen,
    /// Whether one is online.
    Online,
    /// One's picture.
    Picture,
    /// The text about oneself.
    About,
    /// Being added to groups.
    GroupAdd,
    /// That one has read a message.
    ReadReceipts,
    /// Being called.
    Calls,
    /// Being written to.
    Messages,
    /// The stricter treatment of strangers.
    Defense,
}

/// Who is shown or allowed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everybody.
    All,
    /// One's contacts.
    Contacts,
    /// One's contacts but for some, who are chosen on the phone.
    ContactBlacklist,
    /// Nobody.
    None,
    /// Whoever sees when one was last online.
    MatchLastSeen,
    /// People whom one knows.
    Known,
    /// Not in use.
    Off,
    /// In use.
    OnStandard,
}

impl PrivacyOf {
    /// What WhatsApp lets it be.
    pub const fn choices(self) -> &'static [Audience] {
        use Audience as A;
        match self {
            Self::LastSeen | Self::Picture | Self::About | Self::GroupAdd => {
                &[A::All, A::Contacts, A::ContactBlacklist, A::None]
            }
            Self::Online => &[A::All, A::MatchLastSeen],
            Self::ReadReceipts => &[A::All, A::None],
            Self::Calls => &[A::All, A::Known, A::Contacts],
            Self::Messages => &[A::All, A::Contacts],
            Self::Defense => &[A::Off, A::OnStandard],
        }
    }
}

/// Privacy settings; what WhatsApp does not tell is absent.
pub type Privacy = BTreeMap<PrivacyOf, Audience>;
