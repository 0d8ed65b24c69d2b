//! The token of an account: made by whoever is signed in, told once.

use axum::{Router, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::{Face, auth::Caller, dto::done, error::Refusal, form::Form};
use crate::http::extract::Json;
use crate::http::routing::{get, post};

/// The longest name of a token.
const MAX_NAME: usize = 64;

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/auth/pat", post(make_token))
        .route("/api/auth-check", get(check))
}

/// Whoever has it acts for the account, users left out. It is one of the account's keys, and ends there.
async fn make_token(
    State(face): State<Face>,
    Caller(ctx): Caller,
    mut form: Form,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let name = form.text("name", MAX_NAME);
    form.finish()?;
    let name = name.filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| "personal access token".to_owned());
    let token = face.api.api_keys.create_for_account(&ctx, &name).await?;
    let body = json!({
        "success": true,
        "message": "Token created; it is shown once",
        "token": token,
        "data": {"token": token, "name": name},
    });
    Ok((StatusCode::CREATED, Json(body)))
}

async fn check(State(face): State<Face>, Caller(ctx): Caller) -> Result<Json<Value>, Refusal> {
    let number = face.api.numbers.of_user(ctx.owner()).await?;
    Ok(done("Authenticated", json!({"user_id": number})))
}
