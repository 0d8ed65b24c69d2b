//! What was found good a moment ago, and what is live on it: both end when access is cut.
//!
//! A socket is judged once, so it watches its credential, and the session that it is about. Each falls when this process
//! cuts it; what another process cuts is found by [`Auth::look_again`](super::auth::Auth::look_again), once a second for
//! all of them together. A credential that was good is good for a second more without being looked up again.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::DashMap;
use entity::ids::{ApiKeyId, SessionId, UserId};
use tokio_util::sync::CancellationToken;

use super::auth::Authenticated;
use crate::domain::principal::{Credential, Principal};

/// How long a credential is good without being looked up.
const RECENT_MS: i64 = 1000;
/// Credentials that are remembered; when there are more, all are forgotten.
const REMEMBERED: usize = 4096;

/// Access, as far as it is live in this process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Revocations(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// What something live hangs on.
    live: DashMap<Subject, Watched>,
    /// Good credentials by their digest, and when they were looked up.
    recent: DashMap<String, (i64, Authenticated)>,
    /// Raised at every revocation.
    revoked: AtomicU64,
}

/// What something live can hang on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// A credential, as it was judged.
    Credential {
        user: UserId,
        credential: Credential,
        /// The only session it might touch.
        session: Option<SessionId>,
    },
    /// A session that is there.
    Session(SessionId),
}

impl Subject {
    pub(super) fn credential(principal: &Principal) -> Self {
        Self::Credential {
            user: principal.user,
            credential: principal.credential.clone(),
            session: principal.session,
        }
    }
}

#[derive(Debug, Default)]
struct Watched {
    token: CancellationToken,
    by: usize,
}

/// Falls when what it watches is cut; nobody watches any more when it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    subject: Subject,
    token: CancellationToken,
    access: Revocations,
}

impl Watch {
    pub(super) async fn cut(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.access
            .0
            .live
            .remove_if_mut(&self.subject, |_, watched| {
                watched.by -= 1;
                watched.by == 0
            });
    }
}

/// The moment before a look-up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking(u64);

impl Revocations {
    pub(super) fn watch(&self, subject: Subject) -> Watch {
        let mut watched = self.0.live.entry(subject.clone()).or_default();
        watched.by += 1;
        Watch {
            token: watched.token.clone(),
            subject,
            access: self.clone(),
        }
    }

    /// Everything that is watched right now.
    pub(super) fn watched(&self) -> Vec<Subject> {
        let live = self.0.live.iter();
        live.map(|watched| watched.key().clone()).collect()
    }

    /// Cuts all that is live of `user`, who may not come in any more.
    pub fn cut(&self, user: UserId) {
        self.cut_where(user, |_| true);
    }

    /// Cuts what is live on the sign-ins of `user`; keys and link tokens stand.
    pub fn cut_sign_ins(&self, user: UserId) {
        self.cut_where(user, |credential| {
            matches!(credential, Credential::AccessToken { .. })
        });
    }

    /// Cuts what is live on a key of `user`.
    pub fn cut_key(&self, user: UserId, key: ApiKeyId) {
        self.cut_where(user, |credential| *credential == Credential::ApiKey(key));
    }

    /// Cuts what is live on a session that was deleted.
    pub fn cut_session(&self, session: SessionId) {
        self.cut_subject(&Subject::Session(session));
    }

    /// Cuts what is live on `subject` alone.
    pub(super) fn cut_subject(&self, subject: &Subject) {
        if let Subject::Credential { user, .. } = subject {
            self.forget(*user);
        }
        // Cut, and left to those who watch it: it goes when the last of them has.
        if let Some(watched) = self.0.live.get(subject) {
            watched.token.cancel();
        }
    }

    fn cut_where(&self, user: UserId, cut: impl Fn(&Credential) -> bool) {
        self.forget(user);
        for watched in &self.0.live {
            if let Subject::Credential {
                user: of,
                credential,
                ..
            } = watched.key()
                && *of == user
                && cut(credential)
            {
                watched.token.cancel();
            }
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
    use entity::{
        enums::{Role, TenantRole},
        ids::RefreshTokenId,
    };

    use super::*;

    fn principal(user: UserId, credential: Credential) -> Principal {
        Principal {
            user,
            role: Role::User,
            tenant: user,
            tenant_role: TenantRole::Owner,
            scopes: Vec::new(),
            session: None,
            credential,
            expires_at: None,
        }
    }

    fn remember(access: &Revocations, user: UserId, expires_at: Option<i64>) {
        let found = Authenticated {
            principal: Principal {
                expires_at,
                ..principal(user, Credential::ApiKey(ApiKeyId::new()))
            },
            user: None,
            allowed_origins: None,
        };
        access.remember(access.asking(), "key".into(), found, 0);
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
        let found = Authenticated {
            principal: principal(user, Credential::ApiKey(ApiKeyId::new())),
            user: None,
            allowed_origins: None,
        };
        access.remember(asking, "key".into(), found, 0);
        assert!(access.recall("key", 0).is_none());
    }

    #[test]
    fn a_cut_takes_what_hangs_on_that_credential_and_nothing_else() {
        let access = Revocations::default();
        let (user, key) = (UserId::new(), ApiKeyId::new());
        let sign_in = Credential::AccessToken {
            sign_in: RefreshTokenId::new(),
            version: 0,
        };
        let watch =
            |user, credential| access.watch(Subject::credential(&principal(user, credential)));
        let by_key = watch(user, Credential::ApiKey(key));
        let again = watch(user, Credential::ApiKey(key));
        let by_other = watch(user, Credential::ApiKey(ApiKeyId::new()));
        let by_sign_in = watch(user, sign_in.clone());
        let stranger = watch(UserId::new(), sign_in);
        access.cut_key(user, key);
        let cut = |watch: &Watch| watch.token.is_cancelled();
        assert!(cut(&by_key) && cut(&again));
        assert!(!cut(&by_other) && !cut(&by_sign_in));
        access.cut_sign_ins(user);
        assert!(cut(&by_sign_in) && !cut(&by_other));
        access.cut(user);
        assert!(cut(&by_other) && !cut(&stranger));
    }

    #[test]
    fn what_nobody_watches_is_forgotten() {
        let access = Revocations::default();
        let session = SessionId::new();
        let one = access.watch(Subject::Session(session));
        let two = access.watch(Subject::Session(session));
        drop(one);
        assert_eq!(access.watched().len(), 1);
        access.cut_session(session);
        assert!(two.token.is_cancelled());
        drop(two);
        assert!(access.watched().is_empty());
        let anew = access.watch(Subject::Session(session));
        assert!(!anew.token.is_cancelled());
    }
}
