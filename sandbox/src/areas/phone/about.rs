//! What a person writes about another message: votes, reactions, edits, deletions.

use buffa::MessageField;
use serde::Deserialize;
use wacore::poll::{compute_option_hash, encrypt_poll_vote_with_secret};
use waproto::whatsapp as wa;

use super::content::{DraftFault, key_of, known, text_message};
use super::log::Entry;
use super::view;
use crate::areas::groups;
use crate::areas::messages::Chat;
use crate::jids::Pn;
use crate::world::World;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vote {
    message_id: String,
    options: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reaction {
    message_id: String,
    emoji: String,
}

impl Reaction {
    pub(super) fn message_id(&self) -> &str {
        &self.message_id
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    message_id: String,
    text: Option<String>,
    /// What is written below a file instead.
    caption: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Revoke {
    message_id: String,
}

pub(super) fn vote_message(
    world: &World,
    writer: Pn,
    chat: &Chat,
    vote: &Vote,
) -> Result<wa::Message, DraftFault> {
    let entry = known(world, writer, &vote.message_id)?;
    let no_poll = || DraftFault::NoPoll(vote.message_id.clone());
    let poll_message = entry.message();
    let names = view::poll_options(&poll_message).ok_or_else(no_poll)?;
    if let Some(missing) = vote.options.iter().find(|option| !names.contains(option)) {
        return Err(DraftFault::NoOption(missing.clone()));
    }
    let secret = view::secret(&poll_message).ok_or_else(no_poll)?;
    let hashes: Vec<Vec<u8>> = vote
        .options
        .iter()
        .map(|name| compute_option_hash(name).to_vec())
        .collect();
    let creator = world.lid_jid(entry.from.pn.phone()).to_string();
    let voter = world.lid_jid(writer.phone()).to_string();
    let (payload, iv) =
        encrypt_poll_vote_with_secret(&hashes, &secret, &entry.id, &creator, &voter)
            .map_err(|_| no_poll())?;
    Ok(wa::Message {
        poll_update_message: MessageField::some(wa::message::PollUpdateMessage {
            poll_creation_message_key: MessageField::some(key_of(world, writer, chat, &entry)),
            vote: MessageField::some(wa::message::PollEncValue {
                enc_payload: Some(payload),
                enc_iv: Some(iv.to_vec()),
            }),
            sender_timestamp_ms: i64::try_from(world.now_ms).ok(),
            ..Default::default()
        }),
        ..Default::default()
    })
}

pub(super) fn reaction_message(
    world: &World,
    writer: Pn,
    chat: &Chat,
    reaction: &Reaction,
) -> Result<wa::Message, DraftFault> {
    let entry = known(world, writer, &reaction.message_id)?;
    Ok(wa::Message {
        reaction_message: MessageField::some(wa::message::ReactionMessage {
            key: MessageField::some(key_of(world, writer, chat, &entry)),
            text: Some(reaction.emoji.clone()),
            sender_timestamp_ms: i64::try_from(world.now_ms).ok(),
            ..Default::default()
        }),
        ..Default::default()
    })
}

pub(super) fn edit_message(
    world: &World,
    writer: Pn,
    chat: &Chat,
    edit: &Edit,
) -> Result<wa::Message, DraftFault> {
    use wa::message::protocol_message::Type;
    let entry = own(world, writer, &edit.message_id)?;
    let edited = match (&edit.text, &edit.caption) {
        (Some(text), None) => text_message(text, None),
        (None, Some(caption)) => captioned(&entry, caption)?,
        _ => return Err(DraftFault::NoWording),
    };
    Ok(protocol(wa::message::ProtocolMessage {
        key: MessageField::some(key_of(world, writer, chat, &entry)),
        r#type: Some(Type::MESSAGE_EDIT),
        edited_message: MessageField::some(edited),
        timestamp_ms: i64::try_from(world.now_ms).ok(),
        ..Default::default()
    }))
}

/// The whole message once more, with another caption, as phones send it.
fn captioned(entry: &Entry, caption: &str) -> Result<wa::Message, DraftFault> {
    let message = entry.message();
    let mut edited = view::unwrap(&message).clone();
    edited.message_context_info.take();
    let place = if let Some(image) = edited.image_message.as_option_mut() {
        &mut image.caption
    } else if let Some(video) = edited.video_message.as_option_mut() {
        &mut video.caption
    } else if let Some(document) = edited.document_message.as_option_mut() {
        &mut document.caption
    } else {
        return Err(DraftFault::NoWording);
    };
    *place = Some(caption.to_owned());
    Ok(edited)
}

pub(super) fn revoke_message(
    world: &World,
    writer: Pn,
    chat: &Chat,
    revoke: &Revoke,
) -> Result<wa::Message, DraftFault> {
    use wa::message::protocol_message::Type;
    let entry = known(world, writer, &revoke.message_id)?;
    // In a group an admin deletes what others wrote.
    let is_admin = matches!(chat, Chat::Group(group) if groups::is_admin(world, group, writer));
    if entry.from.pn != writer && !is_admin {
        return Err(DraftFault::NotTheWriter);
    }
    Ok(protocol(wa::message::ProtocolMessage {
        key: MessageField::some(key_of(world, writer, chat, &entry)),
        r#type: Some(Type::REVOKE),
        ..Default::default()
    }))
}

/// What is written in the chat of two disappears from now on.
pub(super) fn timer_message(world: &World, seconds: u32) -> wa::Message {
    use wa::message::protocol_message::Type;
    protocol(wa::message::ProtocolMessage {
        r#type: Some(Type::EPHEMERAL_SETTING),
        ephemeral_expiration: Some(seconds),
        ephemeral_setting_timestamp: i64::try_from(world.now_s()).ok(),
        ..Default::default()
    })
}

fn own(world: &World, writer: Pn, id: &str) -> Result<Entry, DraftFault> {
    let entry = known(world, writer, id)?;
    if entry.from.pn == writer {
        Ok(entry)
    } else {
        Err(DraftFault::NotTheWriter)
    }
}

fn protocol(message: wa::message::ProtocolMessage) -> wa::Message {
    wa::Message {
        protocol_message: MessageField::some(message),
        ..Default::default()
    }
}
