//! Between WhatsApp's protobuf and the domain.
//!
//! Owns what counts as a message for a user: protocol messages, key shares and sender-key distributions do not.

use wacore::types::{
    events::InboundMessage,
    message::{MessageCategory, MessageSource},
    presence::ReceiptType,
};
use wacore_binary::{Jid, Server};
use waproto::whatsapp as wa;

use crate::domain::{
    address::{Address, Chat, ChatKind, Party},
    clock::rfc3339,
    message::{Ack, Content, Message, Text},
    session::Account,
};

/// A fresh message id, in the shape that WhatsApp Web gives its own.
pub fn message_id() -> String {
    let random: [u8; 9] = rand::random();
    format!("3EB0{}", hex::encode_upper(random))
}

pub(super) fn jid(address: &Address) -> Option<Jid> {
    match address {
        Address::Phone(digits) => Some(Jid::pn(digits.as_str())),
        Address::Lid(user) => Some(Jid::lid(user.as_str())),
        Address::Group(id) => Some(Jid::group(id.as_str())),
        Address::Newsletter(_) | Address::Status => None,
    }
}

/// What is sent; none for content that cannot be.
pub(super) fn outgoing(content: &Content) -> Option<wa::Message> {
    match content {
        Content::Text { text } => Some(wa::Message {
            conversation: Some(text.body.clone()),
            ..Default::default()
        }),
        Content::Unknown { .. } => None,
    }
}

pub(super) fn account(pn: Option<&Jid>, lid: Option<&Jid>, push_name: Option<String>) -> Account {
    Account {
        phone: pn.map(|jid| jid.user.to_string()),
        lid: lid.map(Jid::to_non_ad_string),
        push_name: push_name.filter(|name| !name.is_empty()),
    }
}

pub(super) fn ack(receipt: &ReceiptType) -> Option<Ack> {
    match receipt {
        ReceiptType::Delivered | ReceiptType::Inactive => Some(Ack::Device),
        ReceiptType::Read => Some(Ack::Read),
        ReceiptType::Played => Some(Ack::Played),
        _ => None,
    }
}

/// The message as a user sees it, or none when it is not meant for a user.
pub(super) fn message(inbound: &InboundMessage, own: &Account) -> Option<Message> {
    let info = &inbound.info;
    if info.category == MessageCategory::Peer {
        return None;
    }
    let content = content(&inbound.message)?;
    Some(Message {
        message_id: info.id.clone(),
        chat: chat(&info.source)?,
        sender: sender(&info.source, own),
        from_me: info.source.is_from_me,
        push_name: Some(info.push_name.clone()).filter(|name| !name.is_empty()),
        timestamp: rfc3339(info.timestamp.timestamp_millis()),
        content,
    })
}

fn content(message: &wa::Message) -> Option<Content> {
    if let Some(body) = &message.conversation {
        return Some(Content::Text {
            text: Text { body: body.clone() },
        });
    }
    if let Some(extended) = message.extended_text_message.as_option() {
        let body = extended.text.clone().unwrap_or_default();
        return Some(Content::Text {
            text: Text { body },
        });
    }
    kind_of(message).map(|kind| Content::Unknown {
        kind: Some(kind.to_owned()),
    })
}

/// The field that is set, for kinds which a later version types; none for what is no message to a user.
fn kind_of(message: &wa::Message) -> Option<&'static str> {
    let kinds = [
        (message.image_message.is_set(), "image_message"),
        (message.video_message.is_set(), "video_message"),
        (message.audio_message.is_set(), "audio_message"),
        (message.document_message.is_set(), "document_message"),
        (message.sticker_message.is_set(), "sticker_message"),
        (message.location_message.is_set(), "location_message"),
        (message.contact_message.is_set(), "contact_message"),
        (message.reaction_message.is_set(), "reaction_message"),
        (
            message.poll_creation_message.is_set(),
            "poll_creation_message",
        ),
        (
            message.poll_creation_message_v3.is_set(),
            "poll_creation_message_v3",
        ),
        (message.poll_update_message.is_set(), "poll_update_message"),
        (message.event_message.is_set(), "event_message"),
        (message.view_once_message.is_set(), "view_once_message"),
        (message.ephemeral_message.is_set(), "ephemeral_message"),
    ];
    kinds
        .into_iter()
        .find_map(|(set, kind)| set.then_some(kind))
}

pub(super) fn party(jid: &Jid, alt: Option<&Jid>) -> Party {
    let both = [Some(jid), alt];
    let find =
        |wanted: fn(Server) -> bool| both.into_iter().flatten().find(|jid| wanted(jid.server));
    let phone = find(Server::is_pn_family).map(|jid| jid.user.to_string());
    let lid = find(Server::is_lid_family).map(|jid| format!("{}@lid", jid.user));
    if phone.is_none() && lid.is_none() {
        return Party {
            id: jid.to_non_ad_string(),
            phone,
            lid,
        };
    }
    Party::person(phone, lid)
}

fn chat(source: &MessageSource) -> Option<Chat> {
    let id = source.chat.to_non_ad_string();
    let kind = match source.chat.server {
        Server::Group => ChatKind::Group,
        Server::Newsletter => ChatKind::Newsletter,
        Server::Broadcast => ChatKind::Status,
        _ if source.chat.server.is_pn_family() || source.chat.server.is_lid_family() => {
            ChatKind::User
        }
        _ => return None,
    };
    let party = if kind == ChatKind::User {
        let alt = if source.is_from_me {
            &source.recipient_alt
        } else {
            &source.sender_alt
        };
        party(&source.chat, alt.as_ref())
    } else {
        Party {
            id,
            phone: None,
            lid: None,
        }
    };
    Some(Chat { party, kind })
}

fn sender(source: &MessageSource, own: &Account) -> Party {
    if source.is_from_me && (own.phone.is_some() || own.lid.is_some()) {
        return Party::person(own.phone.clone(), own.lid.clone());
    }
    party(&source.sender, source.sender_alt.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_fresh_and_looks_like_those_of_whatsapp_web() {
        let id = message_id();
        assert!(id.starts_with("3EB0") && id.len() == 22, "{id}");
        assert_ne!(id, message_id());
    }

    #[test]
    fn a_person_is_shown_by_phone_where_it_is_known() {
        let shown = party(&Jid::lid("77"), Some(&Jid::pn("5511999887766")));
        assert_eq!(shown.id, "5511999887766@s.whatsapp.net");
        assert_eq!(shown.lid.as_deref(), Some("77@lid"));
        assert_eq!(party(&Jid::lid("77"), None).id, "77@lid");
    }

    #[test]
    fn what_is_not_written_to_a_user_is_no_message() {
        assert_eq!(content(&wa::Message::default()), None);
        let body = Text { body: "hi".into() };
        let text = Content::Text { text: body };
        assert_eq!(content(&outgoing(&text).unwrap()), Some(text));
    }
}
