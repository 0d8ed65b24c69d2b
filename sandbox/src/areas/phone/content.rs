//! What a person can write: the body of `POST …/messages` as a WhatsApp message.

use buffa::MessageField;
use serde::Deserialize;
use waproto::whatsapp as wa;

use super::about;
use super::kinds;
use super::log::Entry;
use crate::areas::media::{Attachment, File, Kind};
use crate::areas::messages::Chat;
use crate::areas::status;
use crate::jids::Pn;
use crate::world::World;

/// The body. Exactly one kind must be present.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Draft {
    pub(super) to: String,
    /// Who gets it, when it is a status.
    #[serde(default)]
    pub(super) recipients: Vec<String>,
    text: Option<String>,
    location: Option<Location>,
    contact: Option<Contact>,
    contacts: Option<Vec<Contact>>,
    event: Option<kinds::Event>,
    answer: Option<kinds::Answer>,
    /// The bytes of a message, in base64.
    raw: Option<String>,
    poll: Option<Poll>,
    image: Option<File>,
    video: Option<File>,
    audio: Option<File>,
    voice: Option<File>,
    document: Option<File>,
    sticker: Option<File>,
    vote: Option<about::Vote>,
    reaction: Option<about::Reaction>,
    edit: Option<about::Edit>,
    revoke: Option<about::Revoke>,
    /// After how many seconds what is written in this chat disappears from now on.
    timer: Option<u32>,
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
pub(super) struct Contact {
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

/// Why a draft is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DraftFault {
    #[error("give exactly one kind of content; this has {0}")]
    OneKind(usize),
    #[error("this phone knows no message {0}")]
    UnknownMessage(String),
    #[error("only the writer can edit or revoke a message")]
    NotTheWriter,
    #[error("an edit has a text, or the caption of a file")]
    NoWording,
    #[error("the message {0} is no poll")]
    NoPoll(String),
    #[error("the poll has no option {0:?}")]
    NoOption(String),
    #[error("the message {0} is no event")]
    NoEvent(String),
    #[error("the bytes are no message")]
    BadBytes,
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
            self.contacts.is_some(),
            self.event.is_some(),
            self.answer.is_some(),
            self.raw.is_some(),
            self.poll.is_some(),
            self.vote.is_some(),
            self.reaction.is_some(),
            self.edit.is_some(),
            self.revoke.is_some(),
            self.timer.is_some(),
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
        } else if let Some(cards) = &self.contacts {
            kinds::contacts(cards, field(context))
        } else if let Some(event) = &self.event {
            kinds::event(event, field(context))
        } else if let Some(bytes) = &self.raw {
            kinds::raw(bytes)?
        } else if let Some(answer) = &self.answer {
            let entry = known(world, writer, &answer.message_id)?;
            let key = key_of(world, writer, chat, &entry);
            kinds::answer(world, writer, &entry, key, answer)?
        } else if let Some(poll) = &self.poll {
            poll_message(poll, context)?
        } else if let Some(attachment) = attachment {
            attachment.message(field(context))
        } else if let Some(vote) = &self.vote {
            about::vote_message(world, writer, chat, vote)?
        } else if let Some(reaction) = &self.reaction {
            about::reaction_message(world, writer, chat, reaction)?
        } else if let Some(edit) = &self.edit {
            about::edit_message(world, writer, chat, edit)?
        } else if let Some(revoke) = &self.revoke {
            about::revoke_message(world, writer, chat, revoke)?
        } else if let Some(seconds) = self.timer {
            about::timer_message(world, seconds)
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

    /// Who wrote the message that this draft reacts to.
    pub(super) fn reacts_to(&self, world: &World, writer: Pn) -> Option<Pn> {
        let reaction = self.reaction.as_ref()?;
        let entry = known(world, writer, reaction.message_id()).ok()?;
        Some(entry.from.pn)
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
            let posts = status::chat().to_string();
            context.remote_jid = (quoted.to == posts).then_some(posts);
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

pub(super) fn known(world: &World, writer: Pn, id: &str) -> Result<Entry, DraftFault> {
    let entry = world.areas.phone.log.find(writer, id).cloned();
    entry.ok_or_else(|| DraftFault::UnknownMessage(id.to_owned()))
}

/// Names a message the way the writer's phone does.
pub(super) fn key_of(world: &World, writer: Pn, chat: &Chat, entry: &Entry) -> wa::MessageKey {
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

pub(super) fn text_message(text: &str, context: Option<wa::ContextInfo>) -> wa::Message {
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
    wa::Message {
        contact_message: MessageField::some(wa::message::ContactMessage {
            context_info: field(context),
            ..card(contact)
        }),
        ..Default::default()
    }
}

pub(super) fn card(contact: &Contact) -> wa::message::ContactMessage {
    let digits = contact.phone.trim_start_matches('+');
    let name = &contact.name;
    let vcard = format!(
        "BEGIN:VCARD\nVERSION:3.0\nN:;{name};;;\nFN:{name}\n\
         TEL;type=CELL;waid={digits}:+{digits}\nEND:VCARD"
    );
    wa::message::ContactMessage {
        display_name: Some(name.clone()),
        vcard: Some(vcard),
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
