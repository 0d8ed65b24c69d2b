//! Addresses of people and chats: what callers may write, and the one form that we show.
//!
//! Accepted: digits, `+digits`, `@s.whatsapp.net`, `@c.us`, `@g.us`, `@lid`, `@newsletter`, `status@broadcast`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a message can go or come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A person, by the digits of the phone number.
    Phone(String),
    /// A person, by WhatsApp's own number for the account.
    Lid(String),
    /// A group.
    Group(String),
    /// A channel.
    Newsletter(String),
    /// One's own status.
    Status,
}

/// What a chat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// One person.
    User,
    /// A group.
    Group,
    /// A channel.
    Newsletter,
    /// A status post.
    Status,
}

/// A text that is no address.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum AddressError {
    /// Nothing was given.
    #[error("an address is required")]
    Empty,
    /// Longer than any address.
    #[error("an address has at most {MAX_LEN} characters")]
    TooLong,
    /// A phone number with the wrong number of digits, or with other characters.
    #[error("a phone number has 5 to 20 digits, with the country code, and may start with +")]
    Phone,
    /// The part before the `@` does not fit what follows it.
    #[error("the part before @{0} must be digits")]
    User(&'static str),
    /// An unknown part after the `@`.
    #[error(
        "an address is a phone number or ends in @s.whatsapp.net, @c.us, @g.us, @lid or @newsletter"
    )]
    Server,
}

const MAX_LEN: usize = 96;

impl Address {
    /// What kind of chat this is.
    pub const fn kind(&self) -> ChatKind {
        match self {
            Self::Phone(_) | Self::Lid(_) => ChatKind::User,
            Self::Group(_) => ChatKind::Group,
            Self::Newsletter(_) => ChatKind::Newsletter,
            Self::Status => ChatKind::Status,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phone(digits) => write!(f, "{digits}@s.whatsapp.net"),
            Self::Lid(user) => write!(f, "{user}@lid"),
            Self::Group(id) => write!(f, "{id}@g.us"),
            Self::Newsletter(id) => write!(f, "{id}@newsletter"),
            Self::Status => f.write_str("status@broadcast"),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > MAX_LEN {
            return Err(AddressError::TooLong);
        }
        let Some((user, server)) = text.split_once('@') else {
            return phone(text.strip_prefix('+').unwrap_or(text));
        };
        match server {
            "s.whatsapp.net" | "c.us" => phone(user.strip_prefix('+').unwrap_or(user)),
            "lid" => digits(user, "lid").map(Self::Lid),
            "g.us" => group(user),
            "newsletter" => digits(user, "newsletter").map(Self::Newsletter),
            "broadcast" if user == "status" => Ok(Self::Status),
            _ => Err(AddressError::Server),
        }
    }
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn phone(text: &str) -> Result<Address, AddressError> {
    if all_digits(text) && (5..=20).contains(&text.len()) {
        Ok(Address::Phone(text.to_owned()))
    } else {
        Err(AddressError::Phone)
    }
}

fn digits(text: &str, server: &'static str) -> Result<String, AddressError> {
    if all_digits(text) {
        Ok(text.to_owned())
    } else {
        Err(AddressError::User(server))
    }
}

/// A group is digits, or the creator's number and a time with a hyphen between (the older form).
fn group(text: &str) -> Result<Address, AddressError> {
    let fits = match text.split_once('-') {
        Some((creator, time)) => all_digits(creator) && all_digits(time),
        None => all_digits(text),
    };
    if fits {
        Ok(Address::Group(text.to_owned()))
    } else {
        Err(AddressError::User("g.us"))
    }
}

/// A person or a chat as we show it: one canonical `id`, and both numbers where they are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Party {
    /// `…@s.whatsapp.net` where the phone is known, else `…@lid`.
    pub id: String,
    /// Digits.
    pub phone: Option<String>,
    /// `…@lid`.
    pub lid: Option<String>,
}

impl Party {
    /// A person of whom at least one of the two is known.
    pub fn person(phone: Option<String>, lid: Option<String>) -> Self {
        let id = match (&phone, &lid) {
            (Some(digits), _) => Address::Phone(digits.clone()).to_string(),
            (None, Some(lid)) => lid.clone(),
            (None, None) => String::new(),
        };
        Self { id, phone, lid }
    }

    /// Whether both are the same, as far as can be told.
    pub fn is(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        self.id == other.id || same(&self.phone, &other.phone) || same(&self.lid, &other.lid)
    }
}

/// A chat as we show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Chat {
    /// Who or what it is.
    #[serde(flatten)]
    pub party: Party,
    /// What it is.
    pub kind: ChatKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_of_a_person_is_the_same_address() {
        for text in [
            "5511999887766",
            "+5511999887766",
            "5511999887766@c.us",
            " 5511999887766@s.whatsapp.net ",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(
                address.to_string(),
                "5511999887766@s.whatsapp.net",
                "{text}"
            );
        }
    }

    #[test]
    fn groups_channels_lids_and_status_are_addresses() {
        for text in [
            "12036304@g.us",
            "5511-1600000000@g.us",
            "77@lid",
            "120@newsletter",
            "status@broadcast",
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_fault() {
        assert_eq!("".parse::<Address>(), Err(AddressError::Empty));
        assert_eq!("abc".parse::<Address>(), Err(AddressError::Phone));
        assert_eq!("123".parse::<Address>(), Err(AddressError::Phone));
        assert_eq!(
            "1".repeat(200).parse::<Address>(),
            Err(AddressError::TooLong)
        );
        assert_eq!(
            "5511999887766@example.org".parse::<Address>(),
            Err(AddressError::Server)
        );
        assert_eq!("x@lid".parse::<Address>(), Err(AddressError::User("lid")));
        assert_eq!(
            "a-b@g.us".parse::<Address>(),
            Err(AddressError::User("g.us"))
        );
    }
}
