//! Messages out and in, and what the phones have of them.

use std::time::{Duration, Instant};

use entity::ids::SessionId;
use serde_json::{Value, json};
use wharf::{
    domain::message::Status,
    service::{
        Error,
        messages::{NewMessage, Sent},
    },
};

use super::{DEADLINE, Field, POLL};

fn new_message(to: &str, text: &str) -> NewMessage {
    NewMessage::text(to.parse().unwrap(), text)
}

impl Field {
    /// Sends a text and waits for what becomes of it.
    pub(crate) async fn send(
        &self,
        session: SessionId,
        to: &str,
        text: &str,
    ) -> Result<Sent, Error> {
        self.send_keyed(session, to, text, None).await
    }

    /// As [`Field::send`], without waiting.
    pub(crate) async fn post(
        &self,
        session: SessionId,
        to: &str,
        text: &str,
    ) -> Result<Sent, Error> {
        let new = NewMessage {
            wait: Duration::ZERO,
            ..new_message(to, text)
        };
        let messages = &self.process.messages;
        messages.send(&self.ctx, &session.to_string(), new).await
    }

    /// As [`Field::send`], with an idempotency key.
    pub(crate) async fn send_keyed(
        &self,
        session: SessionId,
        to: &str,
        text: &str,
        key: Option<&str>,
    ) -> Result<Sent, Error> {
        let new = NewMessage {
            key: key.map(str::to_owned),
            ..new_message(to, text)
        };
        let messages = &self.process.messages;
        messages.send(&self.ctx, &session.to_string(), new).await
    }

    /// Where a message is, by WhatsApp's id.
    pub(crate) async fn status(&self, session: SessionId, message_id: &str) -> Status {
        let messages = &self.process.messages;
        let stored = messages
            .get(&self.ctx, &session.to_string(), message_id)
            .await;
        stored.unwrap().status.unwrap()
    }

    /// Waits until the phone has received a text.
    pub(crate) async fn until_phone_has(&self, number: &str, text: &str) -> Value {
        let started = Instant::now();
        loop {
            let seen = self.on_phone(number).await;
            if let Some(message) = seen.iter().find(|one| one["text"] == text) {
                return message.clone();
            }
            assert!(started.elapsed() < DEADLINE, "{number} has only {seen:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The person behind `from` writes to the person behind `to`.
    pub(crate) async fn write(&self, from: &str, to: &str, text: &str) {
        let body = json!({ "to": to, "text": text });
        self.control("POST", &format!("/phones/{from}/messages"), body)
            .await;
    }

    /// What the phone of `number` has sent and received, in order.
    async fn on_phone(&self, number: &str) -> Vec<Value> {
        let seen = self
            .control("GET", &format!("/phones/{number}/messages"), Value::Null)
            .await;
        seen["data"].as_array().unwrap().clone()
    }

    /// What others wrote to the phone of `number`, in order.
    pub(crate) async fn heard_by(&self, number: &str) -> Vec<Value> {
        let mut heard = self.on_phone(number).await;
        heard.retain(|one| one["from"] != number);
        heard
    }
}
