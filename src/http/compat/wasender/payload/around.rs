//! What this dialect tells of chats, people, groups and calls.

use serde_json::{Map, Value, json};

use super::super::dto::jid;
use crate::domain::{
    address::ChatKind,
    event::{
        CallData, CallStatus, ChatUpdateData, ContactUpdateData, GroupParticipantsData,
        GroupUpdateData, ParticipantsAction,
    },
};

pub(super) fn chat(name: &str, update: &ChatUpdateData) -> Option<Value> {
    let id = jid(&update.chat.party);
    let is_deleted = update.changes.deleted == Some(true);
    let meant = match name {
        "chats.delete" => return is_deleted.then(|| json!([id])),
        "chats.upsert" => update.initial && !is_deleted,
        _ => !update.initial && !is_deleted,
    };
    let changes = &update.changes;
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            shown.insert(name.to_owned(), value);
        }
    };
    put("id", id.into());
    put("archived", json!(changes.archived));
    put("pinned", json!(changes.pinned));
    put("muted", json!(changes.muted));
    put("ephemeralExpiration", json!(changes.ephemeral_s));
    put(
        "unreadCount",
        json!(changes.read.map(|read| if read { 0 } else { -1 })),
    );
    meant.then(|| json!([shown]))
}

pub(super) fn contact(name: &str, update: &ContactUpdateData) -> Option<Value> {
    let id = jid(&update.party);
    let changes = &update.changes;
    let shown = json!([{
        "jid": id,
        "id": id,
        "name": changes.name,
        "notify": changes.push_name,
        "verifiedName": null,
        "status": changes.about,
        "imgUrl": changes.picture_id.as_ref().map(|_| "changed"),
    }]);
    (update.initial == (name == "contacts.upsert")).then_some(shown)
}

pub(super) fn group(name: &str, update: &GroupUpdateData) -> Option<Value> {
    let changes = &update.changes;
    let is_new = changes.created == Some(true);
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            shown.insert(name.to_owned(), value);
        }
    };
    put("id", jid(&update.chat.party).into());
    put("jid", jid(&update.chat.party).into());
    put("subject", json!(changes.subject));
    put("name", json!(changes.subject));
    put("desc", json!(changes.description));
    put("announce", json!(changes.announce));
    put("restrict", json!(changes.locked));
    put("joinApprovalMode", json!(changes.approval));
    put("ephemeralDuration", json!(changes.ephemeral_s));
    put("linkedParent", json!(changes.community));
    (is_new == (name == "groups.upsert")).then(|| json!([shown]))
}

pub(super) fn participants(update: &GroupParticipantsData) -> Option<Value> {
    let action = match update.action {
        ParticipantsAction::Add => "add",
        ParticipantsAction::Remove => "remove",
        ParticipantsAction::Promote => "promote",
        ParticipantsAction::Demote => "demote",
        ParticipantsAction::Request | ParticipantsAction::RequestRevoked => return None,
    };
    let id = jid(&update.chat.party);
    let people: Vec<String> = update.participants.iter().map(jid).collect();
    Some(json!({"id": id, "jid": id, "participants": people, "action": action}))
}

pub(super) fn call(call: &CallData) -> Value {
    let status = match call.status {
        CallStatus::Ringing => "offer",
        CallStatus::Rejected => "reject",
        CallStatus::Ended => "terminate",
        CallStatus::Missed => "timeout",
        CallStatus::Elsewhere => "accept",
    };
    json!({"call": {
        "id": call.call_id,
        "from": jid(&call.sender),
        "date": call.timestamp,
        "isGroup": call.chat.kind == ChatKind::Group,
        "isVideo": call.is_video,
        "status": status,
    }})
}
