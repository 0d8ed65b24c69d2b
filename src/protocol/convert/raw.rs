//! A whole message as JSON, for kinds that this version does not type.
//!
//! Names as in the protobuf in snake case, bytes in base64, what is not set left out.

use std::io;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize as _;
use serde_json::{
    Map, Serializer, Value,
    ser::{CharEscape, Formatter},
};
use waproto::whatsapp as wa;

/// A value within more values than this is left out: parsers of JSON, ours too, go no deeper than twice that.
const DEEPEST: usize = 64;

/// What stands in messages and is nothing that anybody wrote.
const NOT_CONTENT: [&str; 23] = [
    "call",
    "chat",
    "device_sent_message",
    "enc_comment_message",
    "enc_event_response_message",
    "enc_reaction_message",
    "fast_ratchet_key_sender_key_distribution_message",
    "group_root_key_share",
    "keep_in_chat_message",
    "message_context_info",
    "message_history_bundle",
    "message_history_notice",
    "pin_in_chat_message",
    "placeholder_message",
    "poll_add_option_message",
    "poll_update_message",
    "protocol_message",
    "reaction_message",
    "root_secret_distribute_message",
    "secret_encrypted_message",
    "sender_key_distribution_message",
    "sticker_sync_rmr_message",
    "bot_task_message",
];

/// The name of what is set in `message`, and the message without what nobody wrote; none if nothing is left.
pub(super) fn raw(message: &wa::Message) -> Option<(String, Value)> {
    let mut json = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut json, Base64::default());
    message.serialize(&mut serializer).ok()?;
    let mut value: Map<String, Value> = serde_json::from_slice(&json).ok()?;
    value.retain(|name, _| !NOT_CONTENT.contains(&name.as_str()));
    let mut value = Value::Object(value);
    prune(&mut value);
    let kind = value.as_object()?.keys().next()?.clone();
    if is_deeper(&value, DEEPEST) {
        value = Value::Null;
    }
    Some((kind, value))
}

fn is_deeper(value: &Value, most: usize) -> bool {
    let Some(most) = most.checked_sub(1) else {
        return true;
    };
    match value {
        Value::Object(fields) => fields.values().any(|field| is_deeper(field, most)),
        Value::Array(items) => items.iter().any(|item| is_deeper(item, most)),
        _ => false,
    }
}

/// Takes away what is not set. An object that is set and empty stays.
fn prune(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| {
                !field.is_null() && field.as_array().is_none_or(|items| !items.is_empty())
            });
            fields.values_mut().for_each(prune);
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

/// Writes a list of bytes as a text in base64. Bytes are the only `u8` in a message.
#[derive(Debug, Default)]
struct Base64 {
    /// A list has begun, and nobody knows yet of what.
    list: bool,
    bytes: Option<Vec<u8>>,
}

impl Base64 {
    /// It is no list of bytes.
    fn settle<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if std::mem::take(&mut self.list) {
            writer.write_all(b"[")?;
        }
        Ok(())
    }
}

macro_rules! settled {
    ($($name:ident: $kind:ty),+ $(,)?) => {
        $(
            fn $name<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: $kind) -> io::Result<()> {
                self.settle(writer)?;
                write!(writer, "{value}")
            }
        )+
    };
}

impl Formatter for Base64 {
    settled!(write_bool: bool, write_i32: i32, write_i64: i64, write_u32: u32, write_u64: u64, write_f32: f32, write_f64: f64);

    fn write_null<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.settle(writer)?;
        writer.write_all(b"null")
    }

    fn write_u8<W: ?Sized + io::Write>(&mut self, _: &mut W, value: u8) -> io::Result<()> {
        self.list = false;
        self.bytes.get_or_insert_default().push(value);
        Ok(())
    }

    fn begin_string<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.settle(writer)?;
        writer.write_all(b"\"")
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.settle(writer)?;
        writer.write_all(b"{")
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.settle(writer)?;
        self.list = true;
        Ok(())
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first || self.bytes.is_some() {
            return Ok(());
        }
        writer.write_all(b",")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if let Some(bytes) = self.bytes.take() {
            return write!(writer, "\"{}\"", STANDARD.encode(bytes));
        }
        self.settle(writer)?;
        writer.write_all(b"]")
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}

#[cfg(test)]
mod tests {
    use buffa::MessageField;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_set_is_there_whole_and_nothing_else() {
        let message = wa::Message {
            sticker_message: MessageField::some(wa::message::StickerMessage {
                url: Some("a \"b\"\n".to_owned()),
                file_sha256: Some(vec![0, 1, 255]),
                height: Some(64),
                is_animated: Some(true),
                context_info: MessageField::some(wa::ContextInfo {
                    mentioned_jid: vec!["1@lid".to_owned(), "2@lid".to_owned()],
                    ..Default::default()
                }),
                ..Default::default()
            }),
            message_context_info: MessageField::some(wa::MessageContextInfo {
                message_secret: Some(vec![7; 32]),
                ..Default::default()
            }),
            ..Default::default()
        };
        let (kind, value) = raw(&message).unwrap();
        assert_eq!(kind, "sticker_message");
        let sticker = json!({"sticker_message": {
            "url": "a \"b\"\n", "file_sha256": "AAH/", "height": 64, "is_animated": true,
            "context_info": {"mentioned_jid": ["1@lid", "2@lid"]},
        }});
        assert_eq!(value, sticker);
    }

    #[test]
    fn what_lies_too_deep_is_named_and_left_out() {
        let mut deep = wa::Message {
            conversation: Some("here".to_owned()),
            ..Default::default()
        };
        for _ in 0..40 {
            let quoting = wa::ContextInfo {
                quoted_message: MessageField::some(deep),
                ..Default::default()
            };
            deep = wa::Message {
                product_message: MessageField::some(wa::message::ProductMessage {
                    context_info: MessageField::some(quoting),
                    ..Default::default()
                }),
                ..Default::default()
            };
        }
        assert!(is_deeper(&json!([[[]]]), 2) && !is_deeper(&json!([[1]]), 3));
        assert_eq!(
            raw(&deep),
            Some(("product_message".to_owned(), Value::Null))
        );
    }

    #[test]
    fn what_nobody_wrote_is_nothing() {
        let message = wa::Message {
            protocol_message: MessageField::some(wa::message::ProtocolMessage::default()),
            sender_key_distribution_message: MessageField::some(
                wa::message::SenderKeyDistributionMessage::default(),
            ),
            ..Default::default()
        };
        assert_eq!(raw(&message), None);
    }
}
