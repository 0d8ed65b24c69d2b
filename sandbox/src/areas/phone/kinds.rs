//! Kinds beyond the everyday ones: several cards, calendar events and the answers to them, and any message as bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use buffa::{Message as _, MessageField};
use serde::Deserialize;
use serde_json::{Value, json};
use wacore::event::{decrypt_event_response_with_secret, encrypt_event_response_with_secret};
use waproto::whatsapp as wa;

use super::content::{Contact, DraftFault, card};
use super::log::Entry;
use super::view::{secret, target};
use crate::jids::Pn;
use crate::world::World;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    name: String,
    description: Option<String>,
    /// Seconds since 1970.
    starts_at: i64,
    ends_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) message_id: String,
    answer: Coming,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Coming {
    Going,
    NotGoing,
    Maybe,
}

pub(super) fn contacts(cards: &[Contact], context: MessageField<wa::ContextInfo>) -> wa::Message {
    wa::Message {
        contacts_array_message: MessageField::some(wa::message::ContactsArrayMessage {
            display_name: Some(format!("{} contacts", cards.len())),
            contacts: cards.iter().map(card).collect(),
            context_info: context,
        }),
        ..Default::default()
    }
}

pub(super) fn event(event: &Event, context: MessageField<wa::ContextInfo>) -> wa::Message {
    wa::Message {
        event_message: MessageField::some(wa::message::EventMessage {
            name: Some(event.name.clone()),
            description: event.description.clone(),
            start_time: Some(event.starts_at),
            end_time: event.ends_at,
            context_info: context,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A message as its bytes in base64, however odd.
pub(super) fn raw(bytes: &str) -> Result<wa::Message, DraftFault> {
    let bytes = STANDARD.decode(bytes).map_err(|_| DraftFault::BadBytes)?;
    wa::Message::decode_from_slice(&bytes).map_err(|_| DraftFault::BadBytes)
}

/// The writer's answer to the event in `entry`, which `key` names.
pub(super) fn answer(
    world: &World,
    writer: Pn,
    entry: &Entry,
    key: wa::MessageKey,
    answer: &Answer,
) -> Result<wa::Message, DraftFault> {
    use wa::message::event_response_message::EventResponseType as Kind;
    let no_event = || DraftFault::NoEvent(answer.message_id.clone());
    let message = entry.message();
    if !super::view::unwrap(&message).event_message.is_set() {
        return Err(no_event());
    }
    let response = wa::message::EventResponseMessage {
        response: Some(match answer.answer {
            Coming::Going => Kind::GOING,
            Coming::NotGoing => Kind::NOT_GOING,
            Coming::Maybe => Kind::MAYBE,
        }),
        timestamp_ms: i64::try_from(world.now_ms).ok(),
        ..Default::default()
    };
    let creator = world.lid_jid(entry.from.pn.phone()).to_string();
    let responder = world.lid_jid(writer.phone()).to_string();
    let secret = secret(&message).ok_or_else(no_event)?;
    let sealed =
        encrypt_event_response_with_secret(&response, &secret, &entry.id, &creator, &responder);
    let (payload, iv) = sealed.map_err(|_| no_event())?;
    Ok(wa::Message {
        enc_event_response_message: MessageField::some(wa::message::EncEventResponseMessage {
            event_creation_message_key: MessageField::some(key),
            enc_payload: Some(payload),
            enc_iv: Some(iv.to_vec()),
        }),
        ..Default::default()
    })
}

/// What the phone shows of these kinds; none for the others.
pub(super) fn shown(world: &World, pn: Pn, entry: &Entry, message: &wa::Message) -> Option<Value> {
    if let Some(m) = message.contacts_array_message.as_option() {
        let card = |one: &wa::message::ContactMessage| json!({ "name": one.display_name, "vcard": one.vcard });
        let cards: Vec<Value> = m.contacts.iter().map(card).collect();
        return Some(json!({ "type": "contacts", "name": m.display_name, "cards": cards }));
    }
    if let Some(m) = message.event_message.as_option() {
        let venue = m.location.as_option().and_then(|place| place.name.clone());
        return Some(json!({
            "type": "event",
            "name": m.name,
            "description": m.description,
            "starts_at": m.start_time,
            "ends_at": m.end_time,
            "location": venue,
        }));
    }
    if let Some(m) = message.enc_event_response_message.as_option() {
        let target = target(&m.event_creation_message_key)?;
        let answer = opened(world, pn, entry, m, &target);
        return Some(json!({ "type": "answer", "answer": answer, "target": target }));
    }
    if let Some(m) = message.pin_in_chat_message.as_option() {
        use wa::message::pin_in_chat_message::Type;
        let pinned = m.r#type == Some(Type::PIN_FOR_ALL);
        return Some(json!({ "type": "pin", "pinned": pinned, "target": target(&m.key) }));
    }
    if let Some(m) = message.keep_in_chat_message.as_option() {
        let kept = m.keep_type == Some(wa::KeepType::KEEP_FOR_ALL);
        return Some(json!({ "type": "keep", "kept": kept, "target": target(&m.key) }));
    }
    None
}

fn opened(
    world: &World,
    pn: Pn,
    entry: &Entry,
    sealed: &wa::message::EncEventResponseMessage,
    target: &str,
) -> Option<&'static str> {
    use wa::message::event_response_message::EventResponseType as Kind;
    let event = world.areas.phone.log.find(pn, target)?;
    let secret = secret(&event.message())?;
    let (payload, iv) = (sealed.enc_payload.as_deref()?, sealed.enc_iv.as_deref()?);
    let addresses = |pn: Pn| [world.lid_jid(pn.phone()).to_string(), pn.jid().to_string()];
    let answer = addresses(event.from.pn).iter().find_map(|creator| {
        addresses(entry.from.pn).iter().find_map(|responder| {
            decrypt_event_response_with_secret(payload, iv, &secret, target, creator, responder)
                .ok()
        })
    })?;
    Some(match answer.response? {
        Kind::GOING => "going",
        Kind::NOT_GOING => "not_going",
        Kind::MAYBE => "maybe",
        Kind::UNKNOWN => "unknown",
    })
}
