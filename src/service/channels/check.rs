//! What may be written into a channel's head, and how an invite may be given.

use super::invalid;
use crate::{domain::channel::ChannelChange, service::Error};

/// The longest name, in characters: WhatsApp's own limit, like the next.
const MAX_NAME: usize = 100;
const MAX_DESCRIPTION: usize = 2048;
/// The longest invite, as a link.
const MAX_INVITE: usize = 128;

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelPatch {
    /// Its name.
    pub name: Option<String>,
    /// Its description, or none.
    pub description: Option<Option<String>>,
}

impl ChannelPatch {
    pub(super) fn change(self) -> Result<ChannelChange, Error> {
        if let Some(name) = &self.name {
            check_name(name)?;
        }
        let description = self.description.map(Option::unwrap_or_default);
        if let Some(text) = &description {
            check_description(text)?;
        }
        Ok(ChannelChange {
            name: self.name,
            description,
            picture: None,
        })
    }
}

pub(super) fn check_new(name: String, description: Option<String>) -> Result<ChannelChange, Error> {
    check_name(&name)?;
    let description = description.filter(|text| !text.is_empty());
    description.as_deref().map_or(Ok(()), check_description)?;
    Ok(ChannelChange {
        name: Some(name),
        description,
        picture: None,
    })
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME {
        let detail = format!("a name has 1 to {MAX_NAME} characters");
        return Err(invalid("invalid_channel_name", "/name", detail));
    }
    Ok(())
}

fn check_description(text: &str) -> Result<(), Error> {
    if text.chars().count() > MAX_DESCRIPTION {
        let detail = format!("a description has at most {MAX_DESCRIPTION} characters");
        let code = "invalid_channel_description";
        return Err(invalid(code, "/description", detail));
    }
    Ok(())
}

/// The code of an invite that may be written as a link.
pub(super) fn invite_code<'a>(pointer: &str, invite: &'a str) -> Result<&'a str, Error> {
    let link = invite.trim().split(['?', '#']).next().unwrap_or_default();
    let code = link.trim_end_matches('/').rsplit('/').next();
    let fits = |code: &&str| {
        let is_of_code = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        !code.is_empty() && code.bytes().all(is_of_code)
    };
    let code = code.filter(fits).filter(|_| invite.len() <= MAX_INVITE);
    let detail = "an invite is its code, or a link to whatsapp.com/channel";
    code.ok_or_else(|| invalid("invalid_invite", pointer, detail.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_is_a_code_or_a_link_and_a_name_has_its_length() {
        for invite in ["0029VaAb", "https://whatsapp.com/channel/0029VaAb"] {
            assert_eq!(invite_code("/code", invite).unwrap(), "0029VaAb");
        }
        assert!(invite_code("/code", "a b").is_err());
        assert!(check_new("x".repeat(100), None).is_ok());
        assert!(check_new("x".repeat(101), None).is_err());
        assert!(check_new("x".to_owned(), Some("y".repeat(2049))).is_err());
    }
}
