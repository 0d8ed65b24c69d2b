//! `POST /api/send-message`: one body for every kind.
//!
//! Owns how a kind is told from the fields that are there. The answer comes once the message is stored: what becomes of it is in the
//! log of messages and in webhooks.

use std::time::Duration;

use axum::{Router, extract::State, http::Extensions};
use serde_json::{Value, json};

use super::{
    Face,
    auth::{Reached, Scoped},
    dto::done,
    error::Refusal,
    form::{Form, MAX_LINE, MAX_TEXT},
    logs::outcome_word,
    media::{by_url, is_voice},
};
use crate::{
    domain::{
        address::Address,
        message::{
            Attached, Audio, Card, Contact, Content, Document, Image, Location, Poll, Status,
            Sticker, Video, Voice,
        },
    },
    http::{extract::Json, guard::Left, routing::post},
    service::{
        messages::{NewMessage, Outcome},
        numbers,
    },
};

/// The fields that each are one message.
const CONTENTS: [&str; 8] = [
    "imageUrl",
    "videoUrl",
    "documentUrl",
    "audioUrl",
    "stickerUrl",
    "contact",
    "location",
    "poll",
];

/// Those of them that have a text below.
const WITH_TEXT: [&str; 5] = [
    "imageUrl",
    "videoUrl",
    "documentUrl",
    "audioUrl",
    "stickerUrl",
];

const TOO_FAST: &str =
    "You have account protection enabled. You can only send 1 message every 5 seconds.";

pub(super) fn routes() -> Router<Face> {
    Router::new().route("/api/send-message", post(send))
}

/// A message that is asked for.
struct Asked {
    to: Address,
    /// As it was written, which the answer repeats.
    shown_to: String,
    what: What,
    mentions: Vec<Address>,
    view_once: bool,
    reply_to: Option<i64>,
}

enum What {
    Whole(Content),
    /// A file that has to come first.
    File {
        field: &'static str,
        url: String,
        text: Option<String>,
        filename: Option<String>,
    },
}

async fn send(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    extensions: Extensions,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let asked = read(&mut form);
    let asked = form.done(asked)?;
    let Reached { ctx, session, id } = &owned;
    if face.api.messages.require_ready(ctx, id).await?.is_protected {
        let allowance = face.protected.take(session);
        Left::tell(&extensions, allowance);
        if let Some(after) = allowance.retry_after {
            return Err(Refusal::too_fast(TOO_FAST, after));
        }
    }
    let content = match asked.what {
        What::Whole(content) => content,
        What::File {
            field,
            url,
            text,
            filename,
        } => {
            let file = by_url(&face, &owned, (field, &url), filename.clone()).await?;
            of_file(field, &file.mimetype, Attached::of(&file), text, filename)
        }
    };
    let mut new = NewMessage::of(asked.to, content);
    new.mentions = asked.mentions;
    new.view_once = asked.view_once;
    new.wait = Duration::ZERO;
    if let Some(number) = asked.reply_to {
        let answered = face.api.messages.numbered(ctx, id, number).await;
        let answered = answered.map_err(|_| {
            Refusal::field(
                "replyTo",
                "There is no message of this number in this session.",
            )
        })?;
        new.reply_to = Some(answered.id.to_string());
    }
    let sent = face.api.messages.send(ctx, id, new).await;
    let sent = sent.map_err(|error| Refusal::from(error).renamed(field_named))?;
    let outcome = match sent.status {
        Status::Queued | Status::Sending | Status::Unknown => Outcome::UnderWay,
        Status::Sent | Status::Delivered | Status::Read => Outcome::Sent,
        Status::Failed => Outcome::Failed,
    };
    Ok(done(
        "Message queued",
        json!({
            "msgId": numbers::of_message(sent.id),
            "jid": asked.shown_to,
            "status": outcome_word(outcome),
        }),
    ))
}

/// What the verbs call a field, as it is called here.
fn field_named(field: &str) -> Option<&'static str> {
    let begins = |with: &str| field.starts_with(with);
    Some(match field {
        _ if begins("text.") => "text",
        "image.caption" | "video.caption" | "document.caption" => "text",
        _ if begins("image.") => "imageUrl",
        _ if begins("video.") => "videoUrl",
        _ if begins("document.") => "documentUrl",
        _ if begins("audio.") || begins("voice.") => "audioUrl",
        _ if begins("sticker.") => "stickerUrl",
        "poll.name" => "poll.question",
        "view_once" => "viewOnce",
        "reply_to" => "replyTo",
        _ => return None,
    })
}

/// The address, however it is written.
pub(super) fn address(form: &mut Form, name: &str) -> Option<(Address, String)> {
    let text = form.said(name, MAX_LINE)?;
    let text = text.trim().to_owned();
    match text.parse() {
        Ok(address) => Some((address, text)),
        Err(fault) => {
            form.fault(name, format!("The {name} field is not valid: {fault}."));
            None
        }
    }
}

fn read(form: &mut Form) -> Option<Asked> {
    let to = address(form, "to");
    let what = read_content(form);
    let view_once = form.flag("viewOnce").unwrap_or(false);
    let mut mentions = Vec::new();
    if form.has("mentions") {
        for mention in form.list("mentions")? {
            match mention.parse() {
                Ok(address) => mentions.push(address),
                Err(fault) => form.fault("mentions", format!("{mention} is not valid: {fault}.")),
            }
        }
    }
    let reply_to = form.whole("replyTo");
    let (to, shown_to) = to?;
    Some(Asked {
        to,
        shown_to,
        what: what?,
        mentions,
        view_once,
        reply_to,
    })
}

fn read_content(form: &mut Form) -> Option<What> {
    let given: Vec<&'static str> = CONTENTS.into_iter().filter(|name| form.has(name)).collect();
    let text = form.text("text", MAX_TEXT);
    let text = text.filter(|text| !text.is_empty());
    match (&given[..], text) {
        ([], Some(text)) => Some(What::Whole(Content::text(text))),
        ([], None) => {
            let detail = "The text field is required when no media is present.";
            form.fault("text", detail);
            None
        }
        ([field], text) if WITH_TEXT.contains(field) => Some(What::File {
            field,
            url: form.said(field, MAX_LINE)?,
            text,
            filename: form.text("fileName", 255),
        }),
        ([field], None) => read_whole(form, field).map(What::Whole),
        (several, _) => {
            for field in several {
                form.fault(field, "A message has one content.");
            }
            None
        }
    }
}

fn read_whole(form: &mut Form, field: &str) -> Option<Content> {
    match field {
        "contact" => form.object("contact", |card| {
            let name = card.said("name", 255);
            let phone = card.said("phone", 32)?;
            let Ok(Address::Phone(digits)) = phone.trim().parse() else {
                card.fault("phone", "The phone field must be a phone number.");
                return None;
            };
            let card = Card {
                name: name?,
                phone: Some(digits),
                organization: None,
                vcard: None,
            };
            let contact = Contact::One(card);
            Some(Content::Contact { contact })
        }),
        "location" => form.object("location", |place| {
            let mut degrees = |name: &str| {
                let number = place.number(name);
                if number.is_none() && !place.has(name) {
                    place.fault(name, format!("The {name} field is required."));
                }
                number
            };
            let (latitude, longitude) = (degrees("latitude"), degrees("longitude"));
            let (name, address) = (place.text("name", 255), place.text("address", MAX_LINE));
            let location = Location {
                latitude: latitude?,
                longitude: longitude?,
                name,
                address,
                url: None,
                live: false,
            };
            Some(Content::Location { location })
        }),
        _ => form.object("poll", |poll| {
            let name = poll.said("question", 255);
            let options = poll.list("options");
            let multi = poll.flag("multiSelect").unwrap_or(false);
            let poll = Poll {
                name: name?,
                options: options?,
                multi,
                quiz: None,
            };
            Some(Content::Poll { poll })
        }),
    }
}

/// The message around a file that is here.
fn of_file(
    field: &str,
    mimetype: &str,
    media: Attached,
    text: Option<String>,
    filename: Option<String>,
) -> Content {
    match field {
        "imageUrl" => Content::Image {
            image: Image {
                caption: text,
                ..Image::default()
            },
            media,
        },
        "videoUrl" => Content::Video {
            video: Video {
                caption: text,
                ..Video::default()
            },
            media,
        },
        "documentUrl" => Content::Document {
            document: Document {
                caption: text,
                filename,
            },
            media,
        },
        "stickerUrl" => Content::Sticker {
            sticker: Sticker::default(),
            media,
        },
        // What phones can play as spoken is spoken.
        _ if is_voice(mimetype) => Content::Voice {
            voice: Voice::default(),
            media,
        },
        _ => Content::Audio {
            audio: Audio::default(),
            media,
        },
    }
}
