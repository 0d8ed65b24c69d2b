//! Files: put one here, get one of a message, read one by a name that anybody may have for a while.

use axum::{
    Router,
    body::Body,
    extract::{FromRequest as _, Multipart, Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use futures_util::stream;
use serde_json::{Map, Value, json};

use super::{
    Face,
    auth::{Reached, Scoped},
    content::file_of,
    error::Refusal,
    form::{Form, MAX_LINE},
};
use crate::{
    http::{
        extract::{
            Json, JsonWithFile,
            encoded::{data_url, decoded},
            pieces,
        },
        routing::{get, post},
    },
    service::{
        Error,
        media::{File, Label},
    },
};

/// How long a file that was put here can be read by its name, and one that came with a message.
const UPLOADED_MS: i64 = 24 * 3_600_000;
const DECRYPTED_MS: i64 = 3_600_000;

const UPLOADED: &str = "/api/uploaded-media/";
const DECRYPTED: &str = "/api/decrypted-media/";

/// The kinds of message that have a file, as WhatsApp's JSON calls them.
const WITH_FILE: [&str; 5] = [
    "imageMessage",
    "videoMessage",
    "audioMessage",
    "documentMessage",
    "stickerMessage",
];

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/upload", post(upload))
        .route("/api/decrypt-media", post(decrypt))
        .route("/api/uploaded-media/{name}", get(read))
        .route("/api/decrypted-media/{name}", get(read))
}

/// Whether phones play it as something spoken.
pub(super) fn is_voice(mimetype: &str) -> bool {
    mimetype.starts_with("audio/ogg") || mimetype.starts_with("audio/opus")
}

/// `{"publicUrl"}` at the top and in `data`: each client reads another.
fn public(face: &Face, file: &File, (path, lasts_ms): (&str, i64)) -> Result<Json<Value>, Refusal> {
    let until = face.api.clock.now_ms() + lasts_ms;
    let name = face.api.media.share(file, until)?;
    let url = format!("{}{path}{name}", face.api.settings.public_url);
    Ok(Json(json!({
        "success": true,
        "message": "File is available",
        "publicUrl": url,
        "data": {"publicUrl": url},
    })))
}

async fn upload(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let Reached { ctx, id, .. } = &owned;
    let media = &face.api.media;
    media.admit(ctx, id).await?;
    let patience = pieces::patience(&request);
    let said = request.headers().get(header::CONTENT_TYPE);
    let said = said.and_then(|said| said.to_str().ok()).map(str::to_owned);
    let is = |kind: &str| said.as_deref().is_some_and(|said| said.starts_with(kind));
    let file = if is("application/json") {
        from_json(&face, &owned, request).await?
    } else if is("multipart/form-data") {
        let bad = |detail: String| Refusal::field("file", detail);
        let form = Multipart::from_request(request, &()).await;
        let mut form = form.map_err(|error| bad(error.body_text()))?;
        let mut field = pieces::field(&mut form, "file", patience).await?;
        let label = Label {
            mimetype: field.content_type().map(str::to_owned),
            filename: field.file_name().map(str::to_owned),
        };
        let source = pieces::of_field(&mut field, patience);
        media.put(ctx, id, label, source).await?
    } else {
        let label = Label {
            mimetype: said,
            filename: None,
        };
        let source = pieces::of_body(request.into_body(), patience);
        let put = media.put(ctx, id, label, source).await;
        put.map_err(|error| match error {
            Error::Invalid {
                code: "media_empty",
                ..
            } => Refusal::bad_request("The body is empty: send a file."),
            other => other.into(),
        })?
    };
    public(&face, &file, (UPLOADED, UPLOADED_MS))
}

async fn from_json(face: &Face, owned: &Reached, request: Request) -> Result<File, Refusal> {
    let JsonWithFile(body) = JsonWithFile::<Map<String, Value>>::from_request(request, &()).await?;
    let mut form = Form::of(body);
    let text = form.said("base64", usize::MAX);
    let mimetype = form.text("mimetype", 255);
    let text = form.done(text)?;
    let (said, encoded) = data_url(&text);
    let label = Label {
        mimetype: mimetype.or(said),
        filename: None,
    };
    let pieces = stream::iter(decoded(encoded));
    let put = face.api.media.put(&owned.ctx, &owned.id, label, pieces);
    let put = put.await.map_err(Refusal::from);
    put.map_err(|refusal| refusal.renamed(|field| field.is_empty().then_some("base64")))
}

/// The file of a message that a webhook told, or of any that the session has: by the message, or by what stands for its key.
async fn decrypt(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    // Whole, as a webhook posts it, or the message alone.
    let found = if form.has("data") {
        form.object("data", |data| data.object("messages", read_message))
    } else if form.has("messages") {
        form.object("messages", read_message)
    } else {
        read_message(&mut form)
    };
    let (message_id, key) = form.done(found)?;
    let Reached { ctx, id, .. } = &owned;
    let unknown = || Refusal::field("mediaKey", "This session has no such file.");
    let media_id = if let Some(id) = file_of(&key) {
        id
    } else {
        let named = message_id.ok_or_else(unknown)?;
        let stored = face.api.messages.get(ctx, id, &named).await;
        let stored = stored.map_err(|_| unknown())?;
        stored.message.content.media().ok_or_else(unknown)?.id
    };
    let file = face.api.media.get(ctx, id, media_id).await;
    let file = file.map_err(|error| match error {
        Error::NotFound { .. } => unknown(),
        other => other.into(),
    })?;
    public(&face, &file, (DECRYPTED, DECRYPTED_MS))
}

/// The id of a message and the key of its file.
fn read_message(form: &mut Form) -> Option<(Option<String>, String)> {
    let id = form
        .has("key")
        .then(|| form.object("key", |key| key.text("id", MAX_LINE)))
        .flatten();
    let key = form.has("message").then(|| {
        form.object("message", |message| {
            let kind = WITH_FILE.into_iter().find(|kind| message.has(kind));
            let Some(kind) = kind else {
                message.fault("imageMessage", "A message with a file is required.");
                return None;
            };
            message.object(kind, |file| file.said("mediaKey", MAX_LINE))
        })
    });
    if key.is_none() {
        form.fault("message", "The message field is required.");
    }
    Some((id, key.flatten()?))
}

/// A file that a URL leads to: one of the names given out here, or one from elsewhere.
pub(super) async fn by_url(
    face: &Face,
    Reached { ctx, session, id }: &Reached,
    (field, url): (&'static str, &str),
    filename: Option<String>,
) -> Result<File, Refusal> {
    let media = &face.api.media;
    let own = url.strip_prefix(face.api.settings.public_url.as_str());
    let name = own.and_then(|path| {
        path.strip_prefix(UPLOADED)
            .or_else(|| path.strip_prefix(DECRYPTED))
    });
    let Some(name) = name else {
        return Ok(media.fetch(ctx, id, (field, url), filename).await?);
    };
    let file = media.shared(name).await;
    let file = file.map_err(|_| Refusal::field(field, "There is no file at this address."))?;
    if file.session == *session {
        return Ok(file);
    }
    let label = Label {
        mimetype: Some(file.mimetype.clone()),
        filename: filename.or_else(|| file.filename.clone()),
    };
    let contents = media.read(&file, None).await?;
    Ok(media.put(ctx, id, label, contents).await?)
}

async fn read(State(face): State<Face>, Path(name): Path<String>) -> Result<Response, Refusal> {
    let file = face.api.media.shared(&name).await;
    let file = file.map_err(|error| match error {
        Error::Conflict {
            code: "link_expired",
            ..
        } => Refusal::new(StatusCode::GONE, "The link has expired."),
        Error::NotFound { .. } => Refusal::new(StatusCode::NOT_FOUND, "There is no such file."),
        other => other.into(),
    })?;
    let contents = face.api.media.read(&file, None).await?;
    let mut response = Response::new(Body::from_stream(contents));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_str(&file.mimetype);
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_LENGTH, file.size.into());
    // What strangers have sent is never run by a browser as if it were a page of ours.
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "private, max-age=3600"),
        (header::CONTENT_DISPOSITION, "attachment"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
