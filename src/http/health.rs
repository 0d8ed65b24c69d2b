//! What the process is and whether it can serve: `/livez`, `/readyz`, `/v1/info`.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use super::{Api, extract::Json, problem::Problem, routing::routes};
use crate::service::health::Health;

/// What this process is.
#[derive(Debug, Clone)]
pub struct About(pub Arc<Info>);

/// What this process is, as `/v1/info` shows it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Info {
    /// The version of the service.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// `live` talks to WhatsApp, `sandbox` to the sandbox and nowhere else.
    pub build: Build,
    /// Where sessions connect to.
    pub whatsapp_url: String,
    /// This boot of this process.
    pub node: String,
}

/// Which of the two builds this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Build {
    /// It talks to WhatsApp and verifies it.
    Live,
    /// It talks to the sandbox and nowhere else.
    Sandbox,
}

impl Build {
    /// The build that is running.
    pub const THIS: Self = if cfg!(feature = "sandbox") {
        Self::Sandbox
    } else {
        Self::Live
    };
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Alive {
    /// `ok`.
    status: &'static str,
}

const OK: Json<Alive> = Json(Alive { status: "ok" });

pub(super) fn about() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(info))
}

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(livez))
        .routes(routes!(readyz))
}

/// The process runs.
///
/// Asks nothing else: a restart would not mend a database that is away.
#[utoipa::path(get, path = "/livez", tag = "service", security(()), responses((status = 200, body = Alive)))]
async fn livez() -> Json<Alive> {
    OK
}

/// The process can serve: its database answers and it is not stopping.
#[utoipa::path(
    get, path = "/readyz", tag = "service", security(()),
    responses((status = 200, body = Alive), (status = 503, description = "Not now"))
)]
async fn readyz(State(health): State<Health>) -> Result<Json<Alive>, Problem> {
    health.check().await?;
    Ok(OK)
}

/// What this process is.
#[utoipa::path(get, path = "/info", tag = "service", security(()), responses((status = 200, body = Info)))]
pub(super) async fn info(State(about): State<About>) -> Json<Info> {
    Json(Info::clone(&about.0))
}
