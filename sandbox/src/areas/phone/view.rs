//! A log entry as the control API shows it.

use serde_json::{Map, Value, json};
use wacore::poll::{PollVoteCiphertext, compute_option_hash, decrypt_poll_vote_with_secret};
use waproto::whatsapp as wa;

use super::kinds;
use super::log::Entry;
use crate::areas::{media, status};
use crate::control::timestamp;
use crate::jids::Pn;
use crate::world::World;

/// `{n,message_id,from,to,type,…,receipts}`.
pub(crate) fn entry(world: &World, pn: Pn, number: u64, entry: &Entry) -> Value {
    let mut view = Map::new();
    let mut set = |name: &str, value: Value| view.insert(name.to_owned(), value);
    set("n", json!(number));
    set("message_id", json!(entry.id));
    set("from", json!(entry.from.pn.to_string()));
    set("from_device", json!(entry.from.device));
    set("to", json!(entry.to));
    set("at", json!(timestamp(entry.at_ms)));
    let receipts: Vec<Value> = entry
        .receipts
        .iter()
        .map(|r| json!({ "device": r.device.pn_jid().to_string(), "kind": r.kind, "at": timestamp(r.at_ms) }))
        .collect();
    set("receipts", json!(receipts));
    let message = entry.message();
    view.extend(content(world, pn, entry, unwrap(&message)));
    Value::Object(view)
}

/// The message inside ephemeral, view-once and similar wrappers.
pub(crate) fn unwrap(message: &wa::Message) -> &wa::Message {
    let wrappers = [
        &message.ephemeral_message,
        &message.view_once_message,
        &message.view_once_message_v2,
        &message.document_with_caption_message,
        &message.edited_message,
    ];
    let inner = wrappers
        .into_iter()
        .find_map(|w| w.as_option()?.message.as_option());
    inner.map_or(message, unwrap)
}

fn content(world: &World, pn: Pn, entry: &Entry, message: &wa::Message) -> Map<String, Value> {
    let shown = if let Some(text) = text(message) {
        json!({ "type": "text", "text": text })
    } else if let Some(shown) = media::seen(message) {
        shown
    } else if let Some(m) = message.reaction_message.as_option() {
        json!({ "type": "reaction", "emoji": m.text, "target": target(&m.key) })
    } else if let Some(m) = message.protocol_message.as_option() {
        protocol(m)
    } else if let Some(m) = message.location_message.as_option() {
        json!({
            "type": "location",
            "latitude": m.degrees_latitude,
            "longitude": m.degrees_longitude,
            "name": m.name,
        })
    } else if let Some(m) = message.contact_message.as_option() {
        json!({ "type": "contact", "name": m.display_name, "vcard": m.vcard })
    } else if let Some(poll) = poll(message) {
        poll_shown(poll)
    } else if let Some(m) = message.poll_update_message.as_option() {
        let options = vote(world, pn, entry, m);
        json!({ "type": "vote", "options": options, "target": target(&m.poll_creation_message_key) })
    } else if let Some(shown) = kinds::shown(world, pn, entry, message) {
        shown
    } else {
        json!({ "type": "unknown" })
    };
    let mut view = match shown {
        Value::Object(view) => view,
        _ => Map::new(),
    };
    view.retain(|_, value| !value.is_null());
    if let Some(context) = context(message) {
        if let Some(id) = &context.stanza_id {
            view.insert("reply_to".to_owned(), json!(id));
            if context.remote_jid == Some(status::chat().to_string()) {
                view.insert("to_status".to_owned(), json!(true));
            }
            if let Some(quoted) = context.quoted_message.as_option() {
                let shown = content(world, pn, entry, unwrap(quoted));
                view.insert("quoted".to_owned(), Value::Object(shown));
            }
        }
        if !context.mentioned_jid.is_empty() {
            view.insert("mentions".to_owned(), json!(context.mentioned_jid));
        }
        if context.is_forwarded == Some(true) {
            view.insert("forwarded".to_owned(), json!(true));
        }
        if let Some(seconds) = context.expiration {
            view.insert("expires_in_s".to_owned(), json!(seconds));
        }
    }
    let extended = message.extended_text_message.as_option();
    if let Some(url) = extended.and_then(|text| text.matched_text.as_ref()) {
        let title = extended.and_then(|text| text.title.as_ref());
        view.insert(
            "link_preview".to_owned(),
            json!({ "url": url, "title": title }),
        );
    }
    view
}

fn poll_shown(poll: &wa::message::PollCreationMessage) -> Value {
    let right = poll.correct_answer.as_option();
    json!({
        "type": "poll",
        "name": poll.name,
        "options": options(poll),
        "multi": poll.selectable_options_count != Some(1),
        "quiz": right.and_then(|right| right.option_name.as_ref()),
    })
}

fn text(message: &wa::Message) -> Option<&String> {
    let extended = message.extended_text_message.as_option();
    message
        .conversation
        .as_ref()
        .or_else(|| extended?.text.as_ref())
}

pub(super) fn target(key: &buffa::MessageField<wa::MessageKey>) -> Option<String> {
    key.as_option()?.id.clone()
}

fn protocol(message: &wa::message::ProtocolMessage) -> Value {
    use wa::message::protocol_message::Type;
    match message.r#type {
        Some(Type::REVOKE) => json!({ "type": "revoke", "target": target(&message.key) }),
        Some(Type::MESSAGE_EDIT) => {
            let edited = message.edited_message.as_option().map(unwrap);
            let mut shown = edited.and_then(media::seen).unwrap_or_else(|| json!({}));
            shown["text"] = json!(edited.and_then(text));
            shown["type"] = json!("edit");
            shown["target"] = json!(target(&message.key));
            shown
        }
        Some(Type::EPHEMERAL_SETTING) => {
            json!({ "type": "timer", "ephemeral_s": message.ephemeral_expiration })
        }
        _ => json!({ "type": "unknown" }),
    }
}

fn context(message: &wa::Message) -> Option<&wa::ContextInfo> {
    let extended = message
        .extended_text_message
        .as_option()
        .map(|m| &m.context_info);
    let location = message
        .location_message
        .as_option()
        .map(|m| &m.context_info);
    let contact = message.contact_message.as_option().map(|m| &m.context_info);
    let poll = poll(message).map(|m| &m.context_info);
    let cards = message
        .contacts_array_message
        .as_option()
        .map(|m| &m.context_info);
    let event = message.event_message.as_option().map(|m| &m.context_info);
    let image = message.image_message.as_option().map(|m| &m.context_info);
    let video = message.video_message.as_option().map(|m| &m.context_info);
    let audio = message.audio_message.as_option().map(|m| &m.context_info);
    let document = message
        .document_message
        .as_option()
        .map(|m| &m.context_info);
    let sticker = message.sticker_message.as_option().map(|m| &m.context_info);
    [
        extended, location, contact, cards, poll, event, image, video, audio, document, sticker,
    ]
    .into_iter()
    .flatten()
    .find_map(|c| c.as_option())
}

fn poll(message: &wa::Message) -> Option<&wa::message::PollCreationMessage> {
    let versions = [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
    ];
    versions.into_iter().find_map(|version| version.as_option())
}

/// The options of a poll; `None` when the message is none.
pub(super) fn poll_options(message: &wa::Message) -> Option<Vec<String>> {
    poll(unwrap(message)).map(options)
}

fn options(poll: &wa::message::PollCreationMessage) -> Vec<String> {
    let options = poll.options.iter();
    options
        .filter_map(|option| option.option_name.clone())
        .collect()
}

/// The secret that votes on this message are encrypted with.
pub(super) fn secret(message: &wa::Message) -> Option<Vec<u8>> {
    let outer = message.message_context_info.as_option();
    let inner = unwrap(message).message_context_info.as_option();
    [outer, inner]
        .into_iter()
        .flatten()
        .find_map(|info| info.message_secret.clone())
}

/// The chosen options, if this phone has the poll. Clients name people in a vote by either address.
fn vote(
    world: &World,
    pn: Pn,
    entry: &Entry,
    update: &wa::message::PollUpdateMessage,
) -> Option<Vec<String>> {
    let poll = world
        .areas
        .phone
        .log
        .find(pn, &target(&update.poll_creation_message_key)?)?;
    let message = poll.message();
    let secret = secret(&message)?;
    let sealed = update.vote.as_option()?;
    let (payload, iv) = (sealed.enc_payload.as_deref()?, sealed.enc_iv.as_deref()?);
    let addresses = |pn: Pn| [world.lid_jid(pn.phone()).to_string(), pn.jid().to_string()];
    let hashes = addresses(poll.from.pn).iter().find_map(|creator| {
        addresses(entry.from.pn).iter().find_map(|voter| {
            let ciphertext = PollVoteCiphertext {
                enc_payload: payload,
                enc_iv: iv,
            };
            decrypt_poll_vote_with_secret(ciphertext, &secret, &poll.id, creator, voter).ok()
        })
    })?;
    let names = poll_options(&message)?;
    let chosen = |name: &String| {
        hashes
            .iter()
            .any(|h| h[..] == compute_option_hash(name)[..])
    };
    Some(names.into_iter().filter(chosen).collect())
}
