//! Who asks: an account by its token, or one session by its key; and which session is meant.
//!
//! Owns what this dialect takes as a credential, and how a session is chosen when the credential names none.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{HeaderMap, Method, request::Parts},
};
use entity::ids::SessionId;

use super::{Face, error::Refusal, form::query};
use crate::{
    domain::principal::{Credential, Principal},
    http::guard::{self, bearer},
    service::{Ctx, Error, api_keys::WPAT_PREFIX, sessions::SessionView},
};

/// A caller of an account's path.
pub(super) struct Caller(pub(super) Ctx);

impl FromRequestParts<Face> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Refusal> {
        admit(face, parts, "Unauthorized").await.map(Self)
    }
}

async fn admit(face: &Face, parts: &mut Parts, missing: &str) -> Result<Ctx, Refusal> {
    guard::knock(&face.api, parts).await?;
    let shown = shown(&parts.headers).ok_or_else(|| Refusal::unauthorized(missing))?;
    let principal = principal(face, shown).await?;
    Ok(guard::admit(&face.api, parts, principal).await?)
}

/// Whether a request shows a credential that this dialect gives: such a one has no use elsewhere at a path of two dialects.
pub(super) fn is_of_ours(headers: &HeaderMap) -> bool {
    let is_key = |shown: &str| shown.len() == 64 && shown.bytes().all(|b| b.is_ascii_hexdigit());
    shown(headers).is_some_and(|shown| shown.starts_with(WPAT_PREFIX) || is_key(shown))
}

/// What is shown as `Bearer <key>`, or, as the documents of the service have it in one place, as `Bearer token <key>`.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let shown = bearer(headers)?;
    let shown = shown.strip_prefix("token ").unwrap_or(shown).trim();
    Some(shown).filter(|shown| !shown.is_empty())
}

async fn principal(face: &Face, shown: &str) -> Result<Principal, Refusal> {
    let refused = || Refusal::unauthorized("Unauthorized");
    let principal = match face.api.auth.authenticate(shown).await {
        Ok(found) => found.principal,
        Err(Error::Unauthenticated { .. }) => return Err(refused()),
        Err(other) => return Err(other.into()),
    };
    match principal.credential {
        Credential::AccessToken { .. } | Credential::Outer(_) | Credential::ApiKey(_) => {
            Ok(principal)
        }
        // Each is for another face.
        Credential::LinkToken(_) | Credential::Operator => Err(refused()),
    }
}

/// A session of a path of the account, as it is at this moment.
pub(super) struct Owned {
    pub(super) ctx: Ctx,
    pub(super) session: SessionView,
    /// Names the session to the verbs.
    pub(super) id: String,
}

impl FromRequestParts<Face> for Owned {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Refusal> {
        let Caller(ctx) = Caller::from_request_parts(parts, face).await?;
        let params = RawPathParams::from_request_parts(parts, &()).await;
        let params = params.map_err(|_| Refusal::no_session())?;
        let named = params.iter().find(|(name, _)| *name == "id");
        let (_, named) = named.ok_or_else(Refusal::no_session)?;
        let session = find(face, &ctx, named).await?;
        Ok(Self::of(ctx, session))
    }
}

impl Owned {
    fn of(ctx: Ctx, session: SessionView) -> Self {
        let id = session.id.to_string();
        Self { ctx, session, id }
    }
}

/// A session by its number, or by what it is called elsewhere.
pub(super) async fn find(face: &Face, ctx: &Ctx, named: &str) -> Result<SessionView, Refusal> {
    let number = named.parse::<i64>().ok();
    let numbered = match number {
        Some(number) => face.api.numbers.session(number).await?,
        None => None,
    };
    let reference = numbered.map_or_else(|| named.to_owned(), |id| id.to_string());
    let (session, _) = face.api.sessions.look(ctx, &reference).await?;
    Ok(session)
}

/// A session that is there, of the caller's.
pub(super) struct Reached {
    pub(super) ctx: Ctx,
    pub(super) session: SessionId,
    /// Names the session to the verbs.
    pub(super) id: String,
}

/// The session that a session's path is about. A key of its own says which, and nothing is read for it.
pub(super) struct Scoped(pub(super) Reached);

impl FromRequestParts<Face> for Scoped {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Refusal> {
        let ctx = admit(face, parts, "API key is required").await?;
        let session = match ctx.principal.session {
            Some(only) => only,
            None => named(face, &ctx, parts).await?,
        };
        let id = session.to_string();
        Ok(Self(Reached { ctx, session, id }))
    }
}

/// The same, as it is at this moment.
pub(super) struct Seen(pub(super) Owned);

impl FromRequestParts<Face> for Seen {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Refusal> {
        let Scoped(Reached { ctx, id, .. }) = Scoped::from_request_parts(parts, face).await?;
        let (session, _) = face.api.sessions.look(&ctx, &id).await?;
        Ok(Self(Owned::of(ctx, session)))
    }
}

/// The session that the request names, or the one that it must mean.
async fn named(face: &Face, ctx: &Ctx, parts: &Parts) -> Result<SessionId, Refusal> {
    let hint = parts.headers.get("x-session-id");
    let hint = hint.and_then(|hint| hint.to_str().ok()).map(str::to_owned);
    let session = match hint.or_else(|| query(&parts.uri, &["session_id"])) {
        Some(hint) => find(face, ctx, &hint).await?,
        None => choose(face, ctx, &parts.method).await?,
    };
    Ok(session.id)
}

/// The account's only session; to look at, the one that was connected last, or made last if none is. Nothing is done through a
/// session that was not named where there are several.
async fn choose(face: &Face, ctx: &Ctx, method: &Method) -> Result<SessionView, Refusal> {
    let all = face.api.sessions.all(ctx).await?;
    if all.len() > 1 && *method != Method::GET {
        return Err(Refusal::bad_request(
            "this account has several sessions: use the API key of one, or name it in X-Session-Id",
        ));
    }
    let last = all
        .into_iter()
        .max_by_key(|session| (session.connected_at, session.created_at));
    last.ok_or_else(Refusal::no_session)
}
