//! One event of each type and one of each kind of message, with all of their fields and with as few as can be.

use entity::ids::MediaId;
use serde_json::json;
use wharf::domain::{
    address::{Chat, ChatKind, Party},
    channel::{ChannelReactionsData, PostReactions, ReactionCount},
    community::LinkedGroup,
    event::{
        AccountData, AckData, CallData, CallStatus, ChatChanges, ChatLabel, ChatUpdateData,
        ContactChanges, ContactUpdateData, ErrorData, Event, GroupChanges, GroupParticipantsData,
        GroupUpdateData, HistorySyncData, LabelUpdateData, PairCodeData, ParticipantsAction,
        PasskeyData, PresenceData, PresenceState, QrData, ReasonData, ReceiptData,
        UndecryptableData, WebhookDisabledData,
    },
    message::{
        Ack, Answer, Attached, Audio, Card, Contact, Content, Context, Document, Edit, Image, Keep,
        LinkPreview, Location, Message, Occasion, Pin, Poll, Reaction, ReplyTo, Response, Revoke,
        Sticker, Text, Unknown, Venue, Video, Voice, Vote,
    },
    passkey::StageName,
    session::Reason,
};

const AT: &str = "2026-01-01T00:00:00Z";

fn text(text: &str) -> String {
    text.to_owned()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands where a field may be absent"
)]
fn some(word: &str) -> Option<String> {
    Some(text(word))
}

fn bob() -> Party {
    Party::person(some("491700000202"), some("77@lid"))
}

fn nameless() -> Party {
    Party::person(None, some("78@lid"))
}

fn chat(party: Party, kind: ChatKind) -> Chat {
    Chat { party, kind }
}

fn group() -> Chat {
    let id = text("12036304@g.us");
    let party = Party {
        id,
        phone: None,
        lid: None,
    };
    chat(party, ChatKind::Group)
}

fn channel() -> Chat {
    let id = text("12036305@newsletter");
    let party = Party {
        id,
        phone: None,
        lid: None,
    };
    chat(party, ChatKind::Newsletter)
}

/// Of the event that tells it, as the session itself chooses it.
fn told(content: Content, context: Context) -> Event {
    let message = Box::new(Message {
        message_id: text("3EB0"),
        chat: chat(bob(), ChatKind::User),
        sender: bob(),
        from_me: false,
        push_name: some("Bob"),
        timestamp: text(AT),
        content,
        context,
        private: None,
    });
    match Event::name_of(&message.content) {
        "message" => Event::Message(message),
        "message.reaction" => Event::MessageReaction(message),
        "message.edit" => Event::MessageEdit(message),
        "message.delete" => Event::MessageDelete(message),
        "poll.vote" => Event::PollVote(message),
        "event.response" => Event::EventResponse(message),
        "message.pin" => Event::MessagePin(message),
        "message.keep" => Event::MessageKeep(message),
        other => panic!("{other}"),
    }
}

fn file() -> Attached {
    Attached {
        id: MediaId::new(),
        url: text("/v1/sessions/s/media/m"),
        mimetype: text("image/jpeg"),
        size: 7,
        sha256: text("00"),
    }
}

fn card() -> Card {
    Card {
        name: text("Bob"),
        phone: some("491700000202"),
        organization: some("Boats"),
        vcard: some("BEGIN:VCARD\nEND:VCARD"),
    }
}

#[rustfmt::skip]
fn contents() -> Vec<Content> {
    let target = || text("3EB1");
    let media = file();
    let attached = || media.clone();
    vec![
        Content::text("hi"),
        Content::Image { image: Image::default(), media: attached() },
        Content::Image { image: Image { caption: some("a"), width: Some(1), height: Some(1) }, media: attached() },
        Content::Video { video: Video::default(), media: attached() },
        Content::Video { video: Video { caption: some("a"), seconds: Some(1), width: Some(1), height: Some(1), gif: true }, media: attached() },
        Content::Audio { audio: Audio { seconds: Some(1) }, media: attached() },
        Content::Voice { voice: Voice { seconds: Some(1), waveform: vec![0, 100] }, media: attached() },
        Content::Document { document: Document { filename: some("a"), caption: some("b") }, media: attached() },
        Content::Sticker { sticker: Sticker { animated: true }, media: attached() },
        Content::Location { location: Location { latitude: 1.0, longitude: -1.5, name: some("a"), address: some("b"), url: some("c"), live: true } },
        Content::Location { location: Location { latitude: 1.0, longitude: -1.5, name: None, address: None, url: None, live: false } },
        Content::Contact { contact: Contact::One(card()) },
        Content::Contact { contact: Contact::Many { name: text("two"), cards: vec![card(), card()] } },
        Content::Poll { poll: Poll { name: text("which"), options: vec![text("a"), text("b")], multi: true, quiz: some("a") } },
        Content::Event { event: Occasion {
            name: text("launch"), description: some("a"), starts_at: some(AT), ends_at: some(AT),
            location: Some(Venue { name: text("pier"), latitude: Some(1.0), longitude: Some(1.0) }),
            join_link: some("b"), extra_guests: true, canceled: true,
        } },
        Content::Unknown { unknown: Unknown { kind: some("product_message"), raw: json!({"product_message": {"body": "a boat"}}) } },
        Content::Unknown { unknown: Unknown { kind: some("product_message"), raw: serde_json::Value::Null } },
        Content::Reaction { reaction: Reaction { message_id: target(), emoji: text("👍") } },
        Content::Edit { edit: Edit::of_text(target(), Text { body: text("ho") }) },
        Content::Edit { edit: Edit { message_id: target(), text: None, caption: some("ho") } },
        Content::Revoke { revoke: Revoke { message_id: target() } },
        Content::Vote { vote: Vote { message_id: target(), options: Some(vec![text("a")]) } },
        Content::Vote { vote: Vote { message_id: target(), options: None } },
        Content::Response { response: Response { message_id: target(), answer: Some(Answer::NotGoing), extra_guests: Some(2) } },
        Content::Response { response: Response { message_id: target(), answer: None, extra_guests: None } },
        Content::Pin { pin: Pin { message_id: target(), pinned: true, expires_in_s: Some(86_400) } },
        Content::Keep { keep: Keep { message_id: target(), kept: true } },
    ]
}

fn context() -> Context {
    let reply = |content: Option<Content>| ReplyTo {
        message_id: text("3EB2"),
        sender: content.is_some().then(bob),
        content: content.map(Box::new),
        status: true,
        file: None,
    };
    Context {
        reply_to: Some(Box::new(reply(Some(Content::text("who?"))))),
        mentions: vec![bob(), nameless()],
        link_preview: Some(LinkPreview {
            url: text("https://example.org"),
            title: some("a"),
            description: some("b"),
        }),
        forwarded: true,
        expires_in_s: Some(86_400),
        view_once: true,
        server_id: Some(7),
        recipients: vec![bob(), nameless()],
    }
}

/// An answer to a message of which nothing is known but its id.
fn bare_reply() -> Context {
    Context {
        reply_to: Some(Box::new(ReplyTo {
            message_id: text("3EB2"),
            sender: None,
            content: None,
            status: false,
            file: None,
        })),
        ..Context::default()
    }
}

fn account() -> AccountData {
    AccountData {
        phone: some("491700000101"),
        lid: some("76@lid"),
        push_name: some("Alice"),
    }
}

fn reason(reason: Reason) -> ReasonData {
    ReasonData {
        reason,
        detail: some("why"),
    }
}

fn error() -> ErrorData {
    ErrorData {
        code: text("whatsapp_refused"),
        detail: text("why"),
    }
}

#[rustfmt::skip]
fn of_sessions() -> Vec<Event> {
    vec![
        Event::Qr(QrData { code: text("2@a"), image: text("data:"), expires_at: text(AT), index: 1 }),
        Event::PairCode(PairCodeData { code: text("ABCD1234"), expires_at: text(AT) }),
        Event::Passkey(PasskeyData { stage: StageName::Challenge, options: Some(json!({"challenge": "AA"})), code: None, expires_at: text(AT) }),
        Event::Passkey(PasskeyData { stage: StageName::Confirm, options: None, code: some("AAAA-BBBB"), expires_at: text(AT) }),
        Event::Success(account()),
        Event::Connected(AccountData::default()),
        Event::Disconnected(reason(Reason::Requested)),
        Event::LoggedOut(reason(Reason::DeviceRemoved)),
        Event::Degraded(ReasonData { reason: Reason::Deaf, detail: None }),
        Event::QrTimeout(reason(Reason::QrTimeout)),
        Event::Error(error()),
        Event::HistorySync(HistorySyncData { kind: text("on_demand"), chunk: 1, progress: Some(50), messages: 2, request_id: some("r") }),
        Event::HistorySync(HistorySyncData { kind: text("recent"), chunk: 1, progress: None, messages: 2, request_id: None }),
        Event::WebhookDisabled(WebhookDisabledData { endpoint_id: text("whe_1"), reason: text("gone"), detail: text("why") }),
    ]
}

#[rustfmt::skip]
fn of_people() -> Vec<Event> {
    let here = || chat(bob(), ChatKind::User);
    let linked = LinkedGroup { id: text("12036304@g.us"), subject: some("a") };
    let group_changes = GroupChanges {
        created: Some(true), deleted: Some(false), subject: some("a"), description: some("b"), announce: Some(true), locked: Some(true),
        approval: Some(true), members_add: Some(true), ephemeral_s: Some(0), invite_renewed: Some(true), picture_id: some("c"),
        community: some("12036306@g.us"), linked: Some(vec![linked.clone()]), unlinked: Some(vec![linked, LinkedGroup { subject: None, id: text("1@g.us") }]),
        members_create: Some(true),
    };
    let contact_changes = ContactChanges { name: some("a"), push_name: some("b"), about: some("c"), picture_id: some("d") };
    let chat_changes = ChatChanges {
        archived: Some(true), pinned: Some(true), muted: Some(true), muted_until: some(AT), read: Some(true), cleared: Some(true), deleted: Some(true),
        ephemeral_s: Some(0), label: Some(ChatLabel { id: text("1"), labeled: true }),
    };
    let label = |name, color, deleted, initial| LabelUpdateData { id: text("1"), name, color, deleted, initial };
    vec![
        Event::MessageUndecryptable(Box::new(UndecryptableData { message_id: text("3EB0"), chat: group(), sender: nameless(), from_me: false, timestamp: text(AT) })),
        Event::MessageAck(AckData { message_id: text("3EB0"), chat: text("12036304@g.us"), ack: 3, ack_name: Ack::Read, error: None }),
        Event::MessageAck(AckData { message_id: text("3EB0"), chat: text("12036304@g.us"), ack: -1, ack_name: Ack::Error, error: Some(error()) }),
        Event::MessageReceipt(Box::new(ReceiptData {
            message_id: text("3EB0"), chat: text("12036304@g.us"), by: nameless(), ack: 2, ack_name: Ack::Device, timestamp: text(AT),
        })),
        Event::GroupUpdate(Box::new(GroupUpdateData { chat: group(), by: Some(bob()), timestamp: text(AT), changes: group_changes })),
        Event::GroupUpdate(Box::new(GroupUpdateData { chat: group(), by: None, timestamp: text(AT), changes: GroupChanges::default() })),
        Event::GroupParticipants(GroupParticipantsData {
            chat: group(), action: ParticipantsAction::RequestRevoked, by: None, participants: vec![bob(), nameless()], timestamp: text(AT), reason: some("invite"),
        }),
        Event::ContactUpdate(ContactUpdateData { party: bob(), changes: contact_changes, initial: true }),
        Event::ContactUpdate(ContactUpdateData { party: nameless(), changes: ContactChanges::default(), initial: false }),
        Event::ChatUpdate(ChatUpdateData { chat: here(), changes: chat_changes, initial: true }),
        Event::ChannelReactions(ChannelReactionsData { chat: channel(), posts: vec![PostReactions {
            server_id: 7, reactions: vec![ReactionCount { emoji: text("👍"), count: 2 }],
        }] }),
        Event::LabelUpdate(label(some("paid"), Some(3), false, true)),
        Event::LabelUpdate(label(None, None, true, false)),
        Event::Presence(PresenceData { chat: here(), sender: bob(), state: PresenceState::Offline, last_seen: some(AT) }),
        Event::Call(CallData { call_id: text("c"), chat: here(), sender: bob(), status: CallStatus::Ringing, is_video: true, timestamp: text(AT) }),
    ]
}

/// The first is a plain text.
pub(super) fn all() -> Vec<Event> {
    let plain = contents()
        .into_iter()
        .map(|content| told(content, Context::default()));
    let full = contents()
        .into_iter()
        .map(|content| told(content, context()));
    let bare = std::iter::once(told(Content::text("hi"), bare_reply()));
    let rest = of_sessions().into_iter().chain(of_people());
    plain.chain(full).chain(bare).chain(rest).collect()
}
