//! Which events an endpoint gets.
//!
//! Owns the three lists of an endpoint (`types`, `sessions`, `chats`), their stored form and what they match. Called by
//! the outbox for every event and by `service::webhooks` when an endpoint is written.

use entity::ids::SessionId;

use crate::domain::{
    address::{Address, AddressError},
    event::Event,
};

/// The most entries of one list.
pub const LIST_MAX: usize = 100;

/// Everything.
const ANY: &str = "*";

/// Names of events: `*`, exact ones, and `message.*` for all below `message.`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Types(Vec<String>);

/// Sessions: `*`, or some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sessions {
    /// All of the owner's, those to come included.
    All,
    /// These.
    Only(Vec<SessionId>),
}

/// Chats: `*`, or some of them by their canonical ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chats {
    /// All.
    All,
    /// These, and whatever belongs to no chat.
    Only(Vec<String>),
}

/// What a list cannot hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// No entry at all.
    #[error("name at least one; \"*\" means all")]
    Empty,
    /// Too many entries.
    #[error("at most {LIST_MAX} entries")]
    TooMany,
    /// No event has this name.
    #[error("there is no event type \"{0}\"")]
    UnknownType(String),
    /// Not an id of a session.
    #[error("\"{0}\" is not the id of a session")]
    NotASession(String),
    /// Not the address of a chat.
    #[error("\"{0}\" is not a chat: {1}")]
    NotAChat(String, AddressError),
}

impl Types {
    /// Check a list as a user wrote it.
    pub fn parse(list: &[String]) -> Result<Self, FilterError> {
        check_len(list)?;
        for word in list {
            let known = word == ANY || Event::NAMES.iter().any(|name| matches(word, name));
            if !known {
                return Err(FilterError::UnknownType(word.clone()));
            }
        }
        Ok(Self(list.to_vec()))
    }

    /// The entries.
    pub fn entries(&self) -> &[String] {
        &self.0
    }

    /// Whether an event of this name is wanted.
    pub fn matches(&self, event_type: &str) -> bool {
        self.0.iter().any(|word| matches(word, event_type))
    }

    /// Whether an event is asked for by its own name.
    pub fn names(&self, event_type: &str) -> bool {
        self.0.iter().any(|word| word == event_type)
    }

    /// As it is stored.
    pub fn to_stored(&self) -> String {
        stored(&self.0)
    }

    /// From its stored form; a damaged one matches nothing.
    pub fn from_stored(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }
}

impl Sessions {
    /// Check a list of `*` or ids.
    pub fn parse(list: &[String]) -> Result<Self, FilterError> {
        check_len(list)?;
        if list.iter().any(|word| word == ANY) {
            return Ok(Self::All);
        }
        list.iter()
            .map(|word| {
                word.parse()
                    .map_err(|_| FilterError::NotASession(word.clone()))
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Self::Only)
    }

    /// The entries as they are shown.
    pub fn entries(&self) -> Vec<String> {
        match self {
            Self::All => vec![ANY.to_owned()],
            Self::Only(ids) => ids.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether events of `session` are wanted.
    pub fn matches(&self, session: SessionId) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(&session),
        }
    }

    /// As it is stored.
    pub fn to_stored(&self) -> String {
        stored(&self.entries())
    }

    /// From its stored form; a damaged one matches nothing.
    pub fn from_stored(text: &str) -> Self {
        let list: Vec<String> = serde_json::from_str(text).unwrap_or_default();
        Self::parse(&list).unwrap_or(Self::Only(Vec::new()))
    }
}

impl Chats {
    /// Check a list of `*` or addresses, in any form that an address is accepted in.
    pub fn parse(list: &[String]) -> Result<Self, FilterError> {
        check_len(list)?;
        if list.iter().any(|word| word == ANY) {
            return Ok(Self::All);
        }
        list.iter()
            .map(|word| {
                word.parse::<Address>()
                    .map(|chat| chat.to_string())
                    .map_err(|error| FilterError::NotAChat(word.clone(), error))
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Self::Only)
    }

    /// The entries as they are shown.
    pub fn entries(&self) -> Vec<String> {
        match self {
            Self::All => vec![ANY.to_owned()],
            Self::Only(ids) => ids.clone(),
        }
    }

    /// Whether an event of this chat is wanted; what belongs to no chat always is.
    pub fn matches(&self, chat: Option<&str>) -> bool {
        match (self, chat) {
            (Self::All, _) | (_, None) => true,
            (Self::Only(ids), Some(chat)) => ids.iter().any(|id| id == chat),
        }
    }

    /// As it is stored; all is nothing.
    pub fn to_stored(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Only(ids) => Some(stored(ids)),
        }
    }

    /// From its stored form; a damaged one matches no chat.
    pub fn from_stored(text: Option<&str>) -> Self {
        text.map_or(Self::All, |text| {
            Self::Only(serde_json::from_str(text).unwrap_or_default())
        })
    }
}

fn check_len(list: &[String]) -> Result<(), FilterError> {
    match list.len() {
        0 => Err(FilterError::Empty),
        1..=LIST_MAX => Ok(()),
        _ => Err(FilterError::TooMany),
    }
}

fn matches(word: &str, name: &str) -> bool {
    match word.strip_suffix('*') {
        Some("") => true,
        Some(prefix) => prefix.ends_with('.') && name.starts_with(prefix),
        None => word == name,
    }
}

fn stored(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(list: &[&str]) -> Result<Types, FilterError> {
        Types::parse(
            &list
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_type_matches_exactly_or_by_its_prefix() {
        let some = types(&["message.*", "connected"]).unwrap();
        assert!(some.matches("message.ack"));
        assert!(some.matches("connected"));
        assert!(!some.matches("message"), "the prefix ends with a dot");
        assert!(!some.matches("disconnected"));
        assert!(types(&["*"]).unwrap().matches("anything"));
        assert_eq!(Types::from_stored(&some.to_stored()), some);
    }

    #[test]
    fn a_name_that_no_event_has_is_refused() {
        for word in ["mesage", "mess*", "", "foo.*"] {
            assert_eq!(types(&[word]), Err(FilterError::UnknownType(word.into())));
        }
        assert_eq!(types(&[]), Err(FilterError::Empty));
        assert_eq!(types(&["*"; 101]), Err(FilterError::TooMany));
    }

    #[test]
    fn sessions_are_all_or_those_named() {
        let mine = SessionId::new();
        let only = Sessions::parse(&[mine.to_string()]).unwrap();
        assert!(only.matches(mine));
        assert!(!only.matches(SessionId::new()));
        assert_eq!(Sessions::from_stored(&only.to_stored()), only);
        assert!(Sessions::parse(&["*".into()]).unwrap().matches(mine));
        assert!(Sessions::parse(&["alice".into()]).is_err());
        assert!(!Sessions::from_stored("damaged").matches(mine));
    }

    #[test]
    fn chats_are_taken_in_any_form_and_kept_in_the_canonical_one() {
        let list = [
            "+49 170".replace(' ', "") + "1234567",
            "1-2@g.us".to_owned(),
        ];
        let some = Chats::parse(&list).unwrap();
        assert_eq!(some.entries(), ["491701234567@s.whatsapp.net", "1-2@g.us"]);
        assert!(some.matches(Some("491701234567@s.whatsapp.net")));
        assert!(!some.matches(Some("491701234568@s.whatsapp.net")));
        assert!(some.matches(None), "what belongs to no chat");
        assert_eq!(Chats::from_stored(some.to_stored().as_deref()), some);
        assert_eq!(Chats::from_stored(None), Chats::All);
        assert!(!Chats::from_stored(Some("damaged")).matches(Some("1-2@g.us")));
        let refused = Chats::parse(&["alice".to_owned()]).unwrap_err();
        assert!(refused.to_string().starts_with("\"alice\" is not a chat"));
    }
}
