//! What is live hangs on a credential that still stands.
//!
//! Owns the judgement of what does, which is that of a sign-in: a socket lives as long as its credential would be let in
//! again. This process cuts at once what it revokes itself. What another process revokes is found within a second, in one
//! statement for everything that is live here, however much that is.

use std::time::Duration;

use entity::ids::SessionId;

use super::Auth;
use crate::{
    db::{
        self,
        standing::{Asked, Standing},
    },
    domain::principal::{Credential, Scope},
    lifecycle::Stop,
    service::{
        Ctx, Error, api_keys,
        revocation::{Subject, Watch},
        tokens,
    },
};

/// How often what is live is looked at: often enough that it ends within a second.
const EVERY: Duration = Duration::from_millis(800);

/// The most subjects of one statement: SQLite takes 32,766 values.
const AT_ONCE: usize = 10_000;

/// The right to be live. Both parts of it may end.
#[derive(Debug)]
pub struct Access {
    credential: Watch,
    about: Vec<Watch>,
}

impl Access {
    /// Waits until the credential does not stand any more.
    pub async fn revoked(&self) {
        self.credential.cut().await;
    }

    /// Waits until the last of the sessions is deleted that it is about; for ever, if it is about none alone.
    pub async fn deleted(&self) {
        if self.about.is_empty() {
            return std::future::pending().await;
        }
        for session in &self.about {
            session.cut().await;
        }
    }
}

impl Auth {
    /// Watches the credential of a caller who was judged before, and the sessions `about`. What has ended since then is
    /// refused.
    pub async fn watch(&self, ctx: &Ctx, about: &[SessionId]) -> Result<Access, Error> {
        let credential = Subject::credential(&ctx.principal);
        let sessions = about.iter().copied().map(Subject::Session);
        let sessions: Vec<Subject> = sessions.collect();
        let watch = |subject: &Subject| self.revocations.watch(subject.clone());
        let access = Access {
            credential: watch(&credential),
            about: sessions.iter().map(watch).collect(),
        };
        let now = self.clock.now_ms();
        let both = sessions.iter().chain([&credential]);
        let standing = db::standing::read(&self.db, &asked(both)).await?;
        if !stands(&credential, &standing, now) {
            return Err(tokens::invalid());
        }
        if !sessions.iter().all(|one| stands(one, &standing, now)) {
            return Err(Error::NotFound { what: "session" });
        }
        Ok(access)
    }

    /// Looks again at everything that is live here, and cuts what does not stand any more.
    pub async fn look_again(&self) -> Result<(), Error> {
        let watched = self.revocations.watched();
        for some in watched.chunks(AT_ONCE) {
            let standing = db::standing::read(&self.db, &asked(some)).await?;
            let now = self.clock.now_ms();
            for gone in some.iter().filter(|one| !stands(one, &standing, now)) {
                self.revocations.cut_subject(gone);
            }
        }
        Ok(())
    }

    /// Looks again and again, until the soft token falls.
    pub async fn serve(self, stop: Stop) {
        let soft = stop.soft_token();
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut away = false;
        while soft.run_until_cancelled(tick.tick()).await.is_some() {
            match soft.run_until_cancelled(self.look_again()).await {
                Some(Ok(())) => away = false,
                Some(Err(error)) if !away => {
                    away = true;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "what is live cannot be looked at; it goes on until it can"
                    );
                }
                Some(Err(_)) | None => {}
            }
        }
    }
}

fn asked<'a>(subjects: impl IntoIterator<Item = &'a Subject>) -> Asked {
    let mut asked = Asked::default();
    for subject in subjects {
        let (user, credential) = match subject {
            Subject::Credential {
                user, credential, ..
            } => (user, credential),
            Subject::Session(session) => {
                asked.sessions.insert(*session);
                continue;
            }
        };
        asked.users.insert(*user);
        match credential {
            Credential::AccessToken { sign_in, .. } => {
                asked.sign_ins.insert(*sign_in);
            }
            Credential::ApiKey(key) => {
                asked.keys.insert(*key);
            }
            Credential::LinkToken(hash) => {
                asked.links.insert(hash.clone());
            }
            Credential::Outer(_) | Credential::Operator => {}
        }
    }
    asked
}

/// Whether `subject` would be let in as it was when it was judged.
fn stands(subject: &Subject, standing: &Standing, now: i64) -> bool {
    let (user, credential, bound) = match subject {
        Subject::Credential {
            user,
            credential,
            session,
        } => (user, credential, session),
        Subject::Session(session) => return standing.sessions.contains(session),
    };
    let Some(token_version) = standing.users.get(user) else {
        return false;
    };
    match credential {
        Credential::AccessToken { sign_in, version } => {
            token_version == version && standing.sign_ins.contains(sign_in)
        }
        Credential::ApiKey(key) => standing.keys.get(key).is_some_and(|key| {
            key.session == *bound
                && key.expires_at.is_none_or(|end| now < end)
                && api_keys::scopes(&key.scopes).contains(&Scope::SessionsRead)
        }),
        Credential::LinkToken(hash) => standing.links.get(hash).is_some_and(|end| now < *end),
        // When it ends is written in it, and whoever is live on it watches that.
        Credential::Outer(_) | Credential::Operator => true,
    }
}
