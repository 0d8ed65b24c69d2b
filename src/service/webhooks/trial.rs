//! A test request: made at once, not queued, not in the log.

use std::time::Duration;

use entity::ids::{EndpointId, EventId};

use super::{Ctx, Error, Webhooks};
use crate::webhook::{
    render::{NATIVE, Told},
    sender::Verdict,
    target::Target,
};

/// When to come back if too many tests are under way.
const BUSY: Duration = Duration::from_secs(1);

/// How a test request went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Whether a delivery answered like this counts as delivered.
    pub delivered: bool,
    /// The `webhook-id` that was sent.
    pub event: EventId,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// How long it took.
    pub duration: Duration,
    /// The start of the answer.
    pub response: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

impl Webhooks {
    /// Post a signed `webhook.test` event and tell how it was answered. A disabled endpoint can be tested.
    pub async fn test(&self, ctx: &Ctx, id: EndpointId) -> Result<Trial, Error> {
        let row = self.find(ctx, id).await?;
        let _slot = self
            .trials
            .try_acquire()
            .map_err(|_| Error::RateLimited { retry_after: BUSY })?;
        let now = self.parts.clock.now_ms();
        let target = Target::open(&self.parts.vault, &row, now).map_err(Error::internal)?;
        let event = EventId::new();
        let payload = serde_json::json!({ "webhook": id }).to_string();
        let told = Told {
            event_type: "webhook.test",
            session: None,
            seq: 0,
            at_ms: now,
            payload: &payload,
            shape: NATIVE,
            variant: "",
            who: None,
        };
        let sent = self.parts.sender.send(&target, event, &told).await;
        Ok(Trial {
            delivered: sent.verdict == Verdict::Delivered,
            event,
            status: sent.status,
            duration: sent.duration,
            response: sent.response,
            error: sent.error,
        })
    }
}
