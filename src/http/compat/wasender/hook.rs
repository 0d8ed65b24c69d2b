//! The webhook of a session in this dialect: a URL, a switch, and the names of events.
//!
//! Owns which of its names are told of which events. What is set is kept with the session as it was written; a name that nothing
//! is told under is kept and told nothing.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    error::Refusal,
    form::{Form, MAX_LINE},
};
use crate::service::{
    sessions::SessionView,
    webhooks::{Hook, Telling},
};

/// The name of the shape.
pub(super) const SHAPE: &str = "wasender";

/// Under which key of a session's metadata this dialect keeps what only it shows.
const KEPT: &str = "wasender";

/// The header that proves to a receiver who posts: it holds the secret itself.
const SIGNATURE: &str = "X-Webhook-Signature";

/// The longest name of an event, and the most of them.
const MAX_NAME: usize = 64;
const MAX_NAMES: usize = 64;

/// Each name, and the events that it is told of.
const NAMES: [(&str, &[&str]); 24] = [
    ("messages.received", &["message"]),
    ("messages.upsert", &["message"]),
    ("messages-personal.received", &["message"]),
    ("messages-group.received", &["message"]),
    ("messages-newsletter.received", &["message"]),
    ("session.status", &STATES),
    ("qrcode.updated", &["qr"]),
    ("message.sent", &["message.ack"]),
    ("messages.update", &["message.ack"]),
    ("message-receipt.update", &["message.receipt"]),
    ("messages.delete", &["message.delete"]),
    ("messages.reaction", &["message.reaction"]),
    ("chats.upsert", &["chat.update"]),
    ("chats.update", &["chat.update"]),
    ("chats.delete", &["chat.update"]),
    ("contacts.upsert", &["contact.update"]),
    ("contacts.update", &["contact.update"]),
    ("groups.upsert", &["group.update"]),
    ("groups.update", &["group.update"]),
    ("group-participants.update", &["group.participants"]),
    ("call", &["call"]),
    ("call.received", &["call"]),
    ("poll.results", &["poll.vote"]),
    // An older document has these in its samples.
    ("messages.recieved", &["message"]),
];

/// The events that tell the state of a session.
pub(super) const STATES: [&str; 7] = [
    "qr",
    "success",
    "connected",
    "disconnected",
    "logged_out",
    "degraded",
    "qr_timeout",
];

/// What older samples call an event.
fn today(name: &str) -> &str {
    match name {
        "message" => "messages.received",
        "status_update" => "session.status",
        "group_update" => "groups.update",
        other => other,
    }
}

/// What this dialect keeps of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// The number that its owner said it is for.
    pub(super) phone: Option<String>,
    pub(super) url: Option<String>,
    pub(super) enabled: bool,
    /// None is told as null.
    pub(super) names: Option<Vec<String>>,
}

impl Kept {
    pub(super) fn of(session: &SessionView) -> Self {
        let kept = session.metadata.get(KEPT).unwrap_or(&Value::Null);
        let text = |name: &str| kept[name].as_str().map(str::to_owned);
        let names = kept["webhook_events"].as_array().map(|names| {
            let names = names.iter().filter_map(Value::as_str);
            names.map(str::to_owned).collect()
        });
        Self {
            phone: text("phone_number"),
            url: text("webhook_url"),
            enabled: kept["webhook_enabled"] == true,
            names,
        }
    }

    /// Whether anything is to be posted.
    pub(super) fn tells(&self) -> bool {
        self.enabled && self.url.is_some()
    }

    /// Puts it into a session's metadata.
    pub(super) fn keep(&self, metadata: &mut Map<String, Value>) {
        let kept = json!({
            "phone_number": self.phone,
            "webhook_url": self.url,
            "webhook_enabled": self.enabled,
            "webhook_events": self.names,
        });
        metadata.insert(KEPT.to_owned(), kept);
    }

    /// Takes over what a body says of the webhook; what it leaves out stays.
    pub(super) fn read(&mut self, form: &mut Form) {
        if form.mentions("webhook_url") {
            let url = form.text("webhook_url", MAX_LINE);
            self.url = url.filter(|url| !url.is_empty());
        }
        if let Some(enabled) = form.flag("webhook_enabled") {
            self.enabled = enabled;
        }
        if form.has("webhook_events") {
            self.names = form.list("webhook_events");
            let fits = |names: &Vec<String>| {
                names.len() <= MAX_NAMES && names.iter().all(|name| name.len() <= MAX_NAME)
            };
            if !self.names.as_ref().is_none_or(fits) {
                form.fault("webhook_events", "These are too many, or too long.");
            }
        }
        if self.enabled && self.url.is_none() && form.mentions("webhook_enabled") {
            let detail = "The webhook_url field is required when webhook_enabled is true.";
            form.fault("webhook_url", detail);
        }
    }

    /// What is posted where; none while it is switched off or has nothing to tell.
    pub(super) fn hook(&self, secret: &str) -> Option<Hook> {
        let url = self.url.clone().filter(|_| self.enabled)?;
        let mut tells: Vec<Telling> = Vec::new();
        for name in self.names.iter().flatten() {
            let name = today(name);
            let known = NAMES.iter().find(|(known, _)| *known == name);
            let is_new = tells.iter().all(|telling| telling.variant != name);
            if let (Some((_, types)), true) = (known, is_new) {
                tells.push(Telling {
                    variant: name.to_owned(),
                    types: types.iter().map(|word| (*word).to_owned()).collect(),
                });
            }
        }
        let headers = BTreeMap::from([(SIGNATURE.to_owned(), secret.to_owned())]);
        (!tells.is_empty()).then(|| Hook {
            url,
            shape: SHAPE.to_owned(),
            tells,
            headers,
        })
    }
}

/// A fault of the URL, under the name that it has here.
pub(super) fn named(refusal: Refusal) -> Refusal {
    refusal.renamed(|field| match field {
        "url" => Some("webhook_url"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Event;

    #[test]
    fn every_name_is_told_of_events_that_there_are() {
        for (name, types) in NAMES {
            assert!(
                types.iter().all(|word| Event::NAMES.contains(word)),
                "{name}"
            );
        }
    }

    #[test]
    fn a_webhook_tells_what_is_known_once_and_nothing_while_it_is_off() {
        let names = [
            "message",
            "messages.received",
            "nothing.known",
            "messages.upsert",
        ];
        let mut kept = Kept {
            url: Some("https://x.example".to_owned()),
            enabled: true,
            names: Some(names.map(str::to_owned).to_vec()),
            ..Kept::default()
        };
        let hook = kept.hook("s").unwrap();
        let variants: Vec<_> = hook.tells.iter().map(|one| &*one.variant).collect();
        assert_eq!(variants, ["messages.received", "messages.upsert"]);
        assert_eq!(hook.headers[SIGNATURE], "s");
        kept.enabled = false;
        assert_eq!(kept.hook("s"), None);
    }
}
