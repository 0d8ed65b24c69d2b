//! What a message of WhatsApp says, as the domain has it.
//!
//! Owns which kinds are typed, and what is looked into: a message may lie in a wrapper that says that it disappears,
//! can be opened once, or was sent from another device.

use entity::ids::SessionId;
use waproto::whatsapp as wa;

use super::{person, raw, vcard};
use crate::domain::{
    clock::rfc3339,
    message::{
        Attached, Contact, Content, Context, Edit, Keep, LinkPreview, Location, Occasion, Pin,
        Poll, Private, Reaction, Reference, ReplyTo, Response, Revoke, Text, Unknown, Venue, Vote,
    },
};

mod media;

/// Wrappers in wrappers beyond this are nobody's message.
const DEEPEST: u8 = 8;

/// The longest id of a message that is stored.
const LONGEST_ID: usize = 128;

/// The chat of every status post.
const STATUS: &str = "status@broadcast";

/// Mentions beyond this are not listed: no group is larger.
const MENTIONS: usize = 1024;

/// What is read from one message.
#[derive(Debug, PartialEq)]
pub(super) struct Read {
    pub(super) content: Content,
    pub(super) context: Context,
    pub(super) private: Option<Box<Private>>,
}

/// Reads `message`; none when it is not meant for a user.
pub(super) fn read(message: &wa::Message) -> Option<Read> {
    // Most are this, and have nothing else.
    if let Some(body) = &message.conversation {
        return Some(Read::plain(Content::text(body)));
    }
    let mut view_once = false;
    let inner = unwrapped(message, &mut view_once, DEEPEST)?;
    if let Some((content, context, once, private)) = media::read(inner) {
        let mut context = context.map(read_context).unwrap_or_default();
        context.view_once |= view_once || once;
        return Some(Read {
            content,
            context,
            private: Some(Box::new(private)),
        });
    }
    let (content, context, private) = content(inner, message)?;
    let mut context = context.map(read_context).unwrap_or_default();
    context.view_once |= view_once;
    if let Some(text) = inner.extended_text_message.as_option() {
        context.link_preview = link_preview(text);
    }
    Some(Read {
        content,
        context,
        private: private.map(Box::new),
    })
}

impl Read {
    /// Says where its file is read, and that of what it quotes.
    pub(super) fn name_files(&mut self, session: SessionId) {
        let reply = self.context.reply_to.as_mut();
        let quoted = reply.and_then(|reply| reply.content.as_mut()?.media_mut());
        for media in [self.content.media_mut(), quoted].into_iter().flatten() {
            media.url = Attached::url(session, media.id);
        }
    }

    fn plain(content: Content) -> Self {
        Self {
            content,
            context: Context::default(),
            private: None,
        }
    }
}

fn unwrapped<'a>(
    message: &'a wa::Message,
    view_once: &mut bool,
    deeper: u8,
) -> Option<&'a wa::Message> {
    let once = [
        &message.view_once_message,
        &message.view_once_message_v2,
        &message.view_once_message_v2_extension,
    ];
    let others = [
        &message.ephemeral_message,
        &message.document_with_caption_message,
        &message.edited_message,
        &message.group_mentioned_message,
        &message.bot_invoke_message,
        &message.associated_child_message,
        &message.lottie_sticker_message,
        &message.poll_creation_message_v4,
        &message.question_message,
        &message.question_reply_message,
        &message.spoiler_message,
        &message.status_add_yours,
        &message.group_status_message,
        &message.group_status_message_v2,
    ];
    let once = once.into_iter().find_map(|one| one.as_option());
    *view_once |= once.is_some();
    let wrapper = once.or_else(|| others.into_iter().find_map(|one| one.as_option()));
    let sent = message.device_sent_message.as_option();
    let inner = match (wrapper, sent) {
        (Some(wrapper), _) => &wrapper.message,
        (None, Some(sent)) => &sent.message,
        (None, None) => return Some(message),
    };
    unwrapped(inner.as_option()?, view_once, deeper.checked_sub(1)?)
}

type Found<'a> = (Content, Option<&'a wa::ContextInfo>, Option<Private>);

fn content<'a>(message: &'a wa::Message, outer: &wa::Message) -> Option<Found<'a>> {
    if let Some(body) = &message.conversation {
        return Some((Content::text(body), None, None));
    }
    if let Some(text) = message.extended_text_message.as_option() {
        let body = text.text.clone().unwrap_or_default();
        return Some((Content::text(body), text.context_info.as_option(), None));
    }
    if let Some(place) = message.location_message.as_option() {
        let location = location(place);
        let context = place.context_info.as_option();
        return Some((Content::Location { location }, context, None));
    }
    if let Some(place) = message.live_location_message.as_option() {
        let location = Location {
            latitude: degrees(place.degrees_latitude).unwrap_or_default(),
            longitude: degrees(place.degrees_longitude).unwrap_or_default(),
            name: place.caption.clone(),
            address: None,
            url: None,
            live: true,
        };
        let context = place.context_info.as_option();
        return Some((Content::Location { location }, context, None));
    }
    if let Some(card) = message.contact_message.as_option() {
        let contact = Contact::One(vcard::read(card));
        let context = card.context_info.as_option();
        return Some((Content::Contact { contact }, context, None));
    }
    if let Some(cards) = message.contacts_array_message.as_option() {
        let contact = Contact::Many {
            name: cards.display_name.clone().unwrap_or_default(),
            cards: cards.contacts.iter().map(vcard::read).collect(),
        };
        let context = cards.context_info.as_option();
        return Some((Content::Contact { contact }, context, None));
    }
    if let Some(poll) = poll(message) {
        let context = poll.context_info.as_option();
        let poll = read_poll(poll);
        return Some((Content::Poll { poll }, context, secret(message, outer)));
    }
    if let Some(event) = message.event_message.as_option() {
        let context = event.context_info.as_option();
        let event = occasion(event);
        return Some((Content::Event { event }, context, secret(message, outer)));
    }
    if let Some((content, private)) = about_another(message) {
        return Some((content, None, private));
    }
    let (kind, raw) = raw::raw(message)?;
    let unknown = Unknown {
        kind: Some(kind),
        raw,
    };
    Some((Content::Unknown { unknown }, None, None))
}

/// What belongs to another message.
fn about_another(message: &wa::Message) -> Option<(Content, Option<Private>)> {
    if let Some(reaction) = message.reaction_message.as_option() {
        let reaction = Reaction {
            message_id: target(&reaction.key)?,
            emoji: reaction.text.clone().unwrap_or_default(),
        };
        return Some((Content::Reaction { reaction }, None));
    }
    if let Some(update) = message.poll_update_message.as_option() {
        let sealed = update.vote.as_option()?;
        let vote = Vote {
            message_id: target(&update.poll_creation_message_key)?,
            options: None,
        };
        let private = sealed_in(sealed.enc_payload.as_ref(), sealed.enc_iv.as_ref());
        return Some((Content::Vote { vote }, private));
    }
    if let Some(sealed) = message.enc_event_response_message.as_option() {
        let response = Response {
            message_id: target(&sealed.event_creation_message_key)?,
            answer: None,
            extra_guests: None,
        };
        let private = sealed_in(sealed.enc_payload.as_ref(), sealed.enc_iv.as_ref());
        return Some((Content::Response { response }, private));
    }
    if let Some(pin) = message.pin_in_chat_message.as_option() {
        use wa::message::pin_in_chat_message::Type;
        let info = message.message_context_info.as_option();
        let expires_in_s = info.and_then(|info| info.message_add_on_duration_in_secs);
        let pin = Pin {
            message_id: target(&pin.key)?,
            pinned: pin.r#type? == Type::PIN_FOR_ALL,
            expires_in_s: expires_in_s.filter(|seconds| *seconds > 0),
        };
        return Some((Content::Pin { pin }, None));
    }
    if let Some(keep) = message.keep_in_chat_message.as_option() {
        let keep = Keep {
            message_id: target(&keep.key)?,
            kept: keep.keep_type? == wa::KeepType::KEEP_FOR_ALL,
        };
        return Some((Content::Keep { keep }, None));
    }
    protocol(message.protocol_message.as_option()?).map(|content| (content, None))
}

fn protocol(message: &wa::message::ProtocolMessage) -> Option<Content> {
    use wa::message::protocol_message::Type;
    match message.r#type? {
        Type::REVOKE => Some(Content::Revoke {
            revoke: Revoke {
                message_id: target(&message.key)?,
            },
        }),
        Type::MESSAGE_EDIT => {
            let edited = message.edited_message.as_option()?;
            let edited = unwrapped(edited, &mut false, DEEPEST)?;
            let edit = wording(edited, target(&message.key)?)?;
            Some(Content::Edit { edit })
        }
        _ => None,
    }
}

/// After how many seconds the messages of this chat disappear from now on, if `message` says so; 0 is never.
pub(super) fn timer(message: &wa::Message) -> Option<u32> {
    use wa::message::protocol_message::Type;
    let inner = unwrapped(message, &mut false, DEEPEST)?;
    let setting = inner.protocol_message.as_option()?;
    (setting.r#type? == Type::EPHEMERAL_SETTING)
        .then(|| setting.ephemeral_expiration.unwrap_or_default())
}

/// Phones send the whole message once more; only its words may be others.
fn wording(edited: &wa::Message, target: String) -> Option<Edit> {
    if let Some(caption) = media::caption(edited) {
        let caption = caption.cloned().unwrap_or_default();
        return Some(Edit::of_caption(target, caption));
    }
    let extended = edited.extended_text_message.as_option();
    let body = edited.conversation.as_ref();
    let body = body.or_else(|| extended?.text.as_ref())?.clone();
    Some(Edit::of_text(target, Text { body }))
}

/// The id of a message that another is about. It was written by whoever sent that, and no server has looked at it.
fn target(key: &buffa::MessageField<wa::MessageKey>) -> Option<String> {
    id(key.as_option()?.id.as_ref()?)
}

/// An id that can be stored.
pub(super) fn id(id: &str) -> Option<String> {
    let is_id = (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    is_id.then(|| id.to_owned())
}

/// JSON has no word for what is no number.
fn degrees(value: Option<f64>) -> Option<f64> {
    value.filter(|degrees| degrees.is_finite())
}

fn sealed_in(payload: Option<&Vec<u8>>, iv: Option<&Vec<u8>>) -> Option<Private> {
    Some(Private::Sealed {
        payload: payload?.clone(),
        iv: iv?.clone(),
    })
}

fn secret(inner: &wa::Message, outer: &wa::Message) -> Option<Private> {
    let found = [inner, outer].into_iter().find_map(|message| {
        let info = message.message_context_info.as_option()?;
        info.message_secret.clone()
    });
    found.map(Private::Secret)
}

fn location(place: &wa::message::LocationMessage) -> Location {
    Location {
        latitude: degrees(place.degrees_latitude).unwrap_or_default(),
        longitude: degrees(place.degrees_longitude).unwrap_or_default(),
        name: place.name.clone(),
        address: place.address.clone(),
        url: place.url.clone(),
        live: place.is_live.unwrap_or_default(),
    }
}

fn poll(message: &wa::Message) -> Option<&wa::message::PollCreationMessage> {
    let versions = [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
        &message.poll_creation_message_v5,
        &message.poll_creation_message_v6,
    ];
    versions.into_iter().find_map(|version| version.as_option())
}

fn read_poll(poll: &wa::message::PollCreationMessage) -> Poll {
    let names = poll.options.iter();
    let right = poll.correct_answer.as_option();
    Poll {
        name: poll.name.clone().unwrap_or_default(),
        options: names.filter_map(|one| one.option_name.clone()).collect(),
        multi: poll.selectable_options_count != Some(1),
        quiz: right.and_then(|right| right.option_name.clone()),
    }
}

fn occasion(event: &wa::message::EventMessage) -> Occasion {
    let time = |seconds: i64| rfc3339(seconds.saturating_mul(1000));
    let venue = event.location.as_option().map(|place| Venue {
        name: place.name.clone().unwrap_or_default(),
        latitude: degrees(place.degrees_latitude),
        longitude: degrees(place.degrees_longitude),
    });
    Occasion {
        name: event.name.clone().unwrap_or_default(),
        description: event.description.clone(),
        starts_at: event.start_time.map(time),
        ends_at: event.end_time.map(time),
        location: venue,
        join_link: event.join_link.clone(),
        extra_guests: event.extra_guests_allowed.unwrap_or_default(),
        canceled: event.is_canceled.unwrap_or_default(),
    }
}

fn link_preview(text: &wa::message::ExtendedTextMessage) -> Option<LinkPreview> {
    let url = text.matched_text.clone().filter(|url| !url.is_empty())?;
    Some(LinkPreview {
        url,
        title: text.title.clone(),
        description: text.description.clone(),
    })
}

fn read_context(info: &wa::ContextInfo) -> Context {
    let mentions = info.mentioned_jid.iter().take(MENTIONS);
    Context {
        reply_to: info.stanza_id.as_ref().map(|id| {
            let quoted = info.quoted_message.as_option().and_then(quoted);
            let (content, file) = quoted.unzip();
            Box::new(ReplyTo {
                message_id: id.clone(),
                sender: info.participant.as_deref().and_then(person),
                content: content.map(Box::new),
                status: info.remote_jid.as_deref() == Some(STATUS),
                file: file.flatten(),
            })
        }),
        mentions: mentions.filter_map(|jid| person(jid)).collect(),
        link_preview: None,
        forwarded: info.is_forwarded.unwrap_or_default(),
        expires_in_s: info.expiration.filter(|seconds| *seconds > 0),
        view_once: false,
        server_id: None,
        recipients: Vec::new(),
    }
}

/// What a quote says, and where the file is that it shows; what is quoted in turn is not looked at.
fn quoted(message: &wa::Message) -> Option<(Content, Option<Box<Reference>>)> {
    let inner = unwrapped(message, &mut false, DEEPEST)?;
    if let Some((content, _, _, Private::Media(mut file))) = media::read(inner) {
        // It stands with the message itself.
        file.preview = None;
        return Some((content, Some(Box::new(file))));
    }
    let (content, _, _) = content(inner, message)?;
    Some((content, None))
}
