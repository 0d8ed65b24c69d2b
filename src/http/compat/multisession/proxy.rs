//! `/api/proxy/test`: whether WhatsApp is reached through a proxy, before a session has it.

use axum::{Router, extract::State};
use serde_json::{Value, json};
use url::Url;

use super::{Face, auth::Caller, dto, error::Refusal, fields::Fields};
use crate::http::routing::post;
use crate::{http::extract::Json, service::Error};

pub(super) fn routes() -> Router<Face> {
    Router::new().route("/api/proxy/test", post(test))
}

async fn test(
    State(face): State<Face>,
    Caller(ctx): Caller,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let config = body.object("proxy_config")?;
    let config = config.ok_or_else(|| Refusal::invalid("proxy_config is required"))?;
    let url = dto::proxy_url(&config)?;
    let url = url.ok_or_else(|| Refusal::invalid("proxy_config.enabled is false"))?;
    let tried = face.api.sessions.try_proxy(&ctx, &url).await;
    tried.map_err(|error| Refusal::of("proxy_config", error))?;
    let shown: Url = url.parse().map_err(Error::internal)?;
    Ok(Json(json!({
        "success": true,
        "message": "Proxy connection successful",
        "proxy_info": {
            "type": shown.scheme(),
            "host": shown.host_str(),
            "port": shown.port_or_known_default(),
        },
    })))
}
