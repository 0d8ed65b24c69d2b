//! Which of its two forms a caller of this dialect speaks: flat, or in an envelope.
//!
//! Owns how that is found out: a header, the path of a sign-in, or what a token says of itself. Nothing is allowed by it, so the
//! token need not be good. Every answer is written here, because an error reads differently in each form.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, StatusCode, Uri, request::Parts},
    middleware::Next,
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::error::Refusal;
use crate::http::{guard::bearer, problem::Problem};

/// The claim of a token that says which form its holder speaks.
pub(super) const CLAIM: &str = "dlt";

/// The two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A list is a bare array, `error` is the reason phrase, a session that is not ready is 404.
    Flat,
    /// A list stands in an object, `error` is the detail, a session that is not ready is 503.
    Envelope,
}

impl Form {
    /// The word of it in a token and in `X-Api-Dialect`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Envelope => "env",
        }
    }

    fn read(word: &str) -> Option<Self> {
        match word {
            "flat" => Some(Self::Flat),
            "env" | "envelope" => Some(Self::Envelope),
            _ => None,
        }
    }

    fn of(headers: &HeaderMap, uri: &Uri) -> Self {
        let asked = headers.get("x-api-dialect");
        let asked = asked
            .and_then(|word| word.to_str().ok())
            .and_then(Self::read);
        let by_path = match uri.path() {
            "/api/login" => Some(Self::Flat),
            "/api/auth/login" => Some(Self::Envelope),
            _ => None,
        };
        let by_token = || match bearer(headers) {
            Some(token) => Self::of_token(token),
            None => Self::of_token(&query_token(uri)?),
        };
        asked
            .or(by_path)
            .or_else(by_token)
            .unwrap_or(Self::Envelope)
    }

    fn of_token(token: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Claims {
            dlt: String,
        }
        let claims = token.split('.').nth(1)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        Self::read(&claims.dlt)
    }
}

/// The `token` of the query: a browser can send no header with a socket.
pub(super) fn query_token(uri: &Uri) -> Option<String> {
    let query = uri.query()?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let (_, token) = pairs.find(|(key, _)| key == "token")?;
    Some(token.into_owned()).filter(|token| !token.is_empty())
}

impl<S: Send + Sync> FromRequestParts<S> for Form {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers, &parts.uri))
    }
}

/// Around every path of the dialect: writes what was refused in the form of the caller.
pub(super) async fn speak(request: Request, next: Next) -> Response {
    let form = Form::of(request.headers(), request.uri());
    let mut response = next.run(request).await;
    let extensions = response.extensions_mut();
    let refusal = extensions
        .remove::<Refusal>()
        .or_else(|| extensions.remove::<Problem>().map(Refusal::from));
    match refusal {
        Some(refusal) => refusal.write(form),
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
            Refusal::from(Problem::of_status(response.status())).write(form)
        }
        None => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(path: &'static str, pairs: &[(&'static str, &str)]) -> Form {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        Form::of(&headers, &Uri::from_static(path))
    }

    #[test]
    fn the_header_wins_over_the_path_and_that_over_the_token() {
        let flat = format!("Bearer a.{}.b", URL_SAFE_NO_PAD.encode(r#"{"dlt":"flat"}"#));
        assert_eq!(form("/api/login", &[]), Form::Flat);
        assert_eq!(
            form("/api/login", &[("x-api-dialect", "envelope")]),
            Form::Envelope
        );
        assert_eq!(
            form("/api/auth/login", &[("authorization", &flat)]),
            Form::Envelope
        );
        assert_eq!(
            form("/api/sessions", &[("authorization", &flat)]),
            Form::Flat
        );
        for unknown in ["Bearer wams_x", "Bearer a.b.c", "Basic x", ""] {
            assert_eq!(
                form("/api/sessions", &[("authorization", unknown)]),
                Form::Envelope
            );
        }
    }
}
