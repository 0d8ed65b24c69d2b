//! Around every path: a change that went well is noted in the audit log.
//!
//! Owns which requests are changes. Whoever lets a caller in says so ([`Admitted`]); the policy is in `service::audit`.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{Extensions, Method},
    middleware::Next,
    response::Response,
};

use super::{Api, extract::Peer};
use crate::service::{Ctx, audit::Act};

/// Parts of a route that say that something flows through a session, which is no change of it.
const TRAFFIC: [&str; 17] = [
    "/messages",
    "/media",
    "/send",
    "/typing",
    "/stop-typing",
    "/set-online",
    "/presence",
    "/reply",
    "/forward",
    "/read",
    "/upload",
    "/decrypt-media",
    "/check",
    "/history",
    "/calls",
    "/ws-ticket",
    "/proxy/test",
];

/// Who was let in, once that is known. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Admitted(Arc<OnceLock<Ctx>>);

impl Admitted {
    /// Says that this caller was let into the request of `extensions`.
    pub fn tell(extensions: &Extensions, ctx: &Ctx) {
        if let Some(admitted) = extensions.get::<Self>() {
            admitted.0.get_or_init(|| ctx.clone());
        }
    }
}

/// The layer.
pub(super) async fn note(State(api): State<Api>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.filter(|route| is_change(request.method(), route.as_str()));
    let Some(route) = route else {
        return next.run(request).await;
    };
    let action = format!("{} {}", request.method(), route.as_str());
    let target = request.uri().path().to_owned();
    let (mut parts, body) = request.into_parts();
    let Peer(address) = Peer::from_request_parts(&mut parts, &api)
        .await
        .unwrap_or_else(|never| match never {});
    let admitted = Admitted::default();
    parts.extensions.insert(admitted.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    if let Some(ctx) = admitted.0.get()
        && response.status().is_success()
    {
        let act = Act {
            address: address.to_string(),
            action,
            target: &target,
            status: response.status().as_u16(),
        };
        api.audit.note(ctx, act).await;
    }
    response
}

fn is_change(method: &Method, route: &str) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    !reads && !TRAFFIC.iter().any(|part| route.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_flows_through_a_session_is_no_change_of_it() {
        for route in [
            "/v1/sessions",
            "/v1/sessions/{id}/connect",
            "/v1/webhooks/{id}",
            "/api/whatsapp-sessions/{id}",
            "/v1/sessions/{id}/groups/{group}/members",
        ] {
            assert!(is_change(&Method::POST, route), "{route}");
            assert!(!is_change(&Method::GET, route), "{route}");
        }
        for route in [
            "/v1/sessions/{id}/messages/{message}/reaction",
            "/api/send-message",
            "/api/sessions/{id}/typing",
            "/v1/sessions/{id}/media",
        ] {
            assert!(!is_change(&Method::POST, route), "{route}");
        }
    }
}
