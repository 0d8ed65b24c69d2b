//! What is sent about another message: reactions, edits, deletions, votes, answers to events.

use buffa::MessageField;
use wacore::{
    poll::{compute_option_hash, encrypt_poll_vote_with_secret},
    proto_helpers::build_keep_in_chat_message,
};
use waproto::whatsapp as wa;

use super::outgoing::{Payload, address, built, with_file};
use crate::domain::{
    address::{ChatKind, Party},
    message::{Content, Message, Reference},
};

/// Who writes about a message, and when.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// This account.
    pub own: &'a Party,
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// The secret of the message it is about, for a vote.
    pub secret: Option<&'a [u8]>,
    /// Where WhatsApp has the file of the message it is about, for an edit.
    pub file: Option<&'a Reference>,
}

/// `content` about `target` as it is sent; none for content that is about nothing, or a vote without the secret of
/// its poll.
pub fn compose_about(content: &Content, target: &Message, writer: Writer<'_>) -> Option<Payload> {
    let key = key(target);
    let mut made = wa::Message::default();
    match content {
        Content::Reaction { reaction } => {
            made.reaction_message = MessageField::some(wa::message::ReactionMessage {
                key: MessageField::some(key),
                text: Some(reaction.emoji.clone()),
                sender_timestamp_ms: Some(writer.now_ms),
                ..Default::default()
            });
        }
        Content::Edit { edit } => {
            use wa::message::protocol_message::Type;
            let mut edited = target.content.clone();
            if !edited.reword(edit) {
                return None;
            }
            let edited = built(&edited).or_else(|| with_file(&edited, writer.file, false));
            made.protocol_message = MessageField::some(wa::message::ProtocolMessage {
                key: MessageField::some(key),
                r#type: Some(Type::MESSAGE_EDIT),
                edited_message: MessageField::some(edited?),
                timestamp_ms: Some(writer.now_ms),
                ..Default::default()
            });
        }
        Content::Revoke { .. } => {
            use wa::message::protocol_message::Type;
            // Whose message it is: only an admin's deletion says so.
            let participant = key.participant.clone().filter(|_| !target.from_me);
            made.protocol_message = MessageField::some(wa::message::ProtocolMessage {
                key: MessageField::some(wa::MessageKey { participant, ..key }),
                r#type: Some(Type::REVOKE),
                ..Default::default()
            });
        }
        Content::Vote { vote } => {
            let chosen = vote.options.as_deref().unwrap_or_default();
            let (enc_payload, iv) = sealed_vote(chosen, target, writer)?;
            made.poll_update_message = MessageField::some(wa::message::PollUpdateMessage {
                poll_creation_message_key: MessageField::some(key),
                vote: MessageField::some(wa::message::PollEncValue {
                    enc_payload: Some(enc_payload),
                    enc_iv: Some(iv),
                }),
                sender_timestamp_ms: Some(writer.now_ms),
                ..Default::default()
            });
        }
        Content::Pin { pin } => {
            use wa::message::pin_in_chat_message::Type;
            let kind = if pin.pinned {
                Type::PIN_FOR_ALL
            } else {
                Type::UNPIN_FOR_ALL
            };
            made.pin_in_chat_message = MessageField::some(wa::message::PinInChatMessage {
                key: MessageField::some(key),
                r#type: Some(kind),
                sender_timestamp_ms: Some(writer.now_ms),
            });
            made.message_context_info = MessageField::some(wa::MessageContextInfo {
                message_add_on_duration_in_secs: Some(pin.expires_in_s.unwrap_or_default()),
                ..Default::default()
            });
        }
        Content::Keep { keep } => {
            made = build_keep_in_chat_message(key, keep.kept, writer.now_ms);
        }
        _ => return None,
    }
    if target.chat.kind == ChatKind::Newsletter {
        // In a channel a reaction names a post by its number, and is not sent as a message.
        let key = made.reaction_message.as_option_mut()?.key.as_option_mut()?;
        key.id = Some(target.context.server_id?.to_string());
        return Some(Payload::post(&made, None));
    }
    Some(Payload::of(&made))
}

/// Names a message the way a phone does.
fn key(target: &Message) -> wa::MessageKey {
    let names_writer = matches!(target.chat.kind, ChatKind::Group | ChatKind::Status);
    wa::MessageKey {
        remote_jid: Some(address(&target.chat.party)),
        from_me: Some(target.from_me),
        id: Some(target.message_id.clone()),
        participant: names_writer.then(|| address(&target.sender)),
    }
}

/// Both must be named alike: by lids where both have one.
fn sealed_vote(
    chosen: &[String],
    poll: &Message,
    writer: Writer<'_>,
) -> Option<(Vec<u8>, Vec<u8>)> {
    let hashes: Vec<Vec<u8>> = chosen
        .iter()
        .map(|name| compute_option_hash(name).to_vec())
        .collect();
    let (creator, voter) = match (&poll.sender.lid, &writer.own.lid) {
        (Some(creator), Some(voter)) => (creator, voter),
        _ => (&poll.sender.id, &writer.own.id),
    };
    let id = &poll.message_id;
    let sealed = encrypt_poll_vote_with_secret(&hashes, writer.secret?, id, creator, voter);
    let (payload, iv) = sealed.ok()?;
    Some((payload, iv.to_vec()))
}
