//! `send-attachment`, `send-image`, `send-document` and `send-file-url`: messages with a file.

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
};
use serde_json::Value;

use super::{
    Face,
    auth::Owned,
    dto,
    error::Refusal,
    fields::{Fields, MAX_NAME_OF_FILE, TO},
    messaging::live,
    upload::{Named, Upload},
};
use crate::{
    http::{extract::Json, routing::post},
    service::messages::{NewMessage, Shown},
};

/// The longest text below a file, in characters.
const MAX_CAPTION: usize = 4096;

/// Without the limit of bodies: what comes in a form is counted piece by piece.
pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/sessions/{id}/send-attachment", post(send_attachment))
        .route("/api/sessions/{id}/send-image", post(send_image))
        .route("/api/sessions/{id}/send-document", post(send_document))
        .route("/api/sessions/{id}/send-file-url", post(send_file_url))
        .layer(DefaultBodyLimit::disable())
}

async fn send_attachment(
    State(face): State<Face>,
    owned: Owned,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let named = Named {
        held: Some("file"),
        url: None,
        missing: "To and file fields are required",
    };
    let upload = Upload::read(&face, &owned, request, named).await?;
    let told = "Attachment sent successfully";
    send(&face, &owned, upload, (named, Some(Shown::Document), told)).await
}

async fn send_image(
    State(face): State<Face>,
    owned: Owned,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let named = Named {
        held: Some("image"),
        url: Some("image_url"),
        missing: "To and image fields are required",
    };
    let upload = Upload::read(&face, &owned, request, named).await?;
    let told = "Image sent successfully";
    send(&face, &owned, upload, (named, Some(Shown::Image), told)).await
}

async fn send_document(
    State(face): State<Face>,
    owned: Owned,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let named = Named {
        held: None,
        url: Some("document_url"),
        missing: "To and document_url fields are required",
    };
    let upload = Upload::read(&face, &owned, request, named).await?;
    let told = "Document sent successfully";
    send(&face, &owned, upload, (named, Some(Shown::Document), told)).await
}

async fn send_file_url(
    State(face): State<Face>,
    owned: Owned,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let named = Named {
        held: None,
        url: Some("url"),
        missing: "To and url fields are required",
    };
    let upload = Upload::read(&face, &owned, request, named).await?;
    let shown = shown_as(&upload.fields)?;
    let told = "File sent successfully";
    send(&face, &owned, upload, (named, shown, told)).await
}

/// As what a file is to be shown; by what it is when nothing is said.
fn shown_as(fields: &Fields) -> Result<Option<Shown>, Refusal> {
    match fields.text(&["type"], 16)?.as_deref() {
        None | Some("") => Ok(None),
        Some("image") => Ok(Some(Shown::Image)),
        Some("video") => Ok(Some(Shown::Video)),
        Some("audio") => Ok(Some(Shown::Audio)),
        Some("document") => Ok(Some(Shown::Document)),
        Some(_) => Err(Refusal::invalid(
            "type must be image, video, audio or document",
        )),
    }
}

async fn send(
    face: &Face,
    owned: &Owned,
    mut upload: Upload,
    (named, shown, told): (Named, Option<Shown>, &str),
) -> Result<Json<Value>, Refusal> {
    let fields = &upload.fields;
    let to = fields.recipient(&TO, named.missing)?;
    let caption = fields.text(&["caption"], MAX_CAPTION)?;
    let caption = caption.filter(|caption| !caption.is_empty());
    let filename = fields.text(&["filename"], MAX_NAME_OF_FILE)?;
    let filename = filename.filter(|name| !name.is_empty());
    let source = upload.source(named)?;
    let field = source.field();
    let session = live(face, owned).await?;
    let file = source.take(face, owned, filename).await?;
    let shown = shown.unwrap_or_else(|| Shown::fitting(&file));
    if shown == Shown::Audio && caption.is_some() {
        return Err(Refusal::invalid("caption: a sound has none"));
    }
    let new = NewMessage::file(to, &file, shown, caption);
    let sent = face.api.messages.send(&owned.ctx, &owned.id, new).await;
    let sent = sent.map_err(|error| Refusal::of(field, error))?;
    let now = face.api.clock.now_ms();
    Ok(Json(dto::sent(&session.handle, told, &sent, now)))
}
