//! What a person can write: the body of `POST …/messages` as a WhatsApp message.

use buffa::MessageField;
use serde::Deserialize;
use wacore::poll::{compute_option_hash, encrypt_poll_vote_with_secret};
use waproto::whatsapp as wa;

use super::log::Entry;
use super::view;
use crate::areas::media::{Attachment, File, Kind};
use crate::areas::messages::Chat;
use crate::jids::Pn;
use crate::world::World;

/// The body. Exactly one kind must be present.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    pub(super) to: String,
    text: Option<String>,
    location: Option<Location>,
    contact: Option<Contact>,
    poll: Option<Poll>,
    image: Option<File>,
    video: Option<File>,
    audio: Option<File>,
    voice: Option<File>,
    document: Option<File>,
    sticker: Option<File>,
    vote: Option<Vote>,
    reaction: Option<Reaction>,
    edit: Option<Edit>,
    revoke: Option<Revoke>,
    reply_to: Option<String>,
    #[serde(default)]
    mentions: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Location {
    latitude: f64,
    longitude: f64,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contact {
    name: String,
    phone: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Poll {
    name: String,
    options: Vec<String>,
    #[serde(default)]
    multi: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vote {
    message_id: String,
    options: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reaction {
    message_id: String,
    emoji: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    message_id: String,
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    message_id: String,
}

/// Why a draft is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DraftFault {
    #[error("give exactly one kind of content; this has {0}")]
    OneKind(usize),
    #[error("this phone knows no message {0}")]
    UnknownMessage(String),
    #[error("only the writer can edit or revoke a message")]
    NotTheWriter,
    #[error("the message {0} is no poll")]
    NoPoll(String),
    #[error("the poll has no option {0:?}")]
    NoOption(String),
    #[error("a poll has 2 to 12 options")]
    OptionCount,
    #[error("{0:?} is no number")]
    BadNumber(String),
}

impl Draft {
    /// The message that this draft becomes on the phone of `writer`.
    pub(super) fn message(
        &self,
        world: &mut World,
        writer: Pn,
        chat: &Chat,
        attachment: Option<&Attachment>,
    ) -> Result<wa::Message, DraftFault> {
        let kinds = [
            self.text.is_some(),
            self.location.is_some(),
            self.contact.is_some(),
            self.poll.is_some(),
            self.vote.is_some(),
            self.reaction.is_some(),
            self.edit.is_some(),
            self.revoke.is_some(),
        ];
        let count = kinds.into_iter().filter(|kind| *kind).count() + self.files().count();
        if count != 1 {
            return Err(DraftFault::OneKind(count));
        }
        let context = self.context(world, writer)?;
        let mut message = if let Some(text) = &self.text {
            text_message(text, context)
        } else if let Some(location) = &self.location {
            location_message(location, context)
        } else if let Some(contact) = &self.contact {
            contact_message(contact, context)
        } else if let Some(poll) = &self.poll {
            poll_message(poll, context)?
        } else if let Some(attachment) = attachment {
            attachment.message(field(context))
        } else if let Some(vote) = &self.vote {
            vote_message(world, writer, chat, vote)?
        } else if let Some(reaction) = &self.reaction {
            reaction_message(world, writer, chat, reaction)?
        } else if let Some(edit) = &self.edit {
            edit_message(world, writer, chat, edit)?
        } else if let Some(revoke) = &self.revoke {
            revoke_message(world, writer, chat, revoke)?
        } else {
            return Err(DraftFault::OneKind(0));
        };
        if !message.protocol_message.is_set() {
            message.message_context_info = MessageField::some(wa::MessageContextInfo {
                message_secret: Some(world.random::<32>().to_vec()),
                ..Default::default()
            });
        }
        Ok(message)
    }

    /// The file of this draft, to be put on the server before the message is made. None if there is no file, or more
    /// than one: then the draft is no message anyway.
    pub(super) fn file(&self) -> Option<(Kind, &File)> {
        let mut files = self.files();
        files.next().filter(|_| files.next().is_none())
    }

    fn files(&self) -> impl Iterator<Item = (Kind, &File)> {
        let files = [
            (Kind::Image, &self.image),
            (Kind::Video, &self.video),
            (Kind::Audio, &self.audio),
            (Kind::Voice, &self.voice),
            (Kind::Document, &self.document),
            (Kind::Sticker, &self.sticker),
        ];
        files
            .into_iter()
            .filter_map(|(kind, file)| Some((kind, file.as_ref()?)))
    }

    /// Quote and mentions.
    fn context(
        &self,
        world: &mut World,
        writer: Pn,
    ) -> Result<Option<wa::ContextInfo>, DraftFault> {
        if self.reply_to.is_none() && self.mentions.is_empty() {
            return Ok(None);
        }
        let mut context = wa::ContextInfo::default();
        for mention in &self.mentions {
            let pn = Pn::parse(mention).filter(|pn| world.person(*pn).is_some());
            let pn = pn.ok_or_else(|| DraftFault::BadNumber(mention.clone()))?;
            context
                .mentioned_jid
                .push(world.lid_jid(pn.phone()).to_string());
        }
        if let Some(id) = &self.reply_to {
            let quoted = known(world, writer, id)?;
            context.stanza_id = Some(quoted.id.clone());
            context.participant = Some(world.lid_jid(quoted.from.pn.phone()).to_string());
            let mut original = quoted.message();
            original.message_context_info.take();
            context.quoted_message = MessageField::some(original);
        }
        Ok(Some(context))
    }
}

fn field(context: Option<wa::ContextInfo>) -> MessageField<wa::ContextInfo> {
    context.map(MessageField::some).unwrap_or_default()
}

fn known(world: &World, writer: Pn, id: &str) -> Result<Entry, DraftFault> {
    let entry = world.areas.phone.log.find(writer, id).cloned();
    entry.ok_or_else(|| DraftFault::UnknownMessage(id.to_owned()))
}

/// Names a message the way the writer's phone does.
fn key_of(world: &World, writer: Pn, chat: &Chat, entry: &Entry) -> wa::MessageKey {
    let author = world.lid_jid(entry.from.pn.phone()).to_string();
    let (remote, participant) = match chat {
        Chat::Person(pn) => (world.lid_jid(pn.phone()).to_string(), None),
        Chat::Group(group) => (group.to_string(), Some(author)),
    };
    wa::MessageKey {
        remote_jid: Some(remote),
        from_me: Some(entry.from.pn == writer),
        id: Some(entry.id.clone()),
        participant,
    }
}

fn text_message(text: &str, context: Option<wa::ContextInfo>) -> wa::Message {
    match context {
        None => wa::Message {
            conversation: Some(text.to_owned()),
            ..Default::default()
        },
        context => wa::Message {
            extended_text_message: MessageField::some(wa::message::ExtendedTextMessage {
                text: Some(text.to_owned()),
                context_info: field(context),
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}

fn location_message(location: &Location, context: Option<wa::ContextInfo>) -> wa::Message {
    wa::Message {
        location_message: MessageField::some(wa::message::LocationMessage {
            degrees_latitude: Some(location.latitude),
            degrees_longitude: Some(location.longitude),
            name: location.name.clone(),
            context_info: field(context),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn contact_message(contact: &Contact, context: Option<wa::ContextInfo>) -> wa::Message {
    let digits = contact.phone.trim_start_matches('+');
    let name = &contact.name;
    let vcard = format!(
        "BEGIN:VCARD\nVERSION:3.0\nN:;{name};;;\nFN:{name}\n\
         TEL;type=CELL;waid={digits}:+{digits}\nEND:VCARD"
    );
    wa::Message {
        contact_message: MessageField::some(wa::message::ContactMessage {
            display_name: Some(name.clone()),
            vcard: Some(vcard),
            context_info: field(context),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn poll_message(poll: &Poll, context: Option<wa::ContextInfo>) -> Result<wa::Message, DraftFault> {
    if !(2..=12).contains(&poll.options.len()) {
        return Err(DraftFault::OptionCount);
    }
    let option = |name: &String| wa::message::poll_creation_message::Option {
        option_name: Some(name.clone()),
        ..Default::default()
    };
    let creation = MessageField::some(wa::message::PollCreationMessage {
        name: Some(poll.name.clone()),
        options: poll.options.iter().map(option).collect(),
        selectable_options_count: Some(u32::from(!poll.multi)),
        context_info: field(context),
        ..Default::default()
    });
    // Phones write polls with one choice as version 3 and the others as version 1.
    let mut message = wa::Message::default();
    if poll.multi {
        message.poll_creation_message = creation;
    } else {
        message.poll_creation_message_v3 = creation;
    }
    Ok(message)
}

fn vote_message(
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

fn reaction_message(
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

fn edit_message(
    world: &World,
    writer: Pn,
    chat: &Chat,
    edit: &Edit,
) -> Result<wa::Message, DraftFault> {
    use wa::message::protocol_message::Type;
    let entry = own(world, writer, &edit.message_id)?;
    let edited = text_message(&edit.text, None);
    Ok(protocol(wa::message::ProtocolMessage {
        key: MessageField::some(key_of(world, writer, chat, &entry)),
        r#type: Some(Type::MESSAGE_EDIT),
        edited_message: MessageField::some(edited),
        timestamp_ms: i64::try_from(world.now_ms).ok(),
        ..Default::default()
    }))
}

fn revoke_message(
    world: &World,
    writer: Pn,
    chat: &Chat,
    revoke: &Revoke,
) -> Result<wa::Message, DraftFault> {
    use wa::message::protocol_message::Type;
    let entry = own(world, writer, &revoke.message_id)?;
    Ok(protocol(wa::message::ProtocolMessage {
        key: MessageField::some(key_of(world, writer, chat, &entry)),
        r#type: Some(Type::REVOKE),
        ..Default::default()
    }))
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
