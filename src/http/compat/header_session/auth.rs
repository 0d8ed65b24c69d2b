//! Who asks, and about which session.
//!
//! Owns what this dialect takes as a credential: the operator's token, an access token, an API key, and in open mode none.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, Uri, header, request::Parts, uri::Authority},
};

use super::{Face, Refusal};
use crate::{
    domain::principal::{Credential, Principal},
    http::guard::{self, bearer},
    service::{Ctx, auth::Auth},
};

/// The longest id of a session.
const MAX_ID: usize = 50;

/// An authenticated caller.
pub(super) struct Caller(pub(super) Ctx);

impl FromRequestParts<Face> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Refusal> {
        guard::knock(&face.api, parts).await?;
        let principal = principal(face, &parts.headers, &parts.uri).await?;
        Ok(Self(guard::admit(&face.api, parts, principal).await?))
    }
}

async fn principal(face: &Face, headers: &HeaderMap, uri: &Uri) -> Result<Principal, Refusal> {
    let auth = &face.api.auth;
    if face.access.is_open && !headers.contains_key(header::AUTHORIZATION) {
        // A page of somebody else can give its own name an address of this machine; it cannot change what it asks for.
        return if names_this_machine(headers, uri) {
            Ok(auth.operator().await?)
        } else {
            Err(Refusal::no_credential())
        };
    }
    let shown = bearer(headers)
        .filter(|shown| !shown.is_empty())
        .ok_or_else(Refusal::no_credential)?;
    if let Some(token) = &face.access.token
        && Auth::is_operator(shown, token)
    {
        return Ok(auth.operator().await?);
    }
    let principal = auth.authenticate(shown).await?.principal;
    match principal.credential {
        Credential::AccessToken { .. } | Credential::Outer(_) | Credential::ApiKey(_) => {
            Ok(principal)
        }
        // It is for a page that links one phone, and for nothing else.
        Credential::LinkToken(_) | Credential::Operator => Err(Refusal::bad_credential()),
    }
}

/// Whether the request was sent to this machine by a name that only this machine has.
fn names_this_machine(headers: &HeaderMap, uri: &Uri) -> bool {
    let named = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(Authority::as_str));
    let authority = named.and_then(|host| host.parse::<Authority>().ok());
    authority.is_some_and(|authority| {
        let host = authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || address
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
    })
}

/// The caller, and the session that the header names.
pub(super) struct Named {
    pub(super) ctx: Ctx,
    pub(super) id: String,
}

impl FromRequestParts<Face> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, face: &Face) -> Result<Self, Refusal> {
        let Caller(ctx) = Caller::from_request_parts(parts, face).await?;
        let id = match parts.headers.get("x-session-id").map(|id| id.to_str()) {
            None | Some(Ok("")) => return Err(Refusal::no_id()),
            Some(Ok(id)) if is_id(id) => id.to_owned(),
            Some(_) => return Err(Refusal::bad_id()),
        };
        Ok(Self { ctx, id })
    }
}

/// Whether this dialect can name a session so; others are invisible to it.
pub(super) fn is_id(id: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=MAX_ID).contains(&id.len()) && id.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_takes_the_documented_characters_and_no_others() {
        for good in ["sales-team", "support_team", "client-123", &"x".repeat(50)] {
            assert!(is_id(good), "{good}");
        }
        for bad in [
            "",
            "sales@team",
            "support team",
            "client#123",
            &"x".repeat(51),
        ] {
            assert!(!is_id(bad), "{bad}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_its_names() {
        let asked = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            names_this_machine(&headers, &Uri::from_static("/qr"))
        };
        for own in ["localhost:3000", "127.0.0.1", "LOCALHOST", "[::1]:3000"] {
            assert!(asked(own), "{own}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example:3000",
            "10.0.0.1:3000",
            "",
        ] {
            assert!(!asked(other), "{other}");
        }
        assert!(!names_this_machine(
            &HeaderMap::new(),
            &Uri::from_static("/qr")
        ));
    }
}
