//! Tells live connections of a user that their credential is worthless now.
//!
//! A request looks the user up each time. A socket does not, so it holds a token that falls when access is cut.

use std::sync::Arc;

use dashmap::DashMap;
use entity::ids::UserId;
use tokio_util::sync::CancellationToken;

/// One token per user with something live. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Revocations(Arc<DashMap<UserId, CancellationToken>>);

impl Revocations {
    /// Falls when the access of `user` is cut.
    pub fn watch(&self, user: UserId) -> CancellationToken {
        self.0.entry(user).or_default().clone()
    }

    /// Cuts what is live now; what comes later is judged by the user's row.
    pub fn cut(&self, user: UserId) {
        if let Some((_, token)) = self.0.remove(&user) {
            token.cancel();
        }
    }
}
