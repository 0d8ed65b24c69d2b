//! Events: one type per thing that happens, with one shape for the socket, the log, SSE and webhooks.

use serde::{Deserialize, Serialize};

use super::{
    address::{Chat, Party},
    channel::ChannelReactionsData,
    message::{Ack, Content, Message},
    session::Reason,
};

mod linking;
mod people;

pub use linking::*;
pub use people::*;

/// `success` and `connected`: who the session is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AccountData {
    /// Digits.
    pub phone: Option<String>,
    /// `…@lid`.
    pub lid: Option<String>,
    /// The name the account goes by.
    pub push_name: Option<String>,
}

/// `disconnected`, `logged_out`, `degraded` and `qr_timeout`: why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReasonData {
    /// A stable word.
    pub reason: Reason,
    /// More, for a person to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// `error`: something went wrong that a person should see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ErrorData {
    /// A stable word.
    pub code: String,
    /// For a person to read.
    pub detail: String,
}

/// `message.ack`: how far one's own message has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AckData {
    /// WhatsApp's id of the message.
    pub message_id: String,
    /// The canonical id of the chat.
    pub chat: String,
    /// The number: -1 error, 0 pending, 1 server, 2 device, 3 read, 4 played.
    pub ack: i16,
    /// The name of that number.
    pub ack_name: Ack,
    /// Why it failed, when the ack is `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorData>,
}

/// `message.receipt`: how far one's own message has come with one member of its group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReceiptData {
    /// WhatsApp's id of the message.
    pub message_id: String,
    /// The canonical id of the group.
    pub chat: String,
    /// The member.
    pub by: Party,
    /// The number: 2 device, 3 read, 4 played.
    pub ack: i16,
    /// The name of that number.
    pub ack_name: Ack,
    /// When it came so far, RFC 3339, by WhatsApp's clock.
    pub timestamp: String,
}

/// `message.undecryptable`: what is known of a message that could not be decrypted. If its sender sends it again, a
/// `message` with the same id follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UndecryptableData {
    /// WhatsApp's id of the message.
    pub message_id: String,
    /// Where it was written.
    pub chat: Chat,
    /// Who wrote it.
    pub sender: Party,
    /// Whether this account wrote it.
    pub from_me: bool,
    /// When it was written, RFC 3339, by WhatsApp's clock.
    pub timestamp: String,
}

/// `history.sync`: a piece of the past that the phone told is stored. Its messages are no `message` events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HistorySyncData {
    /// Why the phone sent it: `initial`, `recent`, `full`, `on_demand`, `names` or `other`.
    pub kind: String,
    /// Its place among the pieces.
    pub chunk: u32,
    /// How much of the past has come, in percent, where the phone says it.
    pub progress: Option<u32>,
    /// Messages in it that are wanted.
    pub messages: u64,
    /// Of `on_demand`: what the request was answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// `webhook.disabled`: a webhook gets nothing more until its owner enables it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WebhookDisabledData {
    /// The webhook, `whe_…`.
    pub endpoint_id: String,
    /// A stable word, as in `disabled_reason`.
    pub reason: String,
    /// For a person to read.
    pub detail: String,
}

/// Something that happened to a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum Event {
    /// A QR code was issued.
    #[serde(rename = "qr")]
    Qr(QrData),
    /// A pair code was issued.
    #[serde(rename = "pair_code")]
    PairCode(PairCodeData),
    /// WhatsApp asks for a passkey before it links, or that has come further.
    #[serde(rename = "passkey")]
    Passkey(PasskeyData),
    /// A phone has linked this session.
    #[serde(rename = "success")]
    Success(AccountData),
    /// The session is logged in.
    #[serde(rename = "connected")]
    Connected(AccountData),
    /// The session stopped.
    #[serde(rename = "disconnected")]
    Disconnected(ReasonData),
    /// The device was removed.
    #[serde(rename = "logged_out")]
    LoggedOut(ReasonData),
    /// Wanted, but not working.
    #[serde(rename = "degraded")]
    Degraded(ReasonData),
    /// No phone came in time.
    #[serde(rename = "qr_timeout")]
    QrTimeout(ReasonData),
    /// Something went wrong.
    #[serde(rename = "error")]
    Error(ErrorData),
    /// A message came in, or was written on the phone.
    #[serde(rename = "message")]
    Message(Box<Message>),
    /// Somebody reacted to a message, or took that back.
    #[serde(rename = "message.reaction")]
    MessageReaction(Box<Message>),
    /// A message says something else now.
    #[serde(rename = "message.edit")]
    MessageEdit(Box<Message>),
    /// A message was deleted for everybody.
    #[serde(rename = "message.delete")]
    MessageDelete(Box<Message>),
    /// Somebody chose in a poll, or took their choice back.
    #[serde(rename = "poll.vote")]
    PollVote(Box<Message>),
    /// Somebody answered a calendar event.
    #[serde(rename = "event.response")]
    EventResponse(Box<Message>),
    /// A message stands at the top of its chat, or no longer.
    #[serde(rename = "message.pin")]
    MessagePin(Box<Message>),
    /// A message does not disappear, or does again.
    #[serde(rename = "message.keep")]
    MessageKeep(Box<Message>),
    /// A message came that could not be decrypted; it is asked for again.
    #[serde(rename = "message.undecryptable")]
    MessageUndecryptable(Box<UndecryptableData>),
    /// One's own message came further.
    #[serde(rename = "message.ack")]
    MessageAck(AckData),
    /// A member of a group has got, read or played one's own message. Told only while a webhook endpoint names it: a message to a
    /// thousand people would be told two thousand times.
    #[serde(rename = "message.receipt")]
    MessageReceipt(Box<ReceiptData>),
    /// A group is set to something else.
    #[serde(rename = "group.update")]
    GroupUpdate(Box<GroupUpdateData>),
    /// People came into a group, went, rose or fell.
    #[serde(rename = "group.participants")]
    GroupParticipants(GroupParticipantsData),
    /// A person shows something else.
    #[serde(rename = "contact.update")]
    ContactUpdate(ContactUpdateData),
    /// A chat is in another state.
    #[serde(rename = "chat.update")]
    ChatUpdate(ChatUpdateData),
    /// Posts of a channel fare otherwise now.
    #[serde(rename = "channel.reactions")]
    ChannelReactions(ChannelReactionsData),
    /// A label was made, changed or deleted.
    #[serde(rename = "label.update")]
    LabelUpdate(LabelUpdateData),
    /// Somebody is there, or types.
    #[serde(rename = "presence")]
    Presence(PresenceData),
    /// Somebody calls.
    #[serde(rename = "call")]
    Call(CallData),
    /// A piece of the past is stored.
    #[serde(rename = "history.sync")]
    HistorySync(HistorySyncData),
    /// A delivery of this session was the last that a webhook got.
    #[serde(rename = "webhook.disabled")]
    WebhookDisabled(WebhookDisabledData),
}

impl Event {
    /// The name of the event of a message, for who has the message as JSON already.
    pub const fn name_of(content: &Content) -> &'static str {
        match content {
            Content::Reaction { .. } => "message.reaction",
            Content::Edit { .. } => "message.edit",
            Content::Revoke { .. } => "message.delete",
            Content::Vote { .. } => "poll.vote",
            Content::Response { .. } => "event.response",
            Content::Pin { .. } => "message.pin",
            Content::Keep { .. } => "message.keep",
            Content::Text { .. }
            | Content::Image { .. }
            | Content::Video { .. }
            | Content::Audio { .. }
            | Content::Voice { .. }
            | Content::Document { .. }
            | Content::Sticker { .. }
            | Content::Location { .. }
            | Content::Contact { .. }
            | Content::Poll { .. }
            | Content::Event { .. }
            | Content::Unknown { .. }
            | Content::NotKept { .. } => "message",
        }
    }

    /// The names of all events of this version.
    pub const NAMES: [&'static str; 31] = [
        "qr",
        "pair_code",
        "passkey",
        "success",
        "connected",
        "disconnected",
        "logged_out",
        "degraded",
        "qr_timeout",
        "error",
        "message",
        "message.ack",
        "message.receipt",
        "message.reaction",
        "message.edit",
        "message.delete",
        "poll.vote",
        "event.response",
        "message.pin",
        "message.keep",
        "message.undecryptable",
        "group.update",
        "group.participants",
        "contact.update",
        "chat.update",
        "channel.reactions",
        "label.update",
        "presence",
        "call",
        "history.sync",
        "webhook.disabled",
    ];

    /// The name in the log, on the socket and in a webhook.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Qr(_) => "qr",
            Self::PairCode(_) => "pair_code",
            Self::Passkey(_) => "passkey",
            Self::Success(_) => "success",
            Self::Connected(_) => "connected",
            Self::Disconnected(_) => "disconnected",
            Self::LoggedOut(_) => "logged_out",
            Self::Degraded(_) => "degraded",
            Self::QrTimeout(_) => "qr_timeout",
            Self::Error(_) => "error",
            Self::Message(_) => "message",
            Self::MessageReaction(_) => "message.reaction",
            Self::MessageEdit(_) => "message.edit",
            Self::MessageDelete(_) => "message.delete",
            Self::PollVote(_) => "poll.vote",
            Self::EventResponse(_) => "event.response",
            Self::MessagePin(_) => "message.pin",
            Self::MessageKeep(_) => "message.keep",
            Self::MessageUndecryptable(_) => "message.undecryptable",
            Self::MessageAck(_) => "message.ack",
            Self::MessageReceipt(_) => "message.receipt",
            Self::GroupUpdate(_) => "group.update",
            Self::GroupParticipants(_) => "group.participants",
            Self::ContactUpdate(_) => "contact.update",
            Self::ChatUpdate(_) => "chat.update",
            Self::ChannelReactions(_) => "channel.reactions",
            Self::LabelUpdate(_) => "label.update",
            Self::Presence(_) => "presence",
            Self::Call(_) => "call",
            Self::HistorySync(_) => "history.sync",
            Self::WebhookDisabled(_) => "webhook.disabled",
        }
    }

    /// The `data` of the event as JSON text: made once, shared by every reader.
    pub fn data_json(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Qr(data) => serde_json::to_string(data),
            Self::PairCode(data) => serde_json::to_string(data),
            Self::Passkey(data) => serde_json::to_string(data),
            Self::Success(data) | Self::Connected(data) => serde_json::to_string(data),
            Self::Disconnected(data)
            | Self::LoggedOut(data)
            | Self::Degraded(data)
            | Self::QrTimeout(data) => serde_json::to_string(data),
            Self::Error(data) => serde_json::to_string(data),
            Self::Message(data)
            | Self::MessageReaction(data)
            | Self::MessageEdit(data)
            | Self::MessageDelete(data)
            | Self::PollVote(data)
            | Self::EventResponse(data)
            | Self::MessagePin(data)
            | Self::MessageKeep(data) => serde_json::to_string(data),
            Self::MessageUndecryptable(data) => serde_json::to_string(data),
            Self::MessageAck(data) => serde_json::to_string(data),
            Self::MessageReceipt(data) => serde_json::to_string(data),
            Self::GroupUpdate(data) => serde_json::to_string(data),
            Self::GroupParticipants(data) => serde_json::to_string(data),
            Self::ContactUpdate(data) => serde_json::to_string(data),
            Self::ChatUpdate(data) => serde_json::to_string(data),
            Self::ChannelReactions(data) => serde_json::to_string(data),
            Self::LabelUpdate(data) => serde_json::to_string(data),
            Self::Presence(data) => serde_json::to_string(data),
            Self::Call(data) => serde_json::to_string(data),
            Self::HistorySync(data) => serde_json::to_string(data),
            Self::WebhookDisabled(data) => serde_json::to_string(data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_event_is_its_tag() {
        let events = [
            Event::Success(AccountData::default()),
            Event::Degraded(ReasonData {
                reason: Reason::ConnectionLost,
                detail: None,
            }),
            Event::Error(ErrorData {
                code: "x".into(),
                detail: "y".into(),
            }),
            Event::WebhookDisabled(WebhookDisabledData {
                endpoint_id: "whe_1".into(),
                reason: "gone".into(),
                detail: "y".into(),
            }),
        ];
        for event in events {
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(json["type"], event.name());
            let data: serde_json::Value =
                serde_json::from_str(&event.data_json().unwrap()).unwrap();
            assert_eq!(json["data"], data);
            assert!(Event::NAMES.contains(&event.name()));
        }
    }
}
