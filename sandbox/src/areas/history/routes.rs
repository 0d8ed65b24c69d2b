//! Control: a phone has old messages.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;

use crate::areas::phone;
use crate::control::{Body, ControlError, Reply, person};
use crate::hub::Hub;

/// Messages that one call makes.
const MOST: u32 = 100_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub(crate) fn routes() -> Router<Hub> {
    Router::new().route("/phones/{number}/history", post(add))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Old {
    /// Whom the person has written with.
    with: String,
    count: u32,
    /// How many of the latest that the other has written are not read yet.
    #[serde(default)]
    unread: u32,
    /// What they say, before their number.
    #[serde(default = "old")]
    text: String,
    /// When the last one was written; a day ago if it is not said.
    until_ms: Option<u64>,
    /// How far they are apart.
    #[serde(default = "minute")]
    every_s: u64,
}

fn old() -> String {
    "old".to_owned()
}

const fn minute() -> u64 {
    60
}

/// The two have written to each other, in turn; the other has written the last message.
async fn add(
    State(hub): State<Hub>,
    Path(number): Path<String>,
    Body(body): Body<Old>,
) -> Result<Reply, ControlError> {
    if !(1..=MOST).contains(&body.count) {
        let detail = format!("1 to {MOST} messages");
        return Err(ControlError::unprocessable("bad_count", &detail));
    }
    hub.with(|world| {
        let own = person(world, &number)?;
        let other = person(world, &body.with)?;
        let yesterday = world.now_ms.saturating_sub(DAY_MS);
        let until = body.until_ms.unwrap_or(yesterday);
        let mut ids = Vec::new();
        for number in 1..=body.count {
            let left = u64::from(body.count - number);
            let (from, to) = if left.is_multiple_of(2) {
                (other, own)
            } else {
                (own, other)
            };
            let at_ms = until.saturating_sub(left * body.every_s * 1000);
            let text = format!("{} {number}", body.text);
            ids.push(phone::wrote_before(world, own, (from, to), &text, at_ms));
        }
        let row = (own, other.to_string());
        world.areas.history.unread.insert(row, body.unread);
        Ok(Reply::created(json!({ "message_ids": ids })))
    })?
}
