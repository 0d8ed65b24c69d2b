//! The verbs of contacts: who is on WhatsApp, what they show, whom one has blocked.
//!
//! Owns what may be asked, and how much at once. `http` and the dialects call it.

use std::collections::HashMap;

use entity::contacts::Model;

use super::{
    Ctx, Error, Fault,
    running::{Running, address, ask_error, invalid_address, person},
    sessions::Sessions,
};
use crate::{
    db,
    domain::{
        address::{Address, Party},
        contact::{Blocked, ContactInfo, Found, Picture},
        principal::Scope,
        session::Account,
    },
    protocol::Client,
};

/// Numbers in one request.
pub const MAX_CHECKED: usize = 500;
/// Numbers in one question to WhatsApp.
const BATCH: usize = 100;

/// The longest name in an address book, in characters.
const MAX_NAME: usize = 128;

/// Somebody whom a session knows by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub party: Party,
    /// In the account's address book.
    pub name: Option<String>,
    /// What they call themselves.
    pub push_name: Option<String>,
    /// When the last of it was heard, in milliseconds since 1970.
    pub updated_at: i64,
}

impl From<Model> for Known {
    fn from(row: Model) -> Self {
        Self {
            party: Party {
                id: row.id,
                phone: row.phone,
                lid: row.lid,
            },
            name: row.name,
            push_name: row.push_name,
            updated_at: row.updated_at,
        }
    }
}

/// What became of one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// As it was asked.
    pub query: String,
    /// Who has it; none is not on WhatsApp.
    pub found: Option<Found>,
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Contacts {
    running: Running,
}

impl Contacts {
    /// Verbs over the same sessions.
    pub fn new(sessions: &Sessions) -> Self {
        let running = sessions.finder();
        Self { running }
    }

    /// Which of these phones are on WhatsApp, in the order in which they were asked.
    pub async fn check(
        &self,
        ctx: &Ctx,
        session: &str,
        phones: Vec<String>,
    ) -> Result<Vec<Checked>, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let digits = numbers(&phones)?;
        let client = found.client()?;
        let mut asked: Vec<String> = digits.clone();
        asked.sort_unstable();
        asked.dedup();
        let mut known = HashMap::with_capacity(asked.len());
        for batch in asked.chunks(BATCH) {
            known.extend(client.on_whatsapp(batch).await.map_err(ask_error)?);
        }
        let checked = phones.into_iter().zip(digits);
        Ok(checked
            .map(|(query, digits)| Checked {
                query,
                found: known.get(&digits).cloned(),
            })
            .collect())
    }

    /// A page of the people whom the session knows by name, by address; it need not be connected.
    pub async fn list(
        &self,
        ctx: &Ctx,
        session: &str,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Known>, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let rows = db::contacts::page(&self.running.db, found.id, after, limit).await?;
        Ok(rows.into_iter().map(Known::from).collect())
    }

    /// What the session knows of a person that WhatsApp does not tell; it need not be connected.
    pub async fn known(
        &self,
        ctx: &Ctx,
        session: &str,
        party: &Party,
    ) -> Result<Option<Known>, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let rows = db::contacts::of(&self.running.db, found.id, &[&party.id]).await?;
        Ok(rows.into_iter().next().map(Known::from))
    }

    /// Writes a person into the account's address book, on all of its devices.
    pub async fn save(
        &self,
        ctx: &Ctx,
        session: &str,
        contact: &str,
        name: &str,
    ) -> Result<Party, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let who = person("/contact", contact)?;
        if name.trim().is_empty() || name.chars().count() > MAX_NAME {
            let detail = format!("a name has 1 to {MAX_NAME} characters");
            return Err(Error::invalid("/name", detail));
        }
        let client = found.client()?;
        let party = identify(&client, &who).await?;
        let phone = party.phone.as_deref().ok_or_else(phone_unknown)?;
        client.save_contact(phone, name).await.map_err(ask_error)?;
        Ok(party)
    }

    /// What a person shows of themselves.
    pub async fn get(&self, ctx: &Ctx, session: &str, contact: &str) -> Result<ContactInfo, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let who = person("/contact", contact)?;
        let card = found.client()?.card(&who).await.map_err(ask_error)?;
        card.ok_or(NOBODY)
    }

    /// Both numbers of a person.
    pub async fn identify(&self, ctx: &Ctx, session: &str, contact: &str) -> Result<Party, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let who = person("/contact", contact)?;
        identify(&*found.client()?, &who).await
    }

    /// Where the picture of a person or a group is.
    pub async fn picture(
        &self,
        ctx: &Ctx,
        session: &str,
        of: &str,
        is_preview: bool,
    ) -> Result<Picture, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let of = match address("/contact", of)? {
            Address::Newsletter(_) | Address::Status => {
                let detail = "only a person or a group has a picture";
                return Err(invalid_address("/contact", detail));
            }
            other => other,
        };
        let asking = found.client()?;
        let picture = asking.picture(&of, is_preview).await.map_err(ask_error)?;
        picture.ok_or(Error::NotFound { what: "picture" })
    }

    /// Blocks somebody, or no longer.
    pub async fn block(
        &self,
        ctx: &Ctx,
        session: &str,
        contact: &str,
        blocked: bool,
    ) -> Result<(), Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let who = person("/contact", contact)?;
        if is_own(&who, &found.account()) {
            return Err(invalid_address("/contact", "this is the account itself"));
        }
        let client = found.client()?;
        let party = identify(&client, &who).await?;
        if blocked && party.phone.is_none() {
            return Err(phone_unknown());
        }
        client.block(&who, blocked).await.map_err(ask_error)
    }

    /// Whom the account has blocked.
    pub async fn blocklist(&self, ctx: &Ctx, session: &str) -> Result<Vec<Blocked>, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        found.client()?.blocklist().await.map_err(ask_error)
    }
}

fn phone_unknown() -> Error {
    Error::NotReady {
        code: "phone_unknown",
        detail: "WhatsApp has not told the phone number behind this address".to_owned(),
    }
}

const NOBODY: Error = Error::NotFound { what: "contact" };

async fn identify(client: &Client, who: &Address) -> Result<Party, Error> {
    client.identify(who).await.map_err(ask_error)?.ok_or(NOBODY)
}

fn is_own(who: &Address, own: &Account) -> bool {
    match who {
        Address::Phone(phone) => own.phone.as_ref() == Some(phone),
        other => own.lid.as_deref() == Some(&*other.to_string()),
    }
}

/// The digits of each number; every fault is told at once.
fn numbers(phones: &[String]) -> Result<Vec<String>, Error> {
    if phones.is_empty() || phones.len() > MAX_CHECKED {
        let detail = format!("1 to {MAX_CHECKED} numbers can be checked at once");
        return Err(Error::invalid("/phones", detail));
    }
    let (mut digits, mut faults) = (Vec::with_capacity(phones.len()), Vec::new());
    for (at, phone) in phones.iter().enumerate() {
        let pointer = format!("/phones/{at}");
        match phone.parse() {
            Ok(Address::Phone(number)) => digits.push(number),
            Ok(_) => faults.push(Fault::new(pointer, "this is not a phone number")),
            Err(fault) => faults.push(Fault::new(pointer, format!("{fault}"))),
        }
    }
    if faults.is_empty() {
        return Ok(digits);
    }
    Err(Error::Invalid {
        code: "invalid_phone",
        faults,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_that_is_none_is_named_by_its_place() {
        let phones = ["+491700000101", "x", "77@lid"].map(str::to_owned);
        let Err(Error::Invalid { code, faults }) = numbers(&phones) else {
            panic!("two of them are no phone numbers");
        };
        assert_eq!(code, "invalid_phone");
        let places: Vec<_> = faults.iter().map(|fault| &*fault.pointer).collect();
        assert_eq!(places, ["/phones/1", "/phones/2"]);
        assert!(numbers(&[]).is_err());
        assert!(numbers(&vec!["491700000101".to_owned(); MAX_CHECKED + 1]).is_err());
    }
}
