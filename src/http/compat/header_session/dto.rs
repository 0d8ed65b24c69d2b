//! The bodies of this dialect, and the words that it has for the states of a session.

use entity::enums::SessionState;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Refusal, Sending};
use crate::{
    domain::{address::Address, clock::rfc3339, event::QrData},
    service::{Ctx, Error, contacts::Contacts, messages, sessions::SessionView},
};

/// The longest text, in characters.
const MAX_MESSAGE: usize = 4096;
/// The longest `to` that is looked at: a number with everything that people put between its digits, or a group.
const MAX_TO: usize = 96;

/// Where a session is, in the words of this dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Initializing,
    WaitingQr,
    Ready,
    Failed,
}

impl State {
    pub(super) const fn of(state: SessionState) -> Self {
        match state {
            SessionState::Disconnected | SessionState::Connecting | SessionState::Degraded => {
                Self::Initializing
            }
            SessionState::NeedScan => Self::WaitingQr,
            SessionState::Connected => Self::Ready,
            SessionState::LoggedOut | SessionState::Expired => Self::Failed,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::WaitingQr => "waiting_qr",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Initializing => "Starting up, please wait...",
            Self::WaitingQr => "Scan this QR code with WhatsApp",
            Self::Ready => "Connected and ready to send messages",
            Self::Failed => "Authentication failed. Request QR code to retry.",
        }
    }
}

/// What `/qr` answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CodeResponse {
    session_id: String,
    status: State,
    /// A picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr: Option<String>,
    /// What the picture holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr_raw: Option<String>,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<String>,
}

impl CodeResponse {
    /// With a code to scan.
    pub(super) fn scan(session_id: String, code: QrData) -> Self {
        Self {
            session_id,
            status: State::WaitingQr,
            qr: Some(code.image),
            qr_raw: Some(code.code),
            message: State::WaitingQr.message(),
            connected_at: None,
        }
    }

    /// Without one.
    pub(super) fn without(session_id: String, session: &SessionView) -> Self {
        let status = State::of(session.state);
        Self {
            session_id,
            status,
            qr: None,
            qr_raw: None,
            message: match status {
                State::WaitingQr => "Generating QR code...",
                other => other.message(),
            },
            connected_at: session.connected_at.map(rfc3339),
        }
    }
}

/// What `/status` answers of a session.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StandingResponse {
    session_id: String,
    status: State,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<String>,
    /// Sent since then.
    pub(super) message_count: u64,
    /// Sent in the last minute, which is what the original counts.
    pub(super) messages_this_minute: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) qr_code: Option<String>,
}

impl StandingResponse {
    pub(super) fn of(session_id: String, session: &SessionView) -> Self {
        let status = State::of(session.state);
        Self {
            session_id,
            status,
            message: status.message(),
            connected_at: session.connected_at.map(rfc3339),
            message_count: 0,
            messages_this_minute: 0,
            qr_code: None,
        }
    }
}

/// What `/status` answers where there is none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NoSession {
    session_id: String,
    status: &'static str,
    message: &'static str,
}

impl NoSession {
    pub(super) const fn of(session_id: String) -> Self {
        Self {
            session_id,
            status: "not_found",
            message: super::error::NO_SESSION,
        }
    }
}

/// What `/health` answers.
#[derive(Debug, Serialize)]
pub(super) struct Health {
    status: &'static str,
    sessions: Counts,
    /// Whole seconds.
    uptime: i64,
}

#[derive(Debug, Default, Serialize)]
struct Counts {
    total: usize,
    ready: usize,
    waiting_qr: usize,
    initializing: usize,
    failed: usize,
}

impl Health {
    pub(super) fn of(states: impl Iterator<Item = State>, uptime_ms: i64) -> Self {
        let mut sessions = Counts::default();
        for state in states {
            sessions.total += 1;
            match state {
                State::Ready => sessions.ready += 1,
                State::WaitingQr => sessions.waiting_qr += 1,
                State::Initializing => sessions.initializing += 1,
                State::Failed => sessions.failed += 1,
            }
        }
        Self {
            status: "ok",
            sessions,
            uptime: uptime_ms / 1000,
        }
    }
}

/// What `/send` takes: to whom, and what. What is wrong with each is told in the words of the dialect.
pub(super) fn message(body: &Map<String, Value>) -> Result<(Recipient, String), Refusal> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let to = text("to").and_then(Recipient::read);
    let to = to.ok_or_else(Refusal::bad_number)?;
    let message = text("message").filter(|it| (1..=MAX_MESSAGE).contains(&it.chars().count()));
    let message = message.ok_or_else(Refusal::bad_message)?;
    Ok((to, message.to_owned()))
}

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recipient {
    /// The digits of a person's number.
    Person(String),
    /// A group, by the part before the `@`.
    Group(String),
}

impl Recipient {
    fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_TO {
            return None;
        }
        match text.split_once('@') {
            None | Some((_, "c.us" | "s.whatsapp.net")) => {}
            Some(_) => {
                return match text.parse() {
                    Ok(Address::Group(id)) => Some(Self::Group(id)),
                    _ => None,
                };
            }
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        (8..=15)
            .contains(&digits.len())
            .then_some(Self::Person(digits))
    }

    /// The form of the number that is on WhatsApp: many Brazilian mobiles are there without the 9 that is dialled.
    pub(super) async fn known(
        self,
        contacts: &Contacts,
        ctx: &Ctx,
        session: &str,
    ) -> Result<Self, Error> {
        let Self::Person(digits) = &self else {
            return Ok(self);
        };
        let Some(short) = without_the_nine(digits) else {
            return Ok(self);
        };
        let asked = vec![digits.clone(), short];
        let checked = match contacts.check(ctx, session, asked).await {
            Ok(checked) => checked,
            // A key that may send and not read sends as it was told.
            Err(Error::Forbidden { .. }) => return Ok(self),
            Err(other) => return Err(other),
        };
        let there = checked.into_iter().find(|one| one.found.is_some());
        Ok(match there {
            Some(one) => Self::Person(one.query),
            None => self,
        })
    }

    pub(super) fn address(&self) -> Address {
        match self {
            Self::Person(digits) => Address::Phone(digits.clone()),
            Self::Group(id) => Address::Group(id.clone()),
        }
    }
}

/// A Brazilian mobile of 13 digits without the 9 behind its area code.
fn without_the_nine(digits: &str) -> Option<String> {
    let mobile = digits.len() == 13 && digits.starts_with("55") && digits.as_bytes()[4] == b'9';
    mobile.then(|| format!("{}{}", &digits[..4], &digits[5..]))
}

/// What `/send` answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sent {
    success: bool,
    /// Of the original's library: direction, chat and id in one.
    id: String,
    message_id: String,
    timestamp: String,
    /// The digits that were used.
    to: String,
    session_id: String,
    /// Whether WhatsApp has it already.
    status: Sending,
}

impl Sent {
    pub(super) fn of(session_id: String, to: &Recipient, sent: &messages::Sent, now: i64) -> Self {
        let (chat, to) = match to {
            Recipient::Person(digits) => (format!("{digits}@c.us"), digits.clone()),
            Recipient::Group(id) => (format!("{id}@g.us"), format!("{id}@g.us")),
        };
        Self {
            success: true,
            id: format!("true_{chat}_{}", sent.message_id),
            message_id: sent.message_id.clone(),
            timestamp: rfc3339(now),
            to,
            session_id,
            status: sent.status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_the_digits_of_a_number_or_a_group() {
        let person = |digits: &str| Some(Recipient::Person(digits.to_owned()));
        assert_eq!(
            Recipient::read("+55 (11) 99988-7766"),
            person("5511999887766")
        );
        assert_eq!(
            Recipient::read("5511999887766@c.us"),
            person("5511999887766")
        );
        assert_eq!(
            Recipient::read("120363302171476233@g.us"),
            Some(Recipient::Group("120363302171476233".to_owned()))
        );
        for bad in [
            "",
            "1234567",
            "1234567890123456",
            "77@lid",
            "status@broadcast",
            &"1 ".repeat(49),
        ] {
            assert_eq!(Recipient::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_a_brazilian_mobile_has_a_form_without_the_nine() {
        assert_eq!(
            without_the_nine("5511999887766").as_deref(),
            Some("551199887766")
        );
        for other in ["551199887766", "5511899887766", "4915112345678"] {
            assert_eq!(without_the_nine(other), None, "{other}");
        }
    }

    #[test]
    fn every_session_is_counted_once_and_seconds_are_whole() {
        let states = [
            State::Ready,
            State::Ready,
            State::WaitingQr,
            State::Failed,
            State::Initializing,
        ];
        let shown = serde_json::to_value(Health::of(states.into_iter(), 3_600_999)).unwrap();
        assert_eq!(
            shown,
            serde_json::json!({"status": "ok", "uptime": 3600, "sessions":
                {"total": 5, "ready": 2, "waiting_qr": 1, "initializing": 1, "failed": 1}})
        );
    }
}
