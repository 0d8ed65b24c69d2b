//! What was found good a moment ago, and what is live on it: both end when access is cut.
//!
//! A socket is judged once, so it holds a token that falls when access is cut. A credential that was good is good for a
//! second more without being looked up again; whatever this process revokes is forgotten at once, and what another
//! process revokes is found within that second.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::DashMap;
use entity::ids::UserId;
use tokio_util::sync::CancellationToken;

use super::auth::Authenticated;

/// How long a credential is good without being looked up.
const RECENT_MS: i64 = 1000;
/// Credentials that are remembered; when there are more, all are forgotten.
const REMEMBERED: usize = 4096;

/// Access, as far as it is live in this process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// One token per user with something live.
    live: DashMap<UserId, CancellationToken>,
    /// Good credentials by their digest, and when they were looked up.
    recent: DashMap<String, (i64, Authenticated)>,
    /// Raised at every revocation.
    revoked: AtomicU64,
}

/// The moment before a look-up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking(u64);

impl Revocations {
    /// Falls when the access of `user` is cut.
    pub fn watch(&self, user: UserId) -> CancellationToken {
        self.0.live.entry(user).or_default().clone()
    }

    /// Cuts what is live now; what comes later is judged by the user's row.
    pub fn cut(&self, user: UserId) {
        self.forget(user);
        if let Some((_, token)) = self.0.live.remove(&user) {
            token.cancel();
        }
    }

    /// Looks every credential of `user` up again. Called after the commit that changes what they stand for.
    pub fn forget(&self, user: UserId) {
        self.0.revoked.fetch_add(1, Ordering::SeqCst);
        self.0
            .recent
            .retain(|_, (_, found)| found.principal.user != user);
    }

    pub(super) fn asking(&self) -> Asking {
        Asking(self.0.revoked.load(Ordering::SeqCst))
    }

    /// Remembers a good credential, unless anything was revoked since `asking`.
    pub(super) fn remember(
        &self,
        asking: Asking,
        digest: String,
        found: Authenticated,
        now_ms: i64,
    ) {
        if self.0.recent.len() >= REMEMBERED {
            self.0.recent.clear();
        }
        self.0.recent.insert(digest.clone(), (now_ms, found));
        if self.asking().0 != asking.0 {
            self.0.recent.remove(&digest);
        }
    }

    pub(super) fn recall(&self, digest: &str, now_ms: i64) -> Option<Authenticated> {
        let recent = self.0.recent.get(digest)?;
        let (at, found) = &*recent;
        let is_recent = (*at..*at + RECENT_MS).contains(&now_ms);
        let is_valid = found.principal.expires_at.is_none_or(|end| now_ms < end);
        (is_recent && is_valid).then(|| found.clone())
    }
}

#[cfg(test)]
mod tests {
    use entity::enums::Role;

    use super::*;
    use crate::domain::principal::{Credential, Principal};

    fn found(user: UserId, expires_at: Option<i64>) -> Authenticated {
        Authenticated {
            principal: Principal {
                user,
                role: Role::User,
                scopes: Vec::new(),
                session: None,
                credential: Credential::ApiKey,
                expires_at,
            },
            allowed_origins: None,
        }
    }

    fn remember(access: &Revocations, user: UserId, expires_at: Option<i64>) {
        access.remember(access.asking(), "key".into(), found(user, expires_at), 0);
    }

    #[test]
    fn a_good_credential_is_looked_up_again_after_a_second_and_when_it_ends() {
        let access = Revocations::default();
        remember(&access, UserId::new(), None);
        assert!(access.recall("key", 999).is_some());
        assert!(access.recall("key", 1000).is_none());
        assert!(access.recall("another", 0).is_none());
        remember(&access, UserId::new(), Some(500));
        assert!(access.recall("key", 499).is_some());
        assert!(access.recall("key", 500).is_none());
    }

    #[test]
    fn what_is_revoked_is_forgotten_at_once_even_during_its_look_up() {
        let access = Revocations::default();
        let user = UserId::new();
        remember(&access, user, None);
        access.forget(UserId::new());
        assert!(access.recall("key", 0).is_some(), "somebody else's");
        access.cut(user);
        assert!(access.recall("key", 0).is_none());

        let asking = access.asking();
        access.forget(user);
        access.remember(asking, "key".into(), found(user, None), 0);
        assert!(access.recall("key", 0).is_none());
    }
}
