//! Who asks, and for whom: the owner of the session that a path names is who its verbs act for.
//!
//! Owns what this dialect takes as a credential. A user acts for themselves; an administrator for whoever owns the session,
//! which `service` decides.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use super::{Face, error::Refusal, form::query_token};
use crate::{
    domain::principal::{Credential, Principal},
    http::{
        extract::{Path, Peer},
        guard::{self, bearer},
    },
    service::{Ctx, Error, throttle::network},
};

/// An authenticated caller.
pub(super) struct Caller(pub(super) Ctx);

impl FromRequestParts<Face> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Refusal> {
        guard::knock(&face.api, parts).await?;
        let shown = shown(&parts.headers)?.to_owned();
        let ctx = admit(face, parts, &shown).await?;
        Ok(Self(ctx))
    }
}

fn shown(headers: &HeaderMap) -> Result<&str, Refusal> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Err(Refusal::unauthorized("Missing authorization header"));
    }
    let shown = bearer(headers).filter(|shown| !shown.is_empty());
    shown.ok_or_else(|| Refusal::unauthorized("Invalid authorization header format"))
}

async fn admit(face: &Face, parts: &mut Parts, shown: &str) -> Result<Ctx, Refusal> {
    let principal = principal(face, shown).await?;
    Ok(guard::admit(&face.api, parts, principal).await?)
}

async fn principal(face: &Face, shown: &str) -> Result<Principal, Refusal> {
    let found = face.api.auth.authenticate(shown).await;
    let refused = || {
        // A token has two dots, a key has none.
        let what = if shown.contains('.') {
            "Invalid token"
        } else {
            "Invalid API key"
        };
        Refusal::unauthorized(what)
    };
    let principal = match found {
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

/// A caller of a session's path, as its owner, and the session's id.
pub(super) struct Owned {
    pub(super) ctx: Ctx,
    pub(super) id: String,
}

impl FromRequestParts<Face> for Owned {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Refusal> {
        let Caller(ctx) = Caller::from_request_parts(parts, face).await?;
        let Path(id) = Path::<String>::from_request_parts(parts, face).await?;
        let ctx = face.api.sessions.as_owner(&ctx, &id).await?;
        Ok(Self { ctx, id })
    }
}

/// Who opens a socket, which may show its credential in the query.
pub(super) struct Listener {
    pub(super) ctx: Ctx,
    pub(super) id: String,
    pub(super) peer: Peer,
}

impl FromRequestParts<Face> for Listener {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Refusal> {
        let peer = Peer::from_request_parts(parts, face)
            .await
            .unwrap_or_else(|never| match never {});
        let Peer(address) = peer;
        guard::knock(&face.api, parts).await?;
        not_too_fast(face, address)?;
        let shown = match shown(&parts.headers) {
            Ok(shown) => shown.to_owned(),
            Err(refusal) => query_token(&parts.uri).ok_or(refusal)?,
        };
        let ctx = admit(face, parts, &shown).await?;
        let Path(id) = Path::<String>::from_request_parts(parts, face).await?;
        let ctx = face.api.sessions.as_owner(&ctx, &id).await?;
        Ok(Self { ctx, id, peer })
    }
}

fn not_too_fast(face: &Face, address: IpAddr) -> Result<(), Refusal> {
    match face.api.handshakes.take(&network(address)).retry_after {
        Some(retry_after) => Err(Error::RateLimited { retry_after }.into()),
        None => Ok(()),
    }
}
