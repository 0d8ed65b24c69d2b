//! The two logs of a session, in pages with a number: what became of its messages, and how its state changed.

use axum::{Router, extract::State, http::Uri};
use serde_json::{Value, json};

use super::{
    Face,
    auth::Owned,
    content::words,
    dto::done,
    error::Refusal,
    form::{Page, query},
    hook::STATES,
};
use crate::{
    domain::{clock::rfc3339, message::Content},
    http::{extract::Json, routing::get},
    service::{
        messages::{Outcome, StoredMessage},
        numbers,
    },
};

/// How many a page has if nothing is said.
const PER_PAGE: u64 = 10;

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/whatsapp-sessions/{id}/session-logs", get(states))
        .route("/api/whatsapp-sessions/{id}/message-logs", get(messages))
}

/// A page with what leads to the others.
fn paged(face: &Face, uri: &Uri, page: Page, total: u64, items: Vec<Value>) -> Json<Value> {
    let path = format!("{}{}", face.api.settings.public_url, uri.path());
    let last = page.last(total);
    let url = |number: u64| format!("{path}?page={number}&per_page={}", page.size);
    let count = u64::try_from(items.len()).unwrap_or(0);
    let from = (count > 0).then(|| page.skip() + 1);
    done(
        "Logs retrieved successfully",
        json!({
            "current_page": page.number,
            "data": items,
            "first_page_url": url(1),
            "from": from,
            "last_page": last,
            "last_page_url": url(last),
            "next_page_url": (page.number < last).then(|| url(page.number + 1)),
            "path": path,
            "per_page": page.size,
            "prev_page_url": (page.number > 1).then(|| url(page.number - 1)),
            "to": from.map(|from| from + count - 1),
            "total": total,
        }),
    )
}

async fn states(
    State(face): State<Face>,
    Owned { ctx, session, id }: Owned,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let page = Page::of(&uri, "per_page", PER_PAGE);
    let within = (page.skip(), page.size);
    let (found, total) = face.api.log.newest(&ctx, &id, &STATES, within).await?;
    let number = face.api.numbers.of_session(session.id).await?;
    let items = found.iter().map(|entry| {
        json!({
            "id": entry.seq,
            "whatsapp_session_id": number,
            "event_type": "status_change",
            "status": state_of(&entry.kind),
            "event": &*entry.kind,
            "occurred_at": super::dto::time(entry.at),
        })
    });
    Ok(paged(&face, &uri, page, total, items.collect()))
}

/// The state that an event leads to.
pub(super) fn state_of(event: &str) -> &'static str {
    match event {
        "qr" => "need_scan",
        "success" | "degraded" => "connecting",
        "connected" => "connected",
        "logged_out" => "logged_out",
        // Stopped, or out of codes.
        _ => "disconnected",
    }
}

async fn messages(
    State(face): State<Face>,
    Owned { ctx, session, id }: Owned,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let page = Page::of(&uri, "per_page", PER_PAGE);
    let outcome = match query(&uri, &["status"]).as_deref() {
        None | Some("") => None,
        Some("sent") => Some(Outcome::Sent),
        Some("failed") => Some(Outcome::Failed),
        Some("in_progress") => Some(Outcome::UnderWay),
        Some(_) => {
            let detail = "The status field must be sent, failed or in_progress.";
            return Err(Refusal::field("status", detail));
        }
    };
    let within = (page.skip(), page.size);
    let (found, total) = face
        .api
        .messages
        .outcomes(&ctx, &id, outcome, within)
        .await?;
    let number = face.api.numbers.of_session(session.id).await?;
    let items = found.iter().map(|one| item(one, number));
    Ok(paged(&face, &uri, page, total, items.collect()))
}

fn item(stored: &StoredMessage, session: i64) -> Value {
    let message = &stored.message;
    let is_kept = !matches!(message.content, Content::NotKept { .. });
    let at = rfc3339(stored.id.at_ms());
    // `2023-10-27 10:30:15`
    let at = at.get(..19).unwrap_or_default().replace('T', " ");
    let said = json!({"text": words(&message.content), "type": message.content.kind()});
    let to = match &message.chat.party.phone {
        Some(digits) => format!("+{digits}"),
        None => message.chat.party.id.clone(),
    };
    json!({
        "id": numbers::of_message(stored.id).to_string(),
        "whatsapp_session_id": session.to_string(),
        "to": is_kept.then_some(to),
        "content": is_kept.then(|| said.to_string()),
        "status": outcome_word(Outcome::of(stored.ack)),
        "failed_reason": null,
        "created_at": at,
        "updated_at": at,
    })
}

/// The word of an outcome.
pub(super) const fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Sent => "sent",
        Outcome::Failed => "failed",
        Outcome::UnderWay => "in_progress",
    }
}
