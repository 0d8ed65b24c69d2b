//! Between WhatsApp's protobuf and the domain.
//!
//! Owns the addresses and how a message is put together; [`incoming`] what it says, [`outgoing`] what is sent.

use buffa::Message as _;
use entity::ids::SessionId;
use sha2::{Digest as _, Sha256};
use wacore::types::{
    events::{InboundMessage, Receipt},
    message::{EditAttribute, MessageCategory, MessageInfo, MessageSource},
    presence::ReceiptType,
};
use wacore_binary::{Jid, Server};
use waproto::whatsapp as wa;

use super::Member;
use crate::domain::{
    address::{Address, Chat, ChatKind, Party},
    clock::rfc3339,
    event::{ChatChanges, ChatUpdateData, UndecryptableData},
    message::{Ack, Content, Context, Message, Private},
    session::Account,
};

mod about;
mod incoming;
mod outgoing;
mod posts;
mod raw;
#[cfg(test)]
mod tests;
mod vcard;
mod votes;

pub use about::{Writer, compose_about};
pub(super) use outgoing::timer;
pub use outgoing::{Payload, compose};
pub(super) use posts::{Posted, post};
pub use votes::{Sealed, open_response, open_vote};

/// A fresh message id, in the shape that WhatsApp Web gives its own.
pub fn message_id() -> String {
    let random: [u8; 9] = rand::random();
    format!("3EB0{}", hex::encode_upper(random))
}

/// An id in the same shape that is the same for the same `parts`: what was said once is not said twice.
pub fn message_id_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("3EB0{}", hex::encode_upper(&hash.finalize()[..9]))
}

pub(super) fn jid(address: &Address) -> Option<Jid> {
    match address {
        Address::Phone(digits) => Some(Jid::pn(digits.as_str())),
        Address::Lid(user) => Some(Jid::lid(user.as_str())),
        Address::Group(id) => Some(Jid::group(id.as_str())),
        Address::Newsletter(id) => Some(Jid::new(id.as_str(), Server::Newsletter)),
        Address::Status => None,
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

/// Who of a group sent a receipt; none in any other chat.
pub(super) fn member(receipt: &Receipt) -> Option<Member> {
    let source = &receipt.source;
    if source.chat.server != Server::Group {
        return None;
    }
    Some(Member {
        group: source.chat.to_non_ad_string(),
        party: party(&source.sender, source.sender_alt.as_ref()),
        at: rfc3339(receipt.timestamp.timestamp_millis()),
    })
}

/// Whether whoever sent such a receipt has seen what the message says.
pub(super) const fn tells_reading(receipt: &ReceiptType) -> bool {
    matches!(
        receipt,
        ReceiptType::Read | ReceiptType::ReadSelf | ReceiptType::Played | ReceiptType::PlayedSelf
    )
}

/// What is known of a message that could not be decrypted; none when it was not meant for a user.
pub(super) fn undecryptable(info: &MessageInfo, own: &Account) -> Option<UndecryptableData> {
    if info.category == MessageCategory::Peer {
        return None;
    }
    Some(UndecryptableData {
        message_id: info.id.clone(),
        chat: chat(&info.source)?,
        sender: sender(&info.source, own),
        from_me: info.source.is_from_me,
        timestamp: rfc3339(info.timestamp.timestamp_millis()),
    })
}

/// The message as a user sees it, or none when it is not meant for a user.
pub(super) fn message(
    inbound: &InboundMessage,
    own: &Account,
    session: SessionId,
) -> Option<Message> {
    let info = &inbound.info;
    if info.category == MessageCategory::Peer {
        return None;
    }
    let mut read = incoming::read(&inbound.message)?;
    read.name_files(session);
    read.context.server_id = posts::number(info);
    if info.edit == EditAttribute::AdminRevoke && matches!(read.content, Content::Revoke { .. }) {
        read.private = Some(Box::new(Private::ByAdmin));
    }
    Some(Message {
        message_id: info.id.clone(),
        chat: chat(&info.source)?,
        sender: sender(&info.source, own),
        from_me: info.source.is_from_me,
        push_name: Some(info.push_name.clone()).filter(|name| !name.is_empty()),
        timestamp: rfc3339(info.timestamp.timestamp_millis()),
        content: read.content,
        context: read.context,
        private: read.private,
    })
}

/// What a message says of its chat: after how long what is written there disappears. Such a message is shown to nobody.
pub(super) fn chat_change(inbound: &InboundMessage) -> Option<ChatUpdateData> {
    let info = &inbound.info;
    if info.category == MessageCategory::Peer {
        return None;
    }
    let ephemeral_s = incoming::timer(&inbound.message)?;
    let chat = chat(&info.source).filter(|chat| chat.kind == ChatKind::User)?;
    Some(ChatUpdateData {
        chat,
        changes: ChatChanges {
            ephemeral_s: Some(ephemeral_s),
            ..ChatChanges::default()
        },
        initial: false,
    })
}

/// What the bytes of a message say to a user, whoever has made them; none when they are no message.
pub fn read(bytes: &[u8]) -> Option<(Content, Context)> {
    let message = wa::Message::decode_from_slice(bytes).ok()?;
    let read = incoming::read(&message)?;
    Some((read.content, read.context))
}

/// A message of the past; none when it is not meant for a user, or is about another one.
pub(super) fn past(
    told: &wa::WebMessageInfo,
    (chat, sender): (Chat, Party),
    session: SessionId,
) -> Option<Message> {
    let key = told.key.as_option()?;
    let mut read = incoming::read(told.message.as_option()?)?;
    if read.content.target().is_some() {
        return None;
    }
    read.name_files(session);
    let asks = matches!(read.content, Content::Poll { .. } | Content::Event { .. });
    if asks && read.private.is_none() {
        let secret = told.message_secret.clone();
        read.private = secret.map(|secret| Box::new(Private::Secret(secret)));
    }
    let seconds = i64::try_from(told.message_timestamp?).ok()?;
    let name = told.push_name.clone().filter(|name| !name.is_empty());
    Some(Message {
        message_id: incoming::id(key.id.as_ref()?)?,
        chat,
        sender,
        from_me: key.from_me.unwrap_or_default(),
        push_name: name,
        timestamp: rfc3339(seconds.checked_mul(1000)?),
        content: read.content,
        context: read.context,
        private: read.private,
    })
}

/// A person as a message names one; none for what is nobody.
fn person(jid: &str) -> Option<Party> {
    let jid: Jid = jid.parse().ok()?;
    (jid.server.is_pn_family() || jid.server.is_lid_family()).then(|| party(&jid, None))
}

/// The chat of a message as phones name it, and in a group its sender.
pub(super) fn place(message: &Message) -> Option<(Jid, Option<Jid>)> {
    let jid = |party: &Party| -> Option<Jid> { outgoing::address(party).parse().ok() };
    let chat = jid(&message.chat.party)?;
    let sender = match message.chat.kind {
        ChatKind::Group | ChatKind::Status => Some(jid(&message.sender)?),
        ChatKind::User | ChatKind::Newsletter => None,
    };
    Some((chat, sender))
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

/// What kind of chat is at such a server, if we know it.
pub(super) fn kind(server: Server) -> Option<ChatKind> {
    Some(match server {
        Server::Group => ChatKind::Group,
        Server::Newsletter => ChatKind::Newsletter,
        Server::Broadcast => ChatKind::Status,
        _ if server.is_pn_family() || server.is_lid_family() => ChatKind::User,
        _ => return None,
    })
}

fn chat(source: &MessageSource) -> Option<Chat> {
    let id = source.chat.to_non_ad_string();
    let kind = kind(source.chat.server)?;
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
