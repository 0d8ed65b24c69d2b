//! What WhatsApp is asked about people.
//!
//! Called by `service` on a borrowed client. Must never keep what it hears: the library remembers which numbers belong
//! together, and `service` what is shown.

use std::collections::HashMap;

use wacore_binary::{Jid, Server};
use whatsapp_rust::IsOnWhatsAppResult;

use super::{AskError, client::Client, convert};
use crate::domain::{
    address::{Address, Party},
    clock::rfc3339,
    contact::{Blocked, ContactInfo, Found, Picture},
};

impl Client {
    /// Which of these phones are on WhatsApp, with both numbers of each.
    pub async fn on_whatsapp(&self, phones: &[String]) -> Result<HashMap<String, Found>, AskError> {
        let jids: Vec<Jid> = phones.iter().map(|phone| Jid::pn(phone.as_str())).collect();
        let answered = self.on_whatsapp_at_once(&jids).await?;
        let mut found = HashMap::new();
        for phone in phones {
            let named = answered.iter().find(|one| names(one, phone));
            // WhatsApp writes some numbers in another form than people do, so that an answer to many cannot be told apart.
            let alone = match named {
                Some(_) => Vec::new(),
                None if phones.len() == 1 => answered.clone(),
                None => self.on_whatsapp_at_once(&[Jid::pn(phone.as_str())]).await?,
            };
            if let Some(one) = named
                .or_else(|| alone.first())
                .filter(|one| one.is_registered)
            {
                let alt = one.lid.as_ref().or(one.pn_jid.as_ref());
                let verified = one.verified_name.as_ref();
                let who = Found {
                    party: convert::party(&one.jid, alt),
                    is_business: one.is_business,
                    verified_name: verified.and_then(|verified| verified.name.clone()),
                };
                found.insert(phone.clone(), who);
            }
        }
        Ok(found)
    }

    async fn on_whatsapp_at_once(&self, jids: &[Jid]) -> Result<Vec<IsOnWhatsAppResult>, AskError> {
        let contacts = self.inner.contacts();
        self.ask(contacts.is_on_whatsapp(jids)).await
    }

    /// Both numbers of a person, from what is known here; a phone that is not is asked for. None is not on WhatsApp.
    pub async fn identify(&self, who: &Address) -> Result<Option<Party>, AskError> {
        let Some(jid) = convert::jid(who) else {
            return Ok(None);
        };
        let known = self.person(&jid, None).await;
        match who {
            Address::Phone(phone) if known.lid.is_none() => {
                let phones = [phone.clone()];
                let found = self.on_whatsapp(&phones).await?.remove(phone);
                Ok(found.map(|found| found.party))
            }
            _ => Ok(Some(known)),
        }
    }

    /// What a person shows of themselves; none is not on WhatsApp.
    pub async fn card(&self, who: &Address) -> Result<Option<ContactInfo>, AskError> {
        let Some(party) = self.identify(who).await? else {
            return Ok(None);
        };
        let asked = match (&party.phone, &party.lid) {
            (Some(phone), _) => Jid::pn(phone.as_str()),
            (None, Some(_)) => match convert::jid(who) {
                Some(jid) => jid,
                None => return Ok(None),
            },
            (None, None) => return Ok(None),
        };
        let jids = [asked];
        let contacts = self.inner.contacts();
        let answered = self.ask(contacts.get_user_info(&jids)).await?;
        // Whoever is on WhatsApp has a phone, and that is a device.
        let shown = answered
            .into_values()
            .next()
            .filter(|shown| !shown.devices.is_empty());
        let Some(shown) = shown else {
            return Ok(None);
        };
        // The profile hangs on the phone number.
        let business = match (shown.is_business, &party.phone) {
            (true, Some(phone)) => self.business(&Jid::pn(phone.as_str())).await?,
            (true, None) => self.business(&shown.jid).await?,
            (false, _) => None,
        };
        Ok(Some(ContactInfo {
            party,
            business,
            about: shown.status.filter(|about| !about.is_empty()),
            picture_id: shown.picture_id,
            is_business: shown.is_business,
            verified_name: shown.verified_name.and_then(|verified| verified.name),
        }))
    }

    /// Where the picture of a person or a group is; none when there is none to see.
    pub async fn picture(
        &self,
        of: &Address,
        is_preview: bool,
    ) -> Result<Option<Picture>, AskError> {
        let Some(jid) = convert::jid(of) else {
            return Ok(None);
        };
        let contacts = self.inner.contacts();
        let question = contacts.get_profile_picture(&jid, is_preview);
        let found = self.ask(question).await?;
        Ok(found.map(|picture| Picture {
            id: picture.id,
            url: picture.url,
        }))
    }

    /// Blocks or unblocks somebody of whom both numbers are known.
    pub async fn block(&self, who: &Address, blocked: bool) -> Result<(), AskError> {
        let Some(jid) = convert::jid(who) else {
            return Ok(());
        };
        let blocking = self.inner.blocking();
        if blocked {
            self.ask(blocking.block(&jid)).await
        } else {
            self.ask(blocking.unblock(&jid)).await
        }
    }

    /// Whom this account has blocked.
    pub async fn blocklist(&self) -> Result<Vec<Blocked>, AskError> {
        let blocking = self.inner.blocking();
        let entries = self.ask(blocking.get_blocklist()).await?;
        let mut blocked = Vec::with_capacity(entries.len());
        for entry in entries {
            blocked.push(Blocked {
                party: self.person(&entry.jid, None).await,
                blocked_at: entry.timestamp.map(seconds),
            });
        }
        Ok(blocked)
    }
}

/// RFC 3339 of seconds since 1970.
pub(super) fn seconds(at: u64) -> String {
    rfc3339(i64::try_from(at).unwrap_or_default().saturating_mul(1000))
}

fn names(one: &IsOnWhatsAppResult, phone: &str) -> bool {
    let jids = [Some(&one.jid), one.pn_jid.as_ref()];
    jids.into_iter()
        .flatten()
        .any(|jid| jid.server == Server::Pn && jid.user == phone)
}
