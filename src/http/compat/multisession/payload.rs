//! The bodies of this dialect's webhooks: a message in an object of its own (`nested`), or all at the top (`flat`); and, the same in
//! both, how far one of the account's own messages has come.
//!
//! Owns the two shapes, their headers and when they are tried again. What the account itself wrote is not told: a script that
//! answers whatever it hears would answer itself.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use serde_json::{Map, Value, json};

use super::{link::link, messaging::jid};
use crate::{
    domain::{
        address::ChatKind,
        clock::{from_rfc3339, rfc3339},
        event::AckData,
        message::{Ack, Content, Message},
    },
    service::webhooks::{Render, RenderError, Rendered, Schedule, Told},
};

/// What is said of a kind that has no words here.
const NOT_SUPPORTED: &str = "[Unsupported message type]";

/// Three attempts: at once, after a second, after four.
const SCHEDULE: Schedule = Schedule::exact(&[
    std::time::Duration::from_secs(1),
    std::time::Duration::from_secs(4),
]);

/// `{"event","session_id","message":{…}}`, and the same at the top under other names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nested;

/// `{"session_id","from","message":"…"}`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flat;

impl Render for Nested {
    fn render(&self, told: &Told<'_>) -> Result<Option<Rendered>, RenderError> {
        if told.event_type == "message.ack" {
            return receipt(told);
        }
        let Some(heard) = Heard::of(told)? else {
            return Ok(None);
        };
        let seconds = heard.at_ms.div_euclid(1000);
        let is_group = heard.group.is_some();
        rendered(&json!({
            "event": "message",
            "session_id": heard.session,
            "message": {
                "id": heard.message.message_id,
                "from": heard.from,
                "to": heard.to,
                "message": heard.words,
                "timestamp": seconds,
                "from_name": heard.message.push_name.clone().unwrap_or_default(),
                "message_type": heard.kind,
                "is_group": is_group,
                "is_from_me": false,
                "group_id": heard.group.clone().unwrap_or_default(),
                "media_url": heard.link.unwrap_or_default(),
                "media": heard.media,
            },
            "id": heard.message.message_id,
            "from": heard.from,
            "from_name": heard.message.push_name.unwrap_or_default(),
            "to": heard.to,
            "message_type": heard.kind,
            "text": heard.words,
            "is_group": is_group,
        }))
    }

    fn schedule(&self, _: &str) -> Schedule {
        SCHEDULE
    }
}

impl Render for Flat {
    fn render(&self, told: &Told<'_>) -> Result<Option<Rendered>, RenderError> {
        if told.event_type == "message.ack" {
            return receipt(told);
        }
        let Some(heard) = Heard::of(told)? else {
            return Ok(None);
        };
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("session_id", heard.session.into());
        put("from", heard.from.into());
        put(
            "from_name",
            heard.message.push_name.unwrap_or_default().into(),
        );
        put("to", heard.to.into());
        put("message", heard.words.into());
        put("message_type", heard.kind.into());
        put("timestamp", heard.message.timestamp.into());
        put("id", heard.message.message_id.into());
        put("is_group", heard.group.is_some().into());
        if let Some(group) = heard.group {
            put("group_id", group.into());
        }
        if let Some(link) = heard.link {
            put("media_url", link.into());
        }
        rendered(&Value::Object(body))
    }

    fn schedule(&self, _: &str) -> Schedule {
        SCHEDULE
    }
}

/// What the other side's device says. The server's own answer is none.
fn receipt(told: &Told<'_>) -> Result<Option<Rendered>, RenderError> {
    let ack: AckData = serde_json::from_str(told.payload)?;
    let (kind, status) = match ack.ack_name {
        Ack::Device => ("", "delivered"),
        Ack::Read => ("read", "read"),
        Ack::Played => ("played", "played"),
        Ack::Error | Ack::Pending | Ack::Server => return Ok(None),
    };
    rendered(&json!({
        "session_id": told.who.map_or("", |who| who.handle),
        "message_ids": [ack.message_id],
        "sender": ack.chat,
        "chat": ack.chat,
        "timestamp": rfc3339(told.at_ms),
        "type": kind,
        "status": status,
    }))
}

fn rendered(body: &Value) -> Result<Option<Rendered>, RenderError> {
    let mut headers = HeaderMap::with_capacity(2);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static("WhatsApp-Multi-Session/1.0"),
    );
    Ok(Some(Rendered {
        body: Bytes::from(serde_json::to_vec(body)?),
        headers,
    }))
}

/// A message that somebody else wrote.
struct Heard {
    session: String,
    message: Message,
    at_ms: i64,
    from: String,
    to: String,
    group: Option<String>,
    kind: &'static str,
    words: String,
    media: Value,
    /// Where its file is.
    link: Option<String>,
}

impl Heard {
    /// None of what this dialect does not tell.
    fn of(told: &Told<'_>) -> Result<Option<Self>, RenderError> {
        if told.event_type != "message" {
            return Ok(None);
        }
        let message: Message = serde_json::from_str(told.payload)?;
        if message.from_me {
            return Ok(None);
        }
        let (kind, words) = words(&message.content);
        let own = told.who.and_then(|who| who.phone);
        let is_group = message.chat.kind == ChatKind::Group;
        Ok(Some(Self {
            session: told
                .who
                .map_or_else(String::new, |who| who.handle.to_owned()),
            at_ms: from_rfc3339(&message.timestamp).unwrap_or(told.at_ms),
            from: jid(&message.sender),
            to: own
                .map(|digits| format!("{digits}@s.whatsapp.net"))
                .unwrap_or_default(),
            group: is_group.then(|| message.chat.party.id.clone()),
            kind,
            words,
            media: media(&message.content),
            link: told
                .session
                .and_then(|session| link(session, told.at_ms, &message.content)),
            message,
        }))
    }
}

/// What kind it is, and what it says.
fn words(content: &Content) -> (&'static str, String) {
    let caption = |caption: &Option<String>| caption.clone().unwrap_or_default();
    match content {
        Content::Text { text } => ("text", text.body.clone()),
        Content::Image { image, .. } => ("image", caption(&image.caption)),
        Content::Video { video, .. } => ("video", caption(&video.caption)),
        Content::Document { document, .. } => ("document", caption(&document.caption)),
        Content::Audio { .. } | Content::Voice { .. } => ("audio", String::new()),
        Content::Sticker { .. } => ("sticker", String::new()),
        Content::Location { .. } => ("location", String::new()),
        Content::Contact { .. } => ("contact", String::new()),
        _ => ("unknown", NOT_SUPPORTED.to_owned()),
    }
}

/// What there is besides words; null of a text.
fn media(content: &Content) -> Value {
    if let Content::Location { location } = content {
        return json!({
            "lat": location.latitude,
            "lng": location.longitude,
            "name": location.name,
            "address": location.address,
        });
    }
    match content.media() {
        Some(file) => json!({
            "url": file.url,
            "mime_type": file.mimetype,
            "file_length": file.size,
            "voice_note": matches!(content, Content::Voice { .. }),
        }),
        None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::webhooks::Who;

    const HEARD: &str = r#"{"message_id":"3EB0BEDDE45EF384377BD7","from_me":false,"push_name":"Ana",
        "chat":{"id":"6281381393739@s.whatsapp.net","phone":"6281381393739","lid":null,"kind":"user"},
        "sender":{"id":"6281381393739@s.whatsapp.net","phone":"6281381393739","lid":null},
        "timestamp":"2022-02-01T02:30:00.000Z","type":"text","text":{"body":"Hello!"}}"#;

    fn told(payload: &str) -> Told<'_> {
        Told {
            event_type: "message",
            session: Some("ses_1"),
            seq: 1,
            at_ms: 0,
            payload,
            shape: "nested",
            variant: "",
            who: Some(Who {
                handle: "1234567890",
                phone: Some("6282260790996"),
                number: None,
            }),
        }
    }

    fn body(render: &dyn Render, payload: &str) -> Value {
        let rendered = render.render(&told(payload)).unwrap().unwrap();
        assert_eq!(rendered.headers[USER_AGENT], "WhatsApp-Multi-Session/1.0");
        serde_json::from_slice(&rendered.body).unwrap()
    }

    #[test]
    fn the_nested_body_has_what_the_guide_prints_and_the_rest_beside_it() {
        let body = body(&Nested, HEARD);
        assert_eq!(body["session_id"], "1234567890");
        let printed = json!({
            "id": "3EB0BEDDE45EF384377BD7",
            "from": "6281381393739@s.whatsapp.net",
            "to": "6282260790996@s.whatsapp.net",
            "message": "Hello!",
            "timestamp": 1_643_682_600,
        });
        for (name, value) in printed.as_object().unwrap() {
            assert_eq!(&body["message"][name], value, "{name}");
        }
        assert_eq!(
            (&body["event"], &body["text"]),
            (&json!("message"), &json!("Hello!"))
        );
    }

    #[test]
    fn the_flat_body_has_the_text_where_the_nested_one_has_an_object() {
        let body = body(&Flat, HEARD);
        assert_eq!(body["message"], "Hello!");
        assert_eq!(body["timestamp"], "2022-02-01T02:30:00.000Z");
        assert_eq!(body.get("group_id"), None);
    }

    #[test]
    fn what_the_account_wrote_itself_is_not_told_nor_is_any_other_event() {
        let own = HEARD.replace("\"from_me\":false", "\"from_me\":true");
        assert!(Nested.render(&told(&own)).unwrap().is_none());
        let other = Told {
            event_type: "qr",
            ..told("{}")
        };
        assert!(Flat.render(&other).unwrap().is_none());
        assert!(Nested.render(&told("[]")).is_err());
    }
}
