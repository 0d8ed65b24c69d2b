//! What may be written into a group, and who may be named.

use std::collections::HashSet;

use crate::{
    domain::{
        address::Address,
        group::{GroupChange, NewGroup},
    },
    service::{Error, Fault, chats::EPHEMERAL_S},
};

/// The longest name, in characters: WhatsApp's own limit, like those that follow.
const MAX_SUBJECT: usize = 100;
const MAX_DESCRIPTION: usize = 2048;
/// People in one request.
pub const MAX_PEOPLE: usize = 256;
/// The longest invite, as a link.
const MAX_INVITE: usize = 128;

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupPatch {
    /// Its name.
    pub subject: Option<String>,
    /// Its description, or none.
    pub description: Option<Option<String>>,
    /// Whether only admins write.
    pub announce: Option<bool>,
    /// Whether only admins change how it looks.
    pub locked: Option<bool>,
    /// Whether whoever comes by link waits for an admin.
    pub approval: Option<bool>,
    /// Whether members add others.
    pub members_add: Option<bool>,
    /// After how many seconds messages disappear.
    pub ephemeral_s: Option<u32>,
}

impl GroupPatch {
    /// Checked, in the order in which they are made.
    pub(super) fn changes(self) -> Result<Vec<GroupChange>, Error> {
        if let Some(subject) = &self.subject {
            check_subject(subject)?;
        }
        let description = self.description.map(|text| text.filter(|t| !t.is_empty()));
        if let Some(Some(text)) = &description {
            check_description(text)?;
        }
        if let Some(after) = self.ephemeral_s
            && !EPHEMERAL_S.contains(&after)
        {
            let detail = format!("is one of {EPHEMERAL_S:?}");
            return Err(Error::invalid("/ephemeral_s", detail));
        }
        let changes = [
            self.subject.map(GroupChange::Subject),
            description.map(GroupChange::Description),
            self.announce.map(GroupChange::Announce),
            self.locked.map(GroupChange::Locked),
            self.approval.map(GroupChange::Approval),
            self.members_add.map(GroupChange::MembersAdd),
            self.ephemeral_s.map(GroupChange::Ephemeral),
        ];
        Ok(changes.into_iter().flatten().collect())
    }
}

pub(super) fn check_new(new: &NewGroup) -> Result<(), Error> {
    check_subject(&new.subject)?;
    new.description.as_deref().map_or(Ok(()), check_description)
}

pub(in crate::service) fn check_subject(subject: &str) -> Result<(), Error> {
    if subject.trim().is_empty() || subject.chars().count() > MAX_SUBJECT {
        let detail = format!("a subject has 1 to {MAX_SUBJECT} characters");
        return Err(Error::invalid("/subject", detail));
    }
    Ok(())
}

pub(in crate::service) fn check_description(text: &str) -> Result<(), Error> {
    if text.chars().count() > MAX_DESCRIPTION {
        let detail = format!("a description has at most {MAX_DESCRIPTION} characters");
        return Err(Error::invalid("/description", detail));
    }
    Ok(())
}

/// Each person once; every fault is told at once.
pub(super) fn people(participants: &[String], at_least: usize) -> Result<Vec<Address>, Error> {
    if !(at_least..=MAX_PEOPLE).contains(&participants.len()) {
        let detail = format!("{at_least} to {MAX_PEOPLE} people can be named at once");
        return Err(Error::invalid("/participants", detail));
    }
    let (mut people, mut faults) = (Vec::with_capacity(participants.len()), Vec::new());
    let mut seen = HashSet::new();
    for (at, participant) in participants.iter().enumerate() {
        let pointer = format!("/participants/{at}");
        match participant.parse() {
            Ok(person @ (Address::Phone(_) | Address::Lid(_))) => {
                if seen.insert(person.clone()) {
                    people.push(person);
                }
            }
            Ok(_) => faults.push(Fault::new(pointer, "this is not the address of a person")),
            Err(fault) => faults.push(Fault::new(pointer, format!("{fault}"))),
        }
    }
    if faults.is_empty() {
        return Ok(people);
    }
    Err(Error::Invalid {
        code: "invalid_address",
        faults,
    })
}

/// The code of an invite that may be written as a link.
pub(super) fn invite_code<'a>(pointer: &str, invite: &'a str) -> Result<&'a str, Error> {
    let link = invite.trim().split(['?', '#']).next().unwrap_or_default();
    let code = link.trim_end_matches('/').rsplit('/').next();
    let fits = |code: &&str| !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric());
    let code = code.filter(fits).filter(|_| invite.len() <= MAX_INVITE);
    code.ok_or_else(|| Error::Invalid {
        code: "invalid_invite",
        faults: vec![Fault::new(
            pointer,
            "an invite is its code, or a link to chat.whatsapp.com",
        )],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_is_a_code_or_a_link() {
        for invite in [
            "AbC123",
            " https://chat.whatsapp.com/AbC123 ",
            "https://chat.whatsapp.com/invite/AbC123/?mode=x",
        ] {
            assert_eq!(invite_code("/code", invite).unwrap(), "AbC123");
        }
        for bad in ["", "https://chat.whatsapp.com/", "a b", &"x".repeat(200)] {
            assert!(invite_code("/code", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nobody_is_named_twice_and_a_group_is_nobody() {
        let twice = ["+491700000101", "491700000101@c.us"].map(str::to_owned);
        assert_eq!(people(&twice, 1).unwrap().len(), 1);
        let wrong = ["+491700000101", "1@g.us"].map(str::to_owned);
        let Err(Error::Invalid { faults, .. }) = people(&wrong, 1) else {
            panic!("a group is no person");
        };
        assert_eq!(faults[0].pointer, "/participants/1");
        assert!(people(&[], 1).is_err());
    }

    #[test]
    fn a_patch_is_checked_before_anything_changes() {
        let patch = GroupPatch {
            subject: Some("new".to_owned()),
            ephemeral_s: Some(5),
            ..GroupPatch::default()
        };
        assert!(patch.changes().is_err());
        let patch = GroupPatch {
            description: Some(Some(String::new())),
            ..GroupPatch::default()
        };
        assert_eq!(patch.changes().unwrap(), [GroupChange::Description(None)]);
    }
}
