//! Control: a person's passkey, and what the person does on the phone while a device answers for it.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Passkey, Step, UserVerification, offer, turn_away, waiting};
use crate::control::{Body, ControlError, Reply, person, timestamp};
use crate::hub::Hub;
use crate::jids::Pn;
use crate::store::Blob;
use crate::world::World;

/// What a browser gives a person, if nothing else is said.
const TIMEOUT_MS: u64 = 60_000;
/// A point on P-256: its kind and two coordinates.
const POINT: usize = 65;
const UNCOMPRESSED: u8 = 4;
const MAX_CREDENTIAL: usize = 1023;

pub(in crate::areas::pairing) fn routes() -> Router<Hub> {
    Router::new()
        .route(
            "/phones/{number}/passkey",
            get(show).put(set).delete(remove),
        )
        .route("/phones/{number}/passkey/approve", post(approve))
        .route("/phones/{number}/passkey/refuse", post(refuse))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPasskey {
    /// base64url.
    credential_id: String,
    /// base64url: `04`, x, y.
    public_key: String,
    #[serde(default = "preferred")]
    user_verification: UserVerification,
    #[serde(default = "timeout_ms")]
    timeout_ms: u64,
    /// The phone goes on when it is told to (`approve`), not by itself.
    #[serde(default)]
    by_hand: bool,
}

const fn preferred() -> UserVerification {
    UserVerification::Preferred
}

const fn timeout_ms() -> u64 {
    TIMEOUT_MS
}

/// From now on no device is linked without it.
async fn set(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<NewPasskey>,
) -> Result<Reply, ControlError> {
    let bytes = |text: &str, what: &str| {
        let decoded = BASE64.decode(text.trim_end_matches('='));
        decoded.map_err(|_| bad(&format!("{what} is no base64url")))
    };
    let credential_id = bytes(&body.credential_id, "credential_id")?;
    let public_key = bytes(&body.public_key, "public_key")?;
    if credential_id.is_empty() || credential_id.len() > MAX_CREDENTIAL {
        return Err(bad("credential_id has 1 to 1023 bytes"));
    }
    if public_key.len() != POINT || public_key[0] != UNCOMPRESSED {
        return Err(bad(
            "public_key is an uncompressed point on P-256: 65 bytes",
        ));
    }
    hub.with(|world| {
        let pn = person(world, &number)?;
        let passkey = Passkey {
            credential_id: Blob(credential_id),
            public_key: Blob(public_key),
            user_verification: body.user_verification,
            timeout_ms: body.timeout_ms,
            by_hand: body.by_hand,
        };
        world.areas.pairing.passkeys.insert(pn, passkey);
        Ok(Reply::ok(view(world, pn)))
    })?
}

fn bad(detail: &str) -> ControlError {
    ControlError::unprocessable("bad_passkey", detail)
}

async fn remove(State(hub): State<Hub>, Path(number): Path<String>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        world.areas.pairing.passkeys.remove(&pn);
        Ok(Reply::ok(view(world, pn)))
    })?
}

async fn show(State(hub): State<Hub>, Path(number): Path<String>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        Ok(Reply::ok(view(world, pn)))
    })?
}

/// The person lets the device in: the phone sends its key.
async fn approve(
    State(hub): State<Hub>,
    Path(number): Path<String>,
) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let conn = waiting(world, pn).map(|(conn, _)| conn);
        let conn = conn.ok_or_else(nobody)?;
        let offer = offer(world, conn).ok_or_else(|| {
            ControlError::conflict(
                "not_signed",
                "the device has not answered, or has a key already",
            )
        })?;
        world.send(conn, &offer);
        Ok(Reply::ok(view(world, pn)))
    })?
}

/// The person does not want the device.
async fn refuse(State(hub): State<Hub>, Path(number): Path<String>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        let pn = person(world, &number)?;
        let conn = waiting(world, pn).map(|(conn, _)| conn);
        turn_away(world, conn.ok_or_else(nobody)?);
        Ok(Reply::ok(view(world, pn)))
    })?
}

fn nobody() -> ControlError {
    ControlError::conflict("no_passkey_asked", "no device waits at this person's gate")
}

/// The passkey, and the device that waits for it: what the phone shows, its code included.
fn view(world: &World, pn: Pn) -> Value {
    let passkey = world.areas.pairing.passkeys.get(&pn);
    let link = waiting(world, pn).map(|(_, gate)| {
        let code = match &gate.step {
            Step::Shown { code, .. } => Some(format!("{}-{}", &code[..4], &code[4..])),
            Step::Asked | Step::Signed(_) | Step::Offered(..) => None,
        };
        json!({
            "stage": gate.step.word(),
            "expires_at": timestamp(gate.expires_ms),
            "code": code,
        })
    });
    json!({
        "required": passkey.is_some(),
        "credential_id": passkey.map(|key| BASE64.encode(&key.credential_id.0)),
        "link": link,
    })
}
