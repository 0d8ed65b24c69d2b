//! Control: the person scans a QR code or types a code into the phone.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;
use wacore::pair_code::PairCodeUtils;
use wacore_libsignal::protocol::KeyPair;

use super::by_code;
use super::by_qr::{Qr, QrFault};
use super::{LinkFailure, LinkOutcome, Linking, passkey};
use crate::areas::faults;
use crate::control::{Body, ControlError, Reply, person};
use crate::hub::Hub;
use crate::jids::DeviceKey;
use crate::keys::public_bytes;

/// How long the person looks at the phone before giving up.
const LINK_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) fn routes() -> Router<Hub> {
    Router::new()
        .route("/phones/{number}/scan", post(scan))
        .route("/phones/{number}/enter-code", post(enter_code))
        .merge(passkey::routes())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    qr: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnterCode {
    code: String,
}

async fn scan(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Scan>,
) -> Result<Reply, ControlError> {
    let qr = Qr::parse(&body.qr).map_err(refused)?;
    let waiting = hub.with(|world| -> Result<_, ControlError> {
        let pn = person(world, &number)?;
        let conn = qr.find(world).map_err(refused)?;
        if faults::scan_is_late(world, pn) {
            // The device has to come again to show a new one.
            world.live.close(conn);
            return Err(refused(QrFault::Expired));
        }
        let (outcome, waiting) = oneshot::channel();
        let linking = Linking {
            conn,
            pn,
            adv_secret: qr.adv_secret,
            outcome,
        };
        passkey::link_or_ask(world, linking).ok_or_else(not_linkable)?;
        Ok(waiting)
    })??;
    linked(&hub, waiting).await
}

async fn enter_code(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<EnterCode>,
) -> Result<Reply, ControlError> {
    let code = body.code.replace(['-', ' '], "").to_ascii_uppercase();
    if !PairCodeUtils::validate_code(&code) {
        return Err(ControlError::unprocessable(
            "bad_code",
            "a code has eight characters of 1-9, A-Z without I, O, U, 0",
        ));
    }
    let (asked, ephemeral) = hub.with(|world| -> Result<_, ControlError> {
        let pn = person(world, &number)?;
        let asked = by_code::asked(world, pn).ok_or_else(|| {
            ControlError::conflict("no_code_asked", "no device waits for a code on this phone")
        })?;
        Ok((asked, KeyPair::generate(&mut world.rng)))
    })??;
    // 131,072 rounds of HMAC, twice: not on a runtime thread, and not with the world locked.
    let wrapped = asked.wrapped.clone();
    let keys = tokio::task::spawn_blocking(move || {
        let device = PairCodeUtils::decrypt_primary_ephemeral_pub(&wrapped, &code).ok()?;
        let sealed = PairCodeUtils::encrypt_ephemeral_pub(&public_bytes(&ephemeral), &code);
        Some((ephemeral, device, sealed))
    });
    let keys = keys.await.ok().flatten().ok_or_else(not_linkable)?;
    let waiting = hub.with(|world| {
        let (outcome, waiting) = oneshot::channel();
        by_code::typed(world, &asked, keys, outcome).map(|()| waiting)
    })?;
    linked(&hub, waiting.ok_or_else(not_linkable)?).await
}

/// Waits until the device has signed, as the person at the phone does.
async fn linked(hub: &Hub, waiting: oneshot::Receiver<LinkOutcome>) -> Result<Reply, ControlError> {
    let outcome = tokio::time::timeout(LINK_TIMEOUT, waiting).await;
    let key: DeviceKey = match outcome {
        Ok(Ok(Ok(key))) => key,
        Ok(Ok(Err(LinkFailure::WrongCode))) => {
            return Err(ControlError::unprocessable(
                "wrong_code",
                "the code is wrong",
            ));
        }
        // The phone waits for the device's answer; how it goes on is shown by `GET …/passkey`.
        Ok(Ok(Err(LinkFailure::PasskeyAsked))) => {
            return Ok(Reply::accepted(json!({ "passkey": "asked" })));
        }
        Ok(Ok(Err(failure @ LinkFailure::DeviceRefused))) => {
            return Err(ControlError::conflict(
                "device_refused",
                &failure.to_string(),
            ));
        }
        Ok(Err(_)) => {
            return Err(ControlError::conflict(
                "device_gone",
                "the device went away while linking",
            ));
        }
        Err(_) => {
            let detail = "the device did not finish linking in time";
            return Err(ControlError::new(
                StatusCode::GATEWAY_TIMEOUT,
                "link_timeout",
                detail,
            ));
        }
    };
    let lid = hub.with(|world| world.lid_jid(key).to_string())?;
    let body = json!({ "device": key.device, "jid": key.pn_jid().to_string(), "lid": lid });
    Ok(Reply::ok(body))
}

fn refused(fault: QrFault) -> ControlError {
    let code = match fault {
        QrFault::Malformed => "bad_qr",
        QrFault::Unknown => "unknown_qr",
        QrFault::Expired => "expired_qr",
        QrFault::ForeignKeys => "foreign_qr",
        QrFault::Busy => "busy_qr",
    };
    ControlError::unprocessable(code, &fault.to_string())
}

fn not_linkable() -> ControlError {
    ControlError::conflict("not_linkable", "the device cannot be linked")
}
