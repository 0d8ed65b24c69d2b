//! `/v1/sessions/{id}/media`: put a file here, read one.

use axum::{
    body::Body,
    extract::{FromRequest as _, Multipart, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use entity::ids::MediaId;
use headers::{ContentRange, HeaderMapExt as _, Range};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::clock::rfc3339,
    http::{
        Api,
        extract::{Json, JsonWithFile, Path, Query, pieces},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx, Error,
        media::{File, Label, Media},
    },
};

mod input;

pub(in crate::http) use input::MediaInput;

/// What is read within the time of a request.
pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(read_media))
}

/// What may take longer: the pieces of the body have a time of their own.
pub(in crate::http) fn slow() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(put_media))
}

/// A file.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct MediaResponse {
    #[schema(value_type = String, example = "med_0190a2b4c6d87e6f8a1b2c3d4e5f6071")]
    id: MediaId,
    /// Where it is read, below the address of the service.
    url: String,
    #[schema(example = "image/jpeg")]
    mimetype: String,
    filename: Option<String>,
    /// Bytes.
    size: u64,
    /// Of the bytes, in hexadecimal digits.
    sha256: String,
    /// RFC 3339.
    created_at: String,
}

impl From<File> for MediaResponse {
    fn from(file: File) -> Self {
        Self {
            url: format!("/v1/sessions/{}/media/{}", file.session, file.id),
            id: file.id,
            mimetype: file.mimetype,
            filename: file.filename,
            size: file.size,
            sha256: file.sha256,
            created_at: rfc3339(file.created_at),
        }
    }
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PutQuery {
    /// What the file is called, when the body is the file itself.
    filename: Option<String>,
}

/// Put a file here, to be sent.
///
/// The body is the file itself with its `Content-Type`, or a form with the file in the field `file`, or JSON that says where
/// to fetch it or holds it as base64. It is taken in piece by piece and refused at the first byte too many. Its id goes into a message as `{"media_id": "med_…"}`.
#[utoipa::path(
    post, path = "/sessions/{id}/media", tag = "media",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own"), PutQuery),
    request_body(content(
        (MediaInput = "application/json"),
        (Vec<u8> = "application/octet-stream"),
        (Vec<u8> = "multipart/form-data"),
    )),
    responses(
        (status = 201, body = MediaResponse),
        (status = 400, description = "`media_empty`, `media_type_mismatch`, `media_incomplete`, `media_url_refused`, `media_url_failed`", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 413, description = "`media_too_large`", body = ProblemBody),
        (status = 503, description = "`media_store_unavailable`", body = ProblemBody),
    )
)]
async fn put_media(
    State(media): State<Media>,
    ctx: Ctx,
    Path(id): Path<String>,
    Query(query): Query<PutQuery>,
    request: Request,
) -> Result<(StatusCode, Json<MediaResponse>), Problem> {
    // Before a word about the body: whoever sees no session learns nothing of it.
    media.admit(&ctx, &id).await?;
    let patience = pieces::patience(&request);
    let said = text(request.headers(), header::CONTENT_TYPE);
    let is = |kind: &str| said.as_deref().is_some_and(|said| said.starts_with(kind));
    let file = if is("application/json") {
        let JsonWithFile(input) = JsonWithFile::<MediaInput>::from_request(request, &()).await?;
        input.take(&media, &ctx, &id, "").await?
    } else if is("multipart/form-data") {
        let form = Multipart::from_request(request, &()).await;
        let mut form = form.map_err(|error| Error::invalid("", error.body_text()))?;
        let mut field = pieces::field(&mut form, "file", patience).await?;
        let label = Label {
            mimetype: field.content_type().map(str::to_owned),
            filename: field.file_name().map(str::to_owned),
        };
        let source = pieces::of_field(&mut field, patience);
        media.put(&ctx, &id, label, source).await?
    } else {
        let label = Label {
            mimetype: said,
            filename: query.filename,
        };
        let source = pieces::of_body(request.into_body(), patience);
        media.put(&ctx, &id, label, source).await?
    };
    Ok((StatusCode::CREATED, Json(file.into())))
}

/// Read a file.
///
/// Whole, or the range that is asked for. What WhatsApp keeps is fetched from there at the first reading.
#[utoipa::path(
    get, path = "/sessions/{id}/media/{media_id}", tag = "media",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("media_id" = String, Path, description = "`med_…`"),
        ("Range" = Option<String>, Header, description = "`bytes=…`, one range"),
    ),
    responses(
        (status = 200, description = "The file, under its own type", content_type = "*/*", body = Vec<u8>),
        (status = 206, description = "The range", content_type = "*/*", body = Vec<u8>),
        (status = 404, body = ProblemBody),
        (status = 416, description = "The range lies outside", body = ProblemBody),
        (status = 503, description = "`media_store_unavailable`", body = ProblemBody),
    )
)]
async fn read_media(
    State(media): State<Media>,
    ctx: Ctx,
    Path((id, media_id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let media_id = media_id
        .parse()
        .map_err(|_| Error::NotFound { what: "media" })?;
    let file = media.get(&ctx, &id, media_id).await?;
    let range = match headers.typed_get::<Range>() {
        Some(range) => wanted(&range, file.size)?,
        None => None,
    };
    let contents = media.read(&file, range.clone()).await?;
    let mut response = Response::new(Body::from_stream(contents));
    let headers = response.headers_mut();
    let length = range
        .as_ref()
        .map_or(file.size, |range| range.end - range.start);
    headers.typed_insert(headers::ContentLength(length));
    headers.typed_insert(headers::AcceptRanges::bytes());
    describe(headers, &file);
    if let Some(range) = range
        && let Ok(range) = ContentRange::bytes(range, file.size)
    {
        headers.typed_insert(range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The one range that is wanted; several at once are none, and answered with the whole.
fn wanted(range: &Range, size: u64) -> Result<Option<std::ops::Range<u64>>, Problem> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let mut ranges = range.satisfiable_ranges(size);
    let first = ranges.next();
    if ranges.next().is_some() {
        return Ok(None);
    }
    let within = first.and_then(|(from, to)| {
        let start = match from {
            Included(start) => start,
            Excluded(before) => before + 1,
            Unbounded => 0,
        };
        let end = match to {
            Included(last) => last.saturating_add(1).min(size),
            Excluded(end) => end.min(size),
            Unbounded => size,
        };
        (start < end).then_some(start..end)
    });
    match within {
        Some(range) => Ok(Some(range)),
        None => Err(Problem::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "range_outside",
            format!("the file has {size} bytes"),
        )),
    }
}

/// What strangers have sent is never run by a browser as if it were a page of ours.
fn describe(headers: &mut HeaderMap, file: &File) {
    let kind = HeaderValue::from_str(&file.mimetype);
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, kind);
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", file.sha256)) {
        headers.insert(header::ETAG, tag);
    }
    let name = file.filename.as_deref().unwrap_or_default();
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let name = name.replace('+', "%20");
    let inline = ["image/", "video/", "audio/"]
        .iter()
        .any(|class| file.mimetype.starts_with(class) && file.mimetype != "image/svg+xml");
    let shown = if inline { "inline" } else { "attachment" };
    let shown = if name.is_empty() {
        shown.to_owned()
    } else {
        format!("{shown}; filename*=UTF-8''{name}")
    };
    if let Ok(shown) = HeaderValue::from_str(&shown) {
        headers.insert(header::CONTENT_DISPOSITION, shown);
    }
    let private = HeaderValue::from_static("private, max-age=31536000, immutable");
    headers.insert(header::CACHE_CONTROL, private);
    let sandboxed = HeaderValue::from_static("sandbox; default-src 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, sandboxed);
    let as_said = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, as_said);
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str) -> Result<Option<std::ops::Range<u64>>, StatusCode> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        let range: Range = headers.typed_get().unwrap();
        wanted(&range, 10).map_err(|problem| problem.status())
    }

    #[test]
    fn a_range_is_what_of_it_lies_within() {
        assert_eq!(of("bytes=0-3"), Ok(Some(0..4)));
        assert_eq!(of("bytes=4-"), Ok(Some(4..10)));
        assert_eq!(of("bytes=-3"), Ok(Some(7..10)));
        assert_eq!(of("bytes=8-99"), Ok(Some(8..10)));
        assert_eq!(of("bytes=0-1,4-5"), Ok(None));
        assert_eq!(of("bytes=10-"), Err(StatusCode::RANGE_NOT_SATISFIABLE));
    }
}
