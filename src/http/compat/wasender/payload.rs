//! The bodies of this dialect's webhooks: `{"event","timestamp","sessionId","data"}`.
//!
//! Owns what each name tells, and when it is tried again. A name that has nothing to say of an event passes it over.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use self::around::{call, chat, contact, group, participants};
use super::{
    content::{self, words},
    dto::jid,
    logs::state_of,
    messages::status_number,
};
use crate::{
    domain::{
        address::ChatKind,
        clock::from_rfc3339,
        event::{AckData, QrData, ReasonData, ReceiptData},
        message::{Ack, Content, Message},
        session::Reason,
    },
    service::webhooks::{Render, RenderError, Rendered, Schedule, Told},
};

mod around;

/// Three attempts: at once, after a second, after four.
const SCHEDULE: Schedule = Schedule::exact(&[Duration::from_secs(1), Duration::from_secs(4)]);

/// The shape; its variants are the names of this dialect's events.
#[derive(Debug, Clone)]
pub(super) struct Wasender {
    /// Where people reach the service.
    base: String,
}

impl Wasender {
    pub(super) const fn new(base: String) -> Self {
        Self { base }
    }

    fn data(&self, told: &Told<'_>, session: &str) -> Result<Option<Value>, RenderError> {
        Ok(match told.variant {
            "messages.received" | "messages.recieved" => {
                let message: Message = read(told)?;
                (!message.from_me).then(|| json!({"messages": self.message(&message)}))
            }
            "messages-personal.received" => self.received(told, ChatKind::User)?,
            "messages-group.received" => self.received(told, ChatKind::Group)?,
            "messages-newsletter.received" => self.received(told, ChatKind::Newsletter)?,
            "messages.upsert" => {
                let message: Message = read(told)?;
                Some(json!({"messages": [self.message(&message)]}))
            }
            "session.status" => status(told, session)?,
            "qrcode.updated" => {
                let qr: QrData = read(told)?;
                Some(json!({"qr": qr.code, "session_id": session}))
            }
            "message.sent" => sent(&read(told)?),
            "messages.update" => Some(update(&read(told)?)),
            "message-receipt.update" => Some(receipt(&read(told)?)),
            "messages.delete" => {
                let message: Message = read(told)?;
                Some(json!({"keys": [key_of_target(&message)]}))
            }
            "messages.reaction" => {
                let message: Message = read(told)?;
                let Content::Reaction { reaction } = &message.content else {
                    return Ok(None);
                };
                Some(json!([{
                    "key": key_of_target(&message),
                    "reaction": {"text": reaction.emoji, "key": key(&message)},
                }]))
            }
            "chats.upsert" | "chats.update" | "chats.delete" => chat(told.variant, &read(told)?),
            "contacts.upsert" | "contacts.update" => contact(told.variant, &read(told)?),
            "groups.upsert" | "groups.update" => group(told.variant, &read(told)?),
            "group-participants.update" => participants(&read(told)?),
            "call" | "call.received" => Some(call(&read(told)?)),
            "poll.results" => {
                let message: Message = read(told)?;
                vote(&message)
            }
            _ => None,
        })
    }

    fn received(&self, told: &Told<'_>, kind: ChatKind) -> Result<Option<Value>, RenderError> {
        let message: Message = read(told)?;
        let is_meant = !message.from_me && message.chat.kind == kind;
        Ok(is_meant.then(|| json!({"messages": self.message(&message)})))
    }

    fn message(&self, message: &Message) -> Value {
        let at = from_rfc3339(&message.timestamp).unwrap_or_default();
        json!({
            "key": key(message),
            "messageBody": words(&message.content),
            "message": content::of(message, &self.base),
            "pushName": message.push_name,
            "messageTimestamp": at.div_euclid(1000),
        })
    }
}

impl Render for Wasender {
    fn render(&self, told: &Told<'_>) -> Result<Option<Rendered>, RenderError> {
        let number = told.who.and_then(|who| who.number);
        let session = number.unwrap_or_default().to_string();
        let Some(data) = self.data(told, &session)? else {
            return Ok(None);
        };
        let body = json!({
            "event": told.variant,
            "timestamp": told.at_ms.div_euclid(1000),
            "sessionId": session,
            "data": data,
        });
        let mut headers = HeaderMap::with_capacity(1);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Some(Rendered {
            body: Bytes::from(serde_json::to_vec(&body)?),
            headers,
        }))
    }

    fn schedule(&self, _: &str) -> Schedule {
        SCHEDULE
    }
}

fn read<T: DeserializeOwned>(told: &Told<'_>) -> Result<T, RenderError> {
    Ok(serde_json::from_str(told.payload)?)
}

/// What names a message, with the numbers of whoever wrote it.
fn key(message: &Message) -> Value {
    let mut key = Map::new();
    let mut put = |name: &str, value: Value| key.insert(name.to_owned(), value);
    let sender = &message.sender;
    let pn = sender
        .phone
        .as_ref()
        .map(|digits| format!("{digits}@s.whatsapp.net"));
    put("id", message.message_id.clone().into());
    put("fromMe", message.from_me.into());
    put("remoteJid", jid(&message.chat.party).into());
    if message.chat.kind == ChatKind::Group {
        put("participant", jid(sender).into());
        put("participantPn", pn.into());
        put("cleanedParticipantPn", sender.phone.clone().into());
        put("participantLid", sender.lid.clone().into());
    }
    let mode = if sender.phone.is_some() { "pn" } else { "lid" };
    put("addressingMode", mode.into());
    let pn = sender
        .phone
        .as_ref()
        .map(|digits| format!("{digits}@s.whatsapp.net"));
    put("senderPn", pn.into());
    put("cleanedSenderPn", sender.phone.clone().into());
    put("senderLid", sender.lid.clone().into());
    Value::Object(key)
}

/// What names the message that `message` is about.
fn key_of_target(message: &Message) -> Value {
    json!({
        "id": message.content.target(),
        "remoteJid": jid(&message.chat.party),
        "fromMe": message.from_me,
        "participant": (message.chat.kind == ChatKind::Group).then(|| jid(&message.sender)),
    })
}

fn key_of_ack(ack: &AckData) -> Value {
    json!({"id": ack.message_id, "fromMe": true, "remoteJid": ack.chat})
}

fn sent(ack: &AckData) -> Option<Value> {
    (ack.ack_name == Ack::Server).then(|| {
        json!({
            "key": key_of_ack(ack),
            "message": {},
            "status": "sent",
        })
    })
}

fn update(ack: &AckData) -> Value {
    let status = status_number(ack.ack_name);
    json!({"update": {"status": status}, "key": key_of_ack(ack)})
}

/// How far one member of a group is with a message.
fn receipt(receipt: &ReceiptData) -> Value {
    let at = from_rfc3339(&receipt.timestamp).unwrap_or_default();
    let (member, seconds) = (jid(&receipt.by), at.div_euclid(1000));
    let mut told = json!({"userJid": member, "receiptTimestamp": seconds});
    match receipt.ack_name {
        Ack::Read => told["readTimestamp"] = seconds.into(),
        Ack::Played => told["playedTimestamp"] = seconds.into(),
        _ => {}
    }
    json!({"message": {
        "key": {
            "id": receipt.message_id,
            "fromMe": true,
            "remoteJid": receipt.chat,
            "participant": member,
        },
        "receipt": told,
    }})
}

/// The state that an event leads to; only the first code of a pairing changes it.
fn status(told: &Told<'_>, session: &str) -> Result<Option<Value>, RenderError> {
    let mut state = state_of(told.event_type);
    let mut reason = None;
    match told.event_type {
        "qr" => {
            let qr: QrData = read(told)?;
            if qr.index > 1 {
                return Ok(None);
            }
        }
        "disconnected" | "logged_out" | "degraded" | "qr_timeout" => {
            let data: ReasonData = read(told)?;
            if told.event_type == "logged_out" && data.reason == Reason::Requested {
                state = "disconnected";
            }
            reason = Some(data.reason);
        }
        _ => {}
    }
    let mut body = json!({"status": state, "session_id": session});
    if let Some(reason) = reason {
        body["reason"] = reason.as_str().into();
    }
    Ok(Some(body))
}

/// What one person chose; none of a vote that could not be read.
fn vote(message: &Message) -> Option<Value> {
    let Content::Vote { vote } = &message.content else {
        return None;
    };
    let voter = jid(&message.sender);
    let results: Vec<Value> = vote
        .options
        .as_ref()?
        .iter()
        .map(|option| json!({"name": option, "voters": [voter]}))
        .collect();
    Some(json!({"key": key_of_target(message), "pollResult": results}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::webhooks::Who;

    const HEARD: &str = r#"{"message_id":"3EB0","chat":{"id":"491700000202@s.whatsapp.net","phone":"491700000202","lid":"77@lid","kind":"user"},
        "sender":{"id":"491700000202@s.whatsapp.net","phone":"491700000202","lid":"77@lid"},"from_me":false,"push_name":"Ann",
        "timestamp":"2022-02-01T02:30:00.000Z","type":"text","text":{"body":"Hello!"}}"#;

    fn told<'a>(variant: &'a str, event_type: &'a str, payload: &'a str) -> Told<'a> {
        Told {
            event_type,
            session: Some("ses_1"),
            seq: 1,
            at_ms: 1_643_682_600_120,
            payload,
            shape: "wasender",
            variant,
            who: Some(Who {
                handle: "h",
                phone: None,
                number: Some(7),
            }),
        }
    }

    fn body(variant: &str, event_type: &str, payload: &str) -> Option<Value> {
        let shape = Wasender::new("http://w".to_owned());
        let rendered = shape.render(&told(variant, event_type, payload)).unwrap();
        rendered.map(|rendered| serde_json::from_slice(&rendered.body).unwrap())
    }

    #[test]
    fn a_message_is_an_object_under_one_name_and_a_list_under_the_other() {
        let received = body("messages.received", "message", HEARD).unwrap();
        assert_eq!(received["event"], "messages.received");
        assert_eq!(
            (&received["sessionId"], &received["timestamp"]),
            (&json!("7"), &json!(1_643_682_600))
        );
        let message = &received["data"]["messages"];
        assert_eq!(message["messageBody"], "Hello!");
        assert_eq!(message["message"], json!({"conversation": "Hello!"}));
        assert_eq!(message["key"]["cleanedSenderPn"], "491700000202");
        assert_eq!(message["key"]["remoteJid"], "491700000202@s.whatsapp.net");
        let upsert = body("messages.upsert", "message", HEARD).unwrap();
        assert_eq!(&upsert["data"]["messages"][0], message);
        assert!(body("messages-personal.received", "message", HEARD).is_some());
        assert_eq!(body("messages-group.received", "message", HEARD), None);
    }

    #[test]
    fn what_the_account_wrote_is_upserted_and_not_received() {
        let own = HEARD.replace("\"from_me\":false", "\"from_me\":true");
        assert_eq!(body("messages.received", "message", &own), None);
        assert!(body("messages.upsert", "message", &own).is_some());
    }

    #[test]
    fn the_first_code_is_a_state_and_each_is_a_code() {
        let qr = |index: u32| {
            format!(
                r#"{{"code":"2@x","image":"","expires_at":"2022-02-01T02:30:00Z","index":{index}}}"#
            )
        };
        let first = body("session.status", "qr", &qr(1)).unwrap();
        assert_eq!(
            first["data"],
            json!({"status": "need_scan", "session_id": "7"})
        );
        assert_eq!(body("session.status", "qr", &qr(2)), None);
        let second = body("qrcode.updated", "qr", &qr(2)).unwrap();
        assert_eq!(second["data"]["qr"], "2@x");
    }

    #[test]
    fn who_disconnects_is_told_disconnected_and_who_was_removed_is_told_why() {
        let gone = |reason: &str| {
            body(
                "session.status",
                "logged_out",
                &format!(r#"{{"reason":"{reason}"}}"#),
            )
            .unwrap()
        };
        assert_eq!(gone("requested")["data"]["status"], "disconnected");
        let removed = gone("device_removed");
        assert_eq!(removed["data"]["status"], "logged_out");
        assert_eq!(removed["data"]["reason"], "device_removed");
    }

    #[test]
    fn a_receipt_names_the_member_and_when() {
        let receipt = |name: &str| {
            let payload = format!(
                r#"{{"message_id":"A","chat":"12036304@g.us","by":{{"id":"491700000202@s.whatsapp.net","phone":"491700000202","lid":null}},
                "ack":3,"ack_name":"{name}","timestamp":"2022-02-01T02:30:00.000Z"}}"#
            );
            body("message-receipt.update", "message.receipt", &payload).unwrap()["data"].clone()
        };
        let member = "491700000202@s.whatsapp.net";
        let key =
            json!({"id": "A", "fromMe": true, "remoteJid": "12036304@g.us", "participant": member});
        let at = 1_643_682_600;
        assert_eq!(
            receipt("device"),
            json!({"message": {"key": key, "receipt": {"userJid": member, "receiptTimestamp": at}}})
        );
        assert_eq!(receipt("read")["message"]["receipt"]["readTimestamp"], at);
    }

    #[test]
    fn an_ack_is_a_number_and_that_of_the_server_is_a_sent_message() {
        let ack = |number: i16, name: &str| {
            format!(
                r#"{{"message_id":"A","chat":"1@s.whatsapp.net","ack":{number},"ack_name":"{name}"}}"#
            )
        };
        let read = body("messages.update", "message.ack", &ack(3, "read")).unwrap();
        assert_eq!(read["data"]["update"]["status"], 4);
        assert!(body("message.sent", "message.ack", &ack(1, "server")).is_some());
        assert_eq!(body("message.sent", "message.ack", &ack(3, "read")), None);
    }
}
