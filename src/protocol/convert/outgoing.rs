//! What is sent: messages of the domain as WhatsApp has them.
//!
//! Made once, when a message is taken: what is stored with it is sent, byte for byte, however often that takes.

use buffa::{Message as _, MessageField};
use wacore::poll::compute_option_hash;
use waproto::whatsapp as wa;

mod media;

pub(super) use self::media::built as with_file;
use super::vcard;
use crate::domain::{
    address::{Address, ChatKind, Party},
    clock::from_rfc3339,
    message::{Card, Contact, Content, Context, Location, Message, Occasion, Poll, Private},
};

/// The ground of a status text, and its ink on it: alpha, red, green, blue.
const STATUS_GROUND: u32 = 0xFF1E_6E4F;
const STATUS_INK: u32 = 0xFFFF_FFFF;

/// A message as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload(Vec<u8>);

impl Payload {
    pub(super) fn of(message: &wa::Message) -> Self {
        Self(message.encode_to_vec())
    }

    /// One that was stored.
    pub const fn from_stored(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// As it is stored.
    pub fn into_stored(self) -> Vec<u8> {
        self.0
    }

    /// A post of a channel: the name that WhatsApp has given its file stands before the message, after its length.
    pub(super) fn post(message: &wa::Message, handle: Option<&str>) -> Self {
        let handle = handle.unwrap_or_default();
        let (length, handle) = match u16::try_from(handle.len()) {
            Ok(length) => (length, handle),
            Err(_) => (0, ""),
        };
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend_from_slice(handle.as_bytes());
        bytes.extend(message.encode_to_vec());
        Self(bytes)
    }

    /// A post: what WhatsApp calls its file, and the message.
    pub(in crate::protocol) fn decode_post(&self) -> Option<(Option<String>, wa::Message)> {
        let (length, rest) = self.0.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (handle, message) = rest.split_at_checked(length)?;
        let handle = String::from_utf8(handle.to_vec()).ok()?;
        let message = wa::Message::decode_from_slice(message).ok()?;
        Some((Some(handle).filter(|handle| !handle.is_empty()), message))
    }

    pub(in crate::protocol) fn decode(&self) -> Option<wa::Message> {
        wa::Message::decode_from_slice(&self.0).ok()
    }
}

/// The message as it is sent; none for what cannot be, such as a kind that this version does not type.
///
/// A poll or a calendar event gets its secret here, which is put beside it.
pub fn compose(message: &mut Message) -> Option<Payload> {
    let mut made = match message.private.as_deref() {
        Some(Private::Media(at)) => {
            media::built(&message.content, Some(at), message.context.view_once)?
        }
        _ => built(&message.content)?,
    };
    if matches!(
        message.content,
        Content::Poll { .. } | Content::Event { .. }
    ) {
        let secret: [u8; 32] = rand::random();
        made.message_context_info = MessageField::some(wa::MessageContextInfo {
            message_secret: Some(secret.to_vec()),
            ..Default::default()
        });
        message.private = Some(Box::new(Private::Secret(secret.to_vec())));
    }
    put_context(&mut made, &message.context);
    if message.chat.kind == ChatKind::Status {
        colour(&mut made);
    }
    if message.chat.kind == ChatKind::Newsletter {
        let handle = match message.private.as_deref() {
            Some(Private::Media(at)) => at.handle.as_deref(),
            _ => None,
        };
        return Some(Payload::post(&made, handle));
    }
    Some(Payload::of(&made))
}

/// Has the messages of a chat of two disappear after so many seconds; 0 is never.
pub(in crate::protocol) fn timer(ephemeral_s: u32, now_s: i64) -> Payload {
    use wa::{
        disappearing_mode::{Initiator, Trigger},
        message::protocol_message::Type,
    };
    Payload::of(&wa::Message {
        protocol_message: MessageField::some(wa::message::ProtocolMessage {
            r#type: Some(Type::EPHEMERAL_SETTING),
            ephemeral_expiration: Some(ephemeral_s),
            ephemeral_setting_timestamp: Some(now_s),
            disappearing_mode: MessageField::some(wa::DisappearingMode {
                initiator: Some(Initiator::CHANGED_IN_CHAT),
                trigger: Some(Trigger::UNKNOWN),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    })
}

/// The message without its context.
pub(super) fn built(content: &Content) -> Option<wa::Message> {
    let mut made = wa::Message::default();
    match content {
        Content::Text { text } => made.conversation = Some(text.body.clone()),
        Content::Location { location } => {
            made.location_message = MessageField::some(place(location));
        }
        Content::Contact {
            contact: Contact::One(one),
        } => made.contact_message = MessageField::some(card(one)),
        Content::Contact {
            contact: Contact::Many { name, cards },
        } => {
            made.contacts_array_message = MessageField::some(wa::message::ContactsArrayMessage {
                display_name: Some(name.clone()),
                contacts: cards.iter().map(card).collect(),
                ..Default::default()
            });
        }
        // Phones write polls with one choice as version 3 and the others as version 1.
        Content::Poll { poll } if poll.multi => {
            made.poll_creation_message = MessageField::some(creation(poll));
        }
        Content::Poll { poll } => {
            made.poll_creation_message_v3 = MessageField::some(creation(poll));
        }
        Content::Event { event } => made.event_message = MessageField::some(occasion(event)),
        Content::Image { .. }
        | Content::Video { .. }
        | Content::Audio { .. }
        | Content::Voice { .. }
        | Content::Document { .. }
        | Content::Sticker { .. }
        | Content::Unknown { .. }
        | Content::NotKept { .. }
        | Content::Reaction { .. }
        | Content::Edit { .. }
        | Content::Revoke { .. }
        | Content::Vote { .. }
        | Content::Response { .. }
        | Content::Pin { .. }
        | Content::Keep { .. } => return None,
    }
    Some(made)
}

fn place(location: &Location) -> wa::message::LocationMessage {
    wa::message::LocationMessage {
        degrees_latitude: Some(location.latitude),
        degrees_longitude: Some(location.longitude),
        name: location.name.clone(),
        address: location.address.clone(),
        url: location.url.clone(),
        ..Default::default()
    }
}

fn card(card: &Card) -> wa::message::ContactMessage {
    wa::message::ContactMessage {
        display_name: Some(card.name.clone()),
        vcard: Some(card.vcard.clone().unwrap_or_else(|| vcard::write(card))),
        ..Default::default()
    }
}

fn creation(poll: &Poll) -> wa::message::PollCreationMessage {
    use wa::message::poll_creation_message::Option as Choice;
    let choice = |name: &String| Choice {
        option_name: Some(name.clone()),
        ..Default::default()
    };
    let right = poll.quiz.as_ref().map(|name| Choice {
        option_name: Some(name.clone()),
        option_hash: Some(hex::encode(compute_option_hash(name))),
    });
    wa::message::PollCreationMessage {
        name: Some(poll.name.clone()),
        options: poll.options.iter().map(choice).collect(),
        selectable_options_count: Some(u32::from(!poll.multi)),
        poll_content_type: Some(wa::message::PollContentType::TEXT),
        poll_type: right.is_some().then_some(wa::message::PollType::QUIZ),
        correct_answer: right.map(MessageField::some).unwrap_or_default(),
        ..Default::default()
    }
}

fn occasion(event: &Occasion) -> wa::message::EventMessage {
    let seconds = |time: &String| from_rfc3339(time).map(|ms| ms.div_euclid(1000));
    let venue = event.location.as_ref().map(|venue| {
        MessageField::some(wa::message::LocationMessage {
            degrees_latitude: Some(venue.latitude.unwrap_or_default()),
            degrees_longitude: Some(venue.longitude.unwrap_or_default()),
            name: Some(venue.name.clone()),
            ..Default::default()
        })
    });
    wa::message::EventMessage {
        is_canceled: Some(event.canceled),
        name: Some(event.name.clone()),
        description: event.description.clone(),
        location: venue.unwrap_or_default(),
        join_link: event.join_link.clone(),
        start_time: event.starts_at.as_ref().and_then(seconds),
        end_time: event.ends_at.as_ref().and_then(seconds),
        extra_guests_allowed: Some(event.extra_guests),
        ..Default::default()
    }
}

/// Puts quote, mentions and the like where the kind has its place for them.
fn put_context(message: &mut wa::Message, context: &Context) {
    let info = context_info(context);
    let preview = context.link_preview.as_ref();
    if (info.is_some() || preview.is_some())
        && let Some(body) = message.conversation.take()
    {
        // A bare text has no place for anything else.
        message.extended_text_message = MessageField::some(wa::message::ExtendedTextMessage {
            text: Some(body),
            matched_text: preview.map(|preview| preview.url.clone()),
            title: preview.and_then(|preview| preview.title.clone()),
            description: preview.and_then(|preview| preview.description.clone()),
            ..Default::default()
        });
    }
    let Some(mut info) = info.map(MessageField::some) else {
        return;
    };
    if media::put_context(message, &mut info) {
        return;
    }
    if let Some(text) = message.extended_text_message.as_option_mut() {
        text.context_info = info;
    } else if let Some(place) = message.location_message.as_option_mut() {
        place.context_info = info;
    } else if let Some(card) = message.contact_message.as_option_mut() {
        card.context_info = info;
    } else if let Some(cards) = message.contacts_array_message.as_option_mut() {
        cards.context_info = info;
    } else if let Some(poll) = message.poll_creation_message.as_option_mut() {
        poll.context_info = info;
    } else if let Some(poll) = message.poll_creation_message_v3.as_option_mut() {
        poll.context_info = info;
    } else if let Some(event) = message.event_message.as_option_mut() {
        event.context_info = info;
    }
}

fn context_info(context: &Context) -> Option<wa::ContextInfo> {
    let Context {
        reply_to,
        mentions,
        link_preview: _,
        forwarded,
        expires_in_s,
        view_once: _,
        server_id: _,
        recipients: _,
    } = context;
    if reply_to.is_none() && mentions.is_empty() && !forwarded && expires_in_s.is_none() {
        return None;
    }
    let mut info = wa::ContextInfo {
        // As the caller wrote them: the text names them in the same form.
        mentioned_jid: mentions.iter().map(|one| one.id.clone()).collect(),
        is_forwarded: forwarded.then_some(true),
        forwarding_score: forwarded.then_some(1),
        expiration: *expires_in_s,
        ..Default::default()
    };
    if let Some(reply) = reply_to {
        info.stanza_id = Some(reply.message_id.clone());
        info.participant = reply.sender.as_ref().map(address);
        info.remote_jid = reply.status.then(|| Address::Status.to_string());
        let quoted = reply.content.as_deref().and_then(|content| {
            let file = || media::built(content, reply.file.as_deref(), false);
            built(content).or_else(file)
        });
        info.quoted_message = MessageField::some(quoted.unwrap_or_else(|| wa::Message {
            // What cannot be written again is still named; phones that have it show what they have.
            conversation: Some(String::new()),
            ..Default::default()
        }));
    }
    Some(info)
}

/// A text of a status is shown on a ground of its own; without one phones show nothing of it.
fn colour(message: &mut wa::Message) {
    use wa::message::extended_text_message::FontType;
    if let Some(body) = message.conversation.take() {
        message.extended_text_message = MessageField::some(wa::message::ExtendedTextMessage {
            text: Some(body),
            ..Default::default()
        });
    }
    if let Some(text) = message.extended_text_message.as_option_mut() {
        text.background_argb = Some(STATUS_GROUND);
        text.text_argb = Some(STATUS_INK);
        text.font = Some(FontType::SYSTEM);
    }
}

/// How phones name a person today.
pub(super) fn address(party: &Party) -> String {
    party.lid.clone().unwrap_or_else(|| party.id.clone())
}
