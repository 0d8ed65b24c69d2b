//! The bodies that this dialect answers with.

use entity::enums::SessionState;
use serde_json::{Value, json};

use super::hook::Kept;
use crate::{
    domain::{
        address::Party,
        clock::{from_rfc3339, rfc3339},
        group::{Group, GroupKind, Member, MemberResult, Role},
        session::Reason,
    },
    http::extract::Json,
    service::{contacts::Known, credentials::Credentials, sessions::SessionView},
};

/// `{"success":true,"message","data"}`.
pub(super) fn done(message: &str, data: Value) -> Json<Value> {
    Json(json!({"success": true, "message": message, "data": data}))
}

/// The word of a state. `is_loud` is for clients that compare it with capitals.
pub(super) fn status(session: &SessionView, is_loud: bool) -> String {
    let reason = session.reason.as_deref();
    let word = match session.state {
        SessionState::Connected => "connected",
        SessionState::NeedScan => "need_scan",
        SessionState::Connecting | SessionState::Degraded => "connecting",
        SessionState::Disconnected => "disconnected",
        // Who disconnects here unlinks; who let the codes run out connects again.
        SessionState::LoggedOut if reason == Some(Reason::Requested.as_str()) => "disconnected",
        SessionState::Expired if reason == Some(Reason::QrTimeout.as_str()) => "disconnected",
        SessionState::LoggedOut => "logged_out",
        SessionState::Expired => "expired",
    };
    if is_loud {
        word.to_uppercase()
    } else {
        word.to_owned()
    }
}

/// RFC 3339 with microseconds.
pub(super) fn time(ms: i64) -> String {
    rfc3339(ms).replace('Z', "000Z")
}

/// A session, with its number and its owner's; its credentials are empty texts to whoever may not have them.
pub(super) fn session(
    session: &SessionView,
    (number, owner): (i64, i64),
    credentials: Option<&Credentials>,
    is_loud: bool,
) -> Value {
    let kept = Kept::of(session);
    let settings = &session.settings;
    let linked = session.phone.as_ref().map(|digits| format!("+{digits}"));
    let secret = |of: fn(&Credentials) -> &str| credentials.map_or("", of);
    json!({
        "id": number,
        "user_id": owner,
        "name": session.name.clone().unwrap_or_else(|| session.handle.clone()),
        "phone_number": kept.phone.or(linked).unwrap_or_default(),
        "status": status(session, is_loud),
        "account_protection": settings.account_protection,
        "log_messages": settings.log_messages,
        "read_incoming_messages": settings.read_incoming_messages,
        "auto_reject_calls": settings.auto_reject_calls,
        "always_online": settings.always_online,
        "ignore_groups": settings.ignore_groups,
        "ignore_broadcasts": settings.ignore_broadcasts,
        "ignore_channels": settings.ignore_channels,
        "proxy_url": settings.proxy_url,
        "webhook_url": kept.url,
        "webhook_enabled": kept.enabled,
        "webhook_events": kept.names,
        "api_key": secret(|own| &own.api_key),
        "webhook_secret": secret(|own| &own.webhook_secret),
        "session_data": {},
        "last_active_at": time(session.connected_at.unwrap_or(session.created_at)),
        "created_at": time(session.created_at),
        "updated_at": time(session.connected_at.unwrap_or(session.created_at)),
    })
}

/// The address by the number where that is known.
pub(super) fn jid(party: &Party) -> String {
    match &party.phone {
        Some(digits) => format!("{digits}@s.whatsapp.net"),
        None => party.id.clone(),
    }
}

/// Somebody whom the session knows.
pub(super) fn contact(known: &Known) -> Value {
    let jid = jid(&known.party);
    json!({
        "id": jid,
        "jid": jid,
        "lid": known.party.lid,
        "name": known.name,
        "notify": known.push_name,
        "verifiedName": null,
        "imgUrl": null,
        "status": null,
        "exists": true,
    })
}

fn member(member: &Member) -> Value {
    let jid = jid(&member.party);
    json!({
        "id": jid,
        "jid": jid,
        "lid": member.party.lid,
        "admin": match member.role {
            Role::Member => Value::Null,
            Role::Admin => "admin".into(),
            Role::Owner => "superadmin".into(),
        },
        "isAdmin": member.role.is_admin(),
        "isSuperAdmin": member.role == Role::Owner,
    })
}

pub(super) fn members(group: &Group) -> Vec<Value> {
    group.participants.iter().map(member).collect()
}

/// Everything about a group.
pub(super) fn metadata(group: &Group) -> Value {
    let info = &group.info;
    let created = info.created_at.as_deref().and_then(from_rfc3339);
    json!({
        "id": info.id,
        "jid": info.id,
        "name": info.subject,
        "subject": info.subject,
        "creation": created.unwrap_or(0).div_euclid(1000),
        "owner": info.owner.as_ref().map(jid),
        "desc": info.description,
        "size": info.size,
        "announce": info.announce,
        "restrict": info.locked,
        "imgUrl": null,
        "linkedParent": info.community,
        "isCommunity": info.is_community,
        "isCommunityAnnounce": info.kind == GroupKind::Announcement,
        "joinApprovalMode": info.approval,
        "ephemeralDuration": info.ephemeral_s,
        "participants": members(group),
    })
}

/// How a change went for each person.
pub(super) fn results(results: &[MemberResult], done: &str) -> Vec<Value> {
    let shown = results.iter().map(|one| {
        let jid = jid(&one.party);
        let message = match one.status {
            200 => done,
            403 => "not-authorized",
            409 => "already in the group",
            _ => one.code,
        };
        json!({"status": one.status, "id": jid, "jid": jid, "message": message})
    });
    shown.collect()
}
