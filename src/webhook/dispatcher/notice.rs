//! Who has to know that an endpoint was disabled.
//!
//! The one place that every such end goes through, after its commit: a receiver that asked for it, days of failures,
//! secrets that cannot be opened. An owner who disables an endpoint needs no notice.

use std::sync::Arc;

use entity::{
    ids::{EndpointId, UserId},
    webhook_endpoints::Model,
};

/// An endpoint that gets nothing more until its owner enables it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabled {
    /// Which.
    pub endpoint: EndpointId,
    /// Whose.
    pub owner: UserId,
    /// Why: the stable word in its `disabled_reason`.
    pub reason: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
}

/// Called once for each endpoint that was disabled, after the commit. It must not block.
pub type OnDisabled = Arc<dyn Fn(&Disabled) + Send + Sync>;

impl Disabled {
    pub(super) fn new(row: &Model, reason: &str, at: i64) -> Self {
        Self {
            endpoint: row.id,
            owner: row.owner_id,
            reason: reason.to_owned(),
            at,
        }
    }

    /// Says it in the log and to `on_disabled`.
    pub(super) fn announce(&self, on_disabled: &OnDisabled) {
        tracing::warn!(
            endpoint.id = %self.endpoint,
            owner.id = %self.owner,
            reason = self.reason,
            "endpoint {} was disabled: {}",
            self.endpoint,
            self.reason
        );
        metrics::counter!("wharf_endpoints_disabled_total").increment(1);
        on_disabled(self);
    }
}
