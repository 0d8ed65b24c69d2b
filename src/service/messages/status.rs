//! What is different about status posts: what they hold, who gets them, and what can be done about them.

use std::collections::HashSet;

use super::{Address, NewMessage, Target, refused};
use crate::{
    domain::message::Content,
    service::{Error, Fault, running::ask_error},
    session::Handle,
};

/// The most people who get one post: each of them is asked for and encrypted for.
const MAX_RECIPIENTS: usize = 256;

/// Refuses what is no status post, and recipients of anything else.
pub(super) fn check(new: &NewMessage) -> Result<(), Error> {
    let to_status = matches!(new.to, Address::Status);
    if !to_status && !new.recipients.is_empty() {
        let detail = "only a status post names its recipients; any other message goes to `to`";
        return Err(refused("recipients_not_for_chats", "/recipients", detail));
    }
    if !to_status {
        return Ok(());
    }
    let is_posted = matches!(
        new.content,
        Content::Text { .. }
            | Content::Image { .. }
            | Content::Video { .. }
            | Content::Voice { .. }
    );
    if !is_posted {
        let detail = "a status is a text, a picture, a film or a voice message";
        return Err(refused("kind_not_for_status", "/type", detail));
    }
    for (is_given, pointer) in [
        (new.reply_to.is_some(), "/reply_to"),
        (!new.mentions.is_empty(), "/mentions"),
        (new.view_once, "/view_once"),
        (new.expires_in_s.is_some(), "/expires_in_s"),
    ] {
        if is_given {
            let detail = "a status does not have this";
            return Err(refused("not_for_status", pointer, detail));
        }
    }
    check_recipients(&new.recipients)
}

fn check_recipients(recipients: &[Address]) -> Result<(), Error> {
    let code = "invalid_recipients";
    if recipients.is_empty() {
        let detail = "a status post names the people who get it";
        return Err(refused("recipients_required", "/recipients", detail));
    }
    if recipients.len() > MAX_RECIPIENTS {
        let detail = format!("a status post may have {MAX_RECIPIENTS} recipients");
        return Err(refused(code, "/recipients", detail));
    }
    let mut seen = HashSet::new();
    for (index, recipient) in recipients.iter().enumerate() {
        let pointer = format!("/recipients/{index}");
        if !matches!(recipient, Address::Phone(_) | Address::Lid(_)) {
            return Err(refused(code, pointer, "only people get a status post"));
        }
        if !seen.insert(recipient) {
            return Err(refused(code, pointer, "stands there twice"));
        }
    }
    Ok(())
}

/// Refuses whom WhatsApp does not know, each by its place. One who is cut off for now is not asked; then the post fails
/// when it goes out.
pub(super) async fn require_known(handle: &Handle, recipients: &[Address]) -> Result<(), Error> {
    let Some(client) = handle.client().filter(|client| client.is_ready()) else {
        return Ok(());
    };
    let phone = |address: &Address| match address {
        Address::Phone(digits) => Some(digits.clone()),
        _ => None,
    };
    let phones: Vec<String> = recipients.iter().filter_map(phone).collect();
    if phones.is_empty() {
        return Ok(());
    }
    let found = client.on_whatsapp(&phones).await.map_err(ask_error)?;
    let faults: Vec<Fault> = recipients
        .iter()
        .enumerate()
        .filter(|(_, one)| phone(one).is_some_and(|phone| !found.contains_key(&phone)))
        .map(|(index, _)| {
            let pointer = format!("/recipients/{index}");
            Fault::new(pointer, "this number is not on WhatsApp")
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid {
        code: "recipient_not_on_whatsapp",
        faults,
    })
}

impl Target {
    /// Refuses to take a post back of which nobody knows who got it: one of the phone or of another device.
    pub(super) fn require_audience(&self) -> Result<(), Error> {
        if self.message.from_me && self.message.context.recipients.is_empty() {
            let detail = "it was posted elsewhere, and who got it is not known here";
            return Err(Error::conflict("recipients_unknown", detail));
        }
        Ok(())
    }
}
