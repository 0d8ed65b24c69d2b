//! The native API, `/v1/…`: one file per resource.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Api, health};

/// Everything under `/v1`.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(health::info))
}
