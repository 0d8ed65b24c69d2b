//! The bodies that this dialect answers with: a session, a code, what became of a message.
//!
//! Each is one object that holds what both forms read.

use serde_json::{Map, Value, json};
use url::Url;

use super::{error::Refusal, fields::Fields};
use crate::{
    domain::{clock::rfc3339, event::QrData, session::Qr},
    service::{messages::Sent, sessions::SessionView, webhooks::Hook},
};
use entity::enums::SessionState;

/// Under which key of a session's metadata this dialect keeps what only it shows.
pub(super) const KEPT: &str = "multisession";

/// The schemes of a proxy that there are.
const PROXIES: [&str; 2] = ["http", "socks5"];

/// The flags and the word of a state.
pub(super) const fn state(session: &SessionView) -> (&'static str, bool, bool) {
    match session.state {
        SessionState::Connected => ("connected", true, true),
        SessionState::NeedScan => ("qr", true, false),
        SessionState::Connecting | SessionState::Degraded => ("connecting", false, false),
        SessionState::LoggedOut => ("logged_out", false, false),
        SessionState::Disconnected | SessionState::Expired => ("disconnected", false, false),
    }
}

/// What this dialect keeps of a session.
fn kept(session: &SessionView, name: &str) -> Value {
    session
        .metadata
        .get(KEPT)
        .map_or(Value::Null, |kept| kept[name].clone())
}

/// Where a session stands among the others.
pub(super) fn position(session: &SessionView) -> i64 {
    kept(session, "position").as_i64().unwrap_or(0)
}

/// The metadata of a session that is to stand elsewhere among the others.
pub(super) fn moved(session: &SessionView, position: i64) -> Map<String, Value> {
    let mut metadata = session.metadata.clone();
    let is_generated = kept(session, "is_generated");
    let kept = json!({"position": position, "is_generated": is_generated});
    metadata.insert(KEPT.to_owned(), kept);
    metadata
}

/// A session, with the number of its owner and its webhook.
pub(super) fn session(
    session: &SessionView,
    owner: i64,
    hook: Option<&Hook>,
) -> Map<String, Value> {
    let (status, connected, logged_in) = state(session);
    let phone = match kept(session, "is_generated") {
        Value::Bool(true) => format!("{}@s.whatsapp.net", session.handle),
        _ => session.handle.clone(),
    };
    let gone = matches!(
        session.state,
        SessionState::LoggedOut | SessionState::Expired
    );
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            shown.insert(name.to_owned(), value);
        }
    };
    put("id", session.handle.clone().into());
    put("phone", phone.into());
    let actual = session.phone.as_ref().filter(|_| !gone);
    put(
        "actual_phone",
        actual
            .map(|digits| format!("{digits}@s.whatsapp.net"))
            .into(),
    );
    put("name", session.name.clone().unwrap_or_default().into());
    put("position", position(session).into());
    put("webhook_url", hook.map(|hook| hook.url.clone()).into());
    put("webhook_format", hook.map(|hook| hook.shape.clone()).into());
    put(
        "auto_reply_text",
        session.settings.auto_reply_text.clone().into(),
    );
    put("enabled", session.settings.enabled.into());
    let proxy = session.settings.proxy_url.as_deref();
    put("proxy_config", proxy.and_then(proxy_shown).into());
    put("connected", connected.into());
    put("logged_in", logged_in.into());
    put("status", status.into());
    put("user_id", owner.into());
    put("created_at", rfc3339(session.created_at).into());
    shown
}

/// A proxy in its parts; its password is never shown.
fn proxy_shown(url: &str) -> Option<Value> {
    let url: Url = url.parse().ok()?;
    Some(json!({
        "enabled": true,
        "type": url.scheme(),
        "host": url.host_str(),
        "port": url.port_or_known_default(),
        "username": url.username(),
        "password": url.password().map(|_| "***"),
    }))
}

/// The URL of a proxy from its parts; none if it is switched off.
pub(super) fn proxy_url(config: &Fields) -> Result<Option<String>, Refusal> {
    if config.flag("enabled")? == Some(false) {
        return Ok(None);
    }
    let part = |name: &'static str| config.text(&[name], 255);
    let scheme = part("type")?.unwrap_or_else(|| PROXIES[0].to_owned());
    if !PROXIES.contains(&scheme.as_str()) {
        return Err(Refusal::invalid("proxy_config.type must be http or socks5"));
    }
    let host = config.said(&["host"], 255, "proxy_config.host is required")?;
    let port = config
        .whole("port")?
        .and_then(|port| u16::try_from(port).ok());
    let port = port.filter(|port| *port > 0);
    let port = port.ok_or_else(|| Refusal::invalid("proxy_config.port must be 1 to 65535"))?;
    let wrong = || Refusal::invalid("proxy_config.host must be a name or an address");
    let mut url: Url = format!("{scheme}://proxy:{port}")
        .parse()
        .map_err(|_| wrong())?;
    url.set_host(Some(&host)).map_err(|_| wrong())?;
    if let Some(username) = part("username")?.filter(|name| !name.is_empty()) {
        url.set_username(&username).map_err(|()| wrong())?;
        let password = part("password")?;
        url.set_password(password.as_deref())
            .map_err(|()| wrong())?;
    }
    Ok(Some(url.into()))
}

/// A code to scan: a picture and what it holds, at the top and in `data`.
pub(super) fn code(code: &Qr, shown: QrData, now: i64) -> Map<String, Value> {
    let nanoseconds = (code.expires_at - now).max(0).saturating_mul(1_000_000);
    let mut data = Map::new();
    data.insert("qr_code".to_owned(), shown.image.into());
    data.insert("qr".to_owned(), shown.code.into());
    data.insert("timeout".to_owned(), nanoseconds.into());
    data.insert("expires_at".to_owned(), shown.expires_at.into());
    data
}

/// What became of a message, under every name that a client reads.
pub(super) fn sent(session: &str, message: &str, sent: &Sent, now: i64) -> Value {
    let seconds = now.div_euclid(1000);
    json!({
        "success": true,
        "message": message,
        "message_id": sent.message_id,
        "id": sent.message_id,
        "session_id": session,
        "session": session,
        "timestamp": seconds,
        "data": {
            "message_id": sent.message_id,
            "id": sent.message_id,
            "timestamp": seconds,
            "session": session,
        },
    })
}

/// `{"success":true,"message"}` with more fields.
pub(super) fn done(message: &str, more: Map<String, Value>) -> Value {
    let mut body = Map::new();
    body.insert("success".to_owned(), true.into());
    body.insert("message".to_owned(), message.into());
    body.extend(more);
    Value::Object(body)
}

/// `{"success":true,"message"}`.
pub(super) fn only(message: &str) -> Value {
    done(message, Map::new())
}
