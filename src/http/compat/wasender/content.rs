//! What a message says, in the JSON of WhatsApp's own messages, as the clients of this dialect read it.
//!
//! Owns that no key of WhatsApp's leaves the service: where a client expects `mediaKey` stands the id of the file here, which
//! `POST /api/decrypt-media` takes back.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use entity::ids::MediaId;
use serde_json::{Map, Value, json};

use super::dto::jid;
use crate::domain::message::{Attached, Card, Contact, Content, Message};

/// The message as an object with one key; empty for a kind that has none here.
pub(super) fn of(message: &Message, base: &str) -> Value {
    match &message.content {
        Content::Text { text } => match &message.context.reply_to {
            None => json!({"conversation": text.body}),
            Some(reply) => json!({"extendedTextMessage": {
                "text": text.body,
                "contextInfo": {
                    "stanzaId": reply.message_id,
                    "participant": reply.sender.as_ref().map(jid),
                },
            }}),
        },
        Content::Image { image, media } => file("imageMessage", media, base, |it| {
            it("caption", json!(image.caption));
            it("width", json!(image.width));
            it("height", json!(image.height));
        }),
        Content::Video { video, media } => file("videoMessage", media, base, |it| {
            it("caption", json!(video.caption));
            it("seconds", json!(video.seconds));
            it("gifPlayback", json!(video.gif));
        }),
        Content::Audio { audio, media } => file("audioMessage", media, base, |it| {
            it("seconds", json!(audio.seconds));
            it("ptt", json!(false));
        }),
        Content::Voice { voice, media } => file("audioMessage", media, base, |it| {
            it("seconds", json!(voice.seconds));
            it("ptt", json!(true));
        }),
        Content::Document { document, media } => file("documentMessage", media, base, |it| {
            it("fileName", json!(document.filename));
            it("caption", json!(document.caption));
        }),
        Content::Sticker { sticker, media } => file("stickerMessage", media, base, |it| {
            it("isAnimated", json!(sticker.animated));
        }),
        Content::Location { location } => json!({"locationMessage": {
            "degreesLatitude": location.latitude,
            "degreesLongitude": location.longitude,
            "name": location.name,
            "address": location.address,
        }}),
        Content::Contact {
            contact: Contact::One(one),
        } => json!({"contactMessage": card(one)}),
        Content::Contact {
            contact: Contact::Many { name, cards },
        } => {
            let cards: Vec<Value> = cards.iter().map(card).collect();
            json!({"contactsArrayMessage": {"displayName": name, "contacts": cards}})
        }
        Content::Poll { poll } => {
            let options: Vec<Value> = poll
                .options
                .iter()
                .map(|option| json!({"optionName": option}))
                .collect();
            json!({"pollCreationMessage": {
                "name": poll.name,
                "options": options,
                "selectableOptionsCount": i32::from(!poll.multi),
            }})
        }
        Content::Unknown { unknown } if unknown.raw.is_object() => unknown.raw.clone(),
        _ => json!({}),
    }
}

fn card(card: &Card) -> Value {
    json!({"displayName": card.name, "vcard": card.vcard})
}

/// A file and what is said of it; what is not known is left out.
fn file(
    kind: &str,
    media: &Attached,
    base: &str,
    more: impl FnOnce(&mut dyn FnMut(&str, Value)),
) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            fields.insert(name.to_owned(), value);
        }
    };
    let sha256 = hex::decode(&media.sha256).unwrap_or_default();
    put("url", format!("{base}{}", media.url).into());
    put("mimetype", media.mimetype.clone().into());
    put("mediaKey", key_of(media.id).into());
    put("fileSha256", BASE64_STANDARD.encode(sha256).into());
    put("fileLength", media.size.to_string().into());
    more(&mut put);
    json!({kind: fields})
}

/// What stands where a client expects the key of a file.
fn key_of(id: MediaId) -> String {
    BASE64_STANDARD.encode(id.to_string())
}

/// The file of such a key.
pub(super) fn file_of(key: &str) -> Option<MediaId> {
    let id = BASE64_STANDARD.decode(key).ok()?;
    std::str::from_utf8(&id).ok()?.parse().ok()
}

/// What a message says in words.
pub(super) fn words(content: &Content) -> &str {
    match content {
        Content::Text { text } => &text.body,
        Content::Image { image, .. } => image.caption.as_deref().unwrap_or_default(),
        Content::Video { video, .. } => video.caption.as_deref().unwrap_or_default(),
        Content::Document { document, .. } => document.caption.as_deref().unwrap_or_default(),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_file_leads_back_to_it_and_a_key_of_whatsapps_to_none() {
        let id = MediaId::new();
        assert_eq!(file_of(&key_of(id)), Some(id));
        assert_eq!(file_of(&BASE64_STANDARD.encode([7; 32])), None);
        assert_eq!(file_of("not base64"), None);
    }
}
