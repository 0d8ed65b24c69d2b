//! The data of what happens around people, chats, groups and calls.

use serde::{Deserialize, Serialize};

use crate::domain::{
    address::{Chat, Party},
    community::LinkedGroup,
    is_false,
};

/// `group.update`: a group is set to something else, was made or is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GroupUpdateData {
    /// The group.
    pub chat: Chat,
    /// Who did it, where WhatsApp tells.
    pub by: Option<Party>,
    /// RFC 3339.
    pub timestamp: String,
    /// What is different now; what is absent has not changed.
    pub changes: GroupChanges,
}

/// What is different about a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct GroupChanges {
    /// It was made, or this account came into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
    /// It is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its description; empty when it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Only admins write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announce: Option<bool>,
    /// Only admins change how it looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
    /// Whoever comes by link waits for an admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<bool>,
    /// Members add others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members_add: Option<bool>,
    /// Messages disappear after so many seconds; 0 is never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_s: Option<u32>,
    /// The invite that there was leads nowhere any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_renewed: Option<bool>,
    /// The id of its new picture; empty when it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture_id: Option<String>,
    /// The community that it belongs to now; empty when it left one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community: Option<String>,
    /// Of a community: the groups that came into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linked: Option<Vec<LinkedGroup>>,
    /// Of a community: the groups that left it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlinked: Option<Vec<LinkedGroup>>,
    /// Of a community: members make groups in it, not admins alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members_create: Option<bool>,
}

/// `group.participants`: people came, went, rose or fell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GroupParticipantsData {
    /// The group.
    pub chat: Chat,
    /// What became of them.
    pub action: ParticipantsAction,
    /// Who did it, where WhatsApp tells; whoever leaves does it themselves.
    pub by: Option<Party>,
    /// To whom.
    pub participants: Vec<Party>,
    /// RFC 3339.
    pub timestamp: String,
    /// WhatsApp's word for why, such as `invite`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of people in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParticipantsAction {
    /// They are in it now.
    Add,
    /// They are not in it any more.
    Remove,
    /// They are admins now.
    Promote,
    /// They are no admins any more.
    Demote,
    /// They ask to join.
    Request,
    /// They do not ask any more, or were turned away.
    RequestRevoked,
}

/// `contact.update`: a person shows something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ContactUpdateData {
    /// Who.
    #[serde(flatten)]
    pub party: Party,
    /// What is different now; what is absent has not changed.
    pub changes: ContactChanges,
    /// Whether this only tells how it was when the session came to know it, as after linking.
    #[serde(default, skip_serializing_if = "is_false")]
    pub initial: bool,
}

/// What is different about a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct ContactChanges {
    /// The name in the account's address book.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name that they go by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_name: Option<String>,
    /// The text about themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The id of their new picture; empty when it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture_id: Option<String>,
}

/// `chat.update`: this account has a chat in another state, whichever of its devices did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChatUpdateData {
    /// The chat.
    pub chat: Chat,
    /// What is different now; what is absent has not changed.
    pub changes: ChatChanges,
    /// Whether this only tells how it was when the session came to know it, as after linking.
    #[serde(default, skip_serializing_if = "is_false")]
    pub initial: bool,
}

/// What is different about a chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct ChatChanges {
    /// Whether it is put away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Whether it stays on top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Whether it is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted: Option<bool>,
    /// Until when it is silent, RFC 3339; absent when that has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<String>,
    /// After how many seconds its messages disappear; 0 is never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_s: Option<u32>,
    /// Whether it counts as read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<bool>,
    /// A label was put on it, or taken from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub label: Option<ChatLabel>,
    /// It was emptied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared: Option<bool>,
    /// It was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<bool>,
}

/// A label of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChatLabel {
    /// WhatsApp's id of the label.
    pub id: String,
    /// Whether the chat has it.
    pub labeled: bool,
}

/// `label.update`: a label was made, changed or deleted, on whichever device of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LabelUpdateData {
    /// WhatsApp's id of the label.
    pub id: String,
    /// What it is called; absent when it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The number of its colour, 0 to 19.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<i32>,
    /// It is gone, from every chat as well.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// Whether this only tells how it was when the session came to know it, as after linking.
    #[serde(default, skip_serializing_if = "is_false")]
    pub initial: bool,
}

/// `presence`: somebody is there, or types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PresenceData {
    /// Where.
    pub chat: Chat,
    /// Who.
    pub sender: Party,
    /// What they do.
    pub state: PresenceState,
    /// When they were last there, RFC 3339, where they show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
}

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresenceState {
    /// They are there.
    Online,
    /// They are not.
    Offline,
    /// They write.
    Typing,
    /// They speak.
    Recording,
    /// They have stopped to write or speak.
    Paused,
}

/// `call`: somebody calls, or no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallData {
    /// WhatsApp's id of the call.
    pub call_id: String,
    /// Where: the caller, or the group.
    pub chat: Chat,
    /// Who calls.
    pub sender: Party,
    /// How it stands.
    pub status: CallStatus,
    /// Whether there is a picture.
    pub is_video: bool,
    /// RFC 3339.
    pub timestamp: String,
}

/// How a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It can be rejected.
    Ringing,
    /// This session has rejected it.
    Rejected,
    /// The caller has given up, or it is over.
    Ended,
    /// It came while the session was away.
    Missed,
    /// Another device of the account has taken or rejected it.
    Elsewhere,
}
