//! Signing in, and what a user has: password, the one API key.

use axum::{Router, extract::State};
use entity::enums::Role;
use serde_json::{Map, Value, json};

use super::{
    Face,
    auth::Caller,
    error::Refusal,
    fields::Fields,
    form::{CLAIM, Form},
};
use crate::{
    domain::clock::rfc3339,
    http::{
        extract::{Json, Peer},
        routing::{delete, get, post},
    },
    service::{
        Error,
        api_keys::WAMS_PREFIX,
        auth::Passport,
        users::{NewUser, User},
    },
};

/// How long a token lives.
const TOKEN_SECONDS: i64 = 24 * 60 * 60;
/// Who has issued it, in its own words.
const ISSUER: &str = "whatsapp-multi-session";
/// What the one key of a user is called among their keys.
const KEY_NAME: &str = "multisession";
/// What a user who is made here may have.
const SESSION_LIMIT: i32 = 5;
/// What is shown of a user who may have any number.
const NO_LIMIT: i32 = 10_000;
/// The longest password and the longest name that are looked at.
const MAX_CREDENTIAL: usize = 256;

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/login", post(login))
        .route("/api/auth/login", post(login))
        .route("/api/auth/register", post(register))
        .route("/api/register", post(register))
        .route("/api/auth/change-password", post(change_password))
        .route(
            "/api/auth/api-key",
            get(show_key).merge(post(renew_key)).merge(delete(end_key)),
        )
        .route("/api/health", get(health))
}

async fn login(
    State(face): State<Face>,
    form: Form,
    Peer(address): Peer,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let word = |name: &'static str| {
        body.said(
            &[name],
            MAX_CREDENTIAL,
            "username and password are required",
        )
    };
    let (username, password) = (word("username")?, word("password")?);
    let signed_in = face.api.auth.sign_in(address, &username, &password).await;
    let signed_in = signed_in.map_err(|error| match error {
        Error::RateLimited { retry_after } => Refusal::too_many_tries(retry_after),
        other => other.into(),
    })?;
    let user = shown(&face, &signed_in.user).await?;
    let mut claims = Map::new();
    for (claim, field) in [
        ("username", "username"),
        ("user_id", "id"),
        ("role", "role"),
    ] {
        claims.insert(claim.to_owned(), user[field].clone());
    }
    claims.insert("sub".to_owned(), user["id"].to_string().into());
    claims.insert(CLAIM.to_owned(), form.as_str().into());
    let token = face.api.auth.passport(
        &signed_in,
        Passport {
            issuer: ISSUER,
            seconds: TOKEN_SECONDS,
            claims,
        },
    )?;
    // Both forms find what they read: one at the top, one in `data`.
    Ok(Json(json!({
        "success": true,
        "message": "Login successful",
        "token": token,
        "user": user,
        "data": {"success": true, "token": token, "user": user},
    })))
}

/// A user as this dialect shows one.
async fn shown(face: &Face, user: &User) -> Result<Value, Refusal> {
    Ok(json!({
        "id": face.api.numbers.of_user(user.id).await?,
        "username": user.username,
        "role": user.role,
        "session_limit": user.session_limit.unwrap_or(NO_LIMIT),
        "is_active": user.is_active,
        "created_at": rfc3339(user.created_at),
    }))
}

async fn register(
    State(face): State<Face>,
    Caller(ctx): Caller,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    if !ctx.principal.is_admin() {
        return Err(Refusal::forbidden("Insufficient permissions"));
    }
    let word = |name: &'static str| {
        body.said(
            &[name],
            MAX_CREDENTIAL,
            "username and password are required",
        )
    };
    let new = NewUser {
        username: word("username")?,
        password: word("password")?,
        role: Role::User,
        session_limit: Some(SESSION_LIMIT),
    };
    let made = face.api.users.create(&ctx, new).await;
    let made = made.map_err(|error| match error {
        Error::Conflict { .. } => Refusal::exists("username already exists"),
        other => other.into(),
    })?;
    let user = shown(&face, &made).await?;
    Ok(Json(json!({
        "success": true,
        "message": "Registration successful",
        "data": {"success": true, "message": "User registered successfully", "user": user},
    })))
}

async fn change_password(
    State(face): State<Face>,
    Caller(ctx): Caller,
    Peer(address): Peer,
    body: Fields,
) -> Result<Json<Value>, Refusal> {
    let missing = "old_password and new_password are required";
    let word = |name: &'static str| body.said(&[name], MAX_CREDENTIAL, missing);
    let (old, new) = (word("old_password")?, word("new_password")?);
    let changed = face.api.auth.change_password(&ctx, address, &old, &new);
    changed.await.map_err(|error| match error {
        Error::Unauthenticated {
            code: "credentials_invalid",
            ..
        } => Refusal::bad_request("invalid old password"),
        other => other.into(),
    })?;
    Ok(Json(
        json!({"success": true, "message": "Password changed successfully"}),
    ))
}

async fn renew_key(State(face): State<Face>, Caller(ctx): Caller) -> Result<Json<Value>, Refusal> {
    let key = face.api.api_keys.renew(&ctx, KEY_NAME, WAMS_PREFIX).await?;
    let message = "API key generated successfully";
    Ok(Json(json!({
        "success": true,
        "message": message,
        "data": {"success": true, "message": message, "api_key": key},
    })))
}

async fn show_key(State(face): State<Face>, Caller(ctx): Caller) -> Result<Json<Value>, Refusal> {
    let key = face.api.api_keys.named(&ctx, KEY_NAME).await?;
    let mut data = json!({"has_key": key.is_some()});
    if let Some(key) = key {
        data["created_at"] = rfc3339(key.created_at).into();
        data["last_used"] = key.last_used_at.map(rfc3339).into();
    }
    Ok(Json(json!({"success": true, "data": data})))
}

async fn end_key(State(face): State<Face>, Caller(ctx): Caller) -> Result<Json<Value>, Refusal> {
    face.api.api_keys.end_named(&ctx, KEY_NAME).await?;
    Ok(Json(
        json!({"success": true, "message": "API key revoked successfully"}),
    ))
}

/// Takes no credential, and passes one over that is shown.
async fn health() -> Json<Value> {
    Json(json!({"status": "ok", "service": ISSUER}))
}
