//! `/metrics`: the numbers of this process in the text form of Prometheus, for administrators.
//!
//! A scraper carries an administrator's API key; `sessions:read` is enough of a scope.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa_axum::router::OpenApiRouter;

use super::{Api, problem::Problem, routing::routes};
use crate::{
    domain::principal::Scope,
    service::{Ctx, Error},
};

pub(super) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// The numbers of this process, for Prometheus.
///
/// Needs the credential of an administrator with the scope `sessions:read`.
#[utoipa::path(
    get, path = "/metrics", tag = "service",
    responses(
        (status = 200, description = "The text form of Prometheus", body = String, content_type = "text/plain"),
        (status = 403, description = "Not an administrator", body = super::problem::ProblemBody),
    )
)]
async fn metrics(
    ctx: Ctx,
    State(scrape): State<PrometheusHandle>,
    State(api): State<Api>,
) -> Result<Response, Problem> {
    ctx.require(Scope::SessionsRead)?;
    if !ctx.principal.is_admin() || ctx.principal.session.is_some() {
        return Err(Error::Forbidden {
            scope: Scope::UsersAdmin,
        }
        .into());
    }
    for (state, count) in api.sessions.running_by_state() {
        gauge!("wharf_sessions", "state" => state.as_str()).set(number(count));
    }
    gauge!("wharf_sockets").set(number(api.live.len()));
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Ok((kind, scrape.render()).into_response())
}

fn number(count: usize) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
