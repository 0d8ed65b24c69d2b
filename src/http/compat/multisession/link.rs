//! Links to the files of messages: `/api/media/temp/{session}_{seconds}_{file}.{ending}?expires=…`, for an hour.
//!
//! Owns how a link is written and read. It opens nothing by itself: whoever follows it shows a token of the session's owner,
//! who may read the file anyway, so nothing has to be signed.

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use entity::ids::{MediaId, SessionId};
use headers::HeaderMapExt as _;
use serde::Deserialize;

use super::{Face, auth::Caller, error::Refusal};
use crate::{
    domain::message::{Attached, Content},
    http::{
        extract::{Path, Query},
        routing::get,
    },
    service::Error,
};

/// How long a link lasts.
const SECONDS: i64 = 3600;
/// The longest ending of a name that is taken over.
const MAX_ENDING: usize = 8;

pub(super) fn routes() -> Router<Face> {
    Router::new().route("/api/media/temp/{filename}", get(follow))
}

/// The link to the file of a message that a session has heard at `at_ms`.
pub(super) fn link(session: &str, at_ms: i64, content: &Content) -> Option<String> {
    let file = content.media()?;
    let at = at_ms.div_euclid(1000);
    let (id, ending) = (file.id, ending(content, file));
    let expires = at + SECONDS;
    Some(format!(
        "/api/media/temp/{session}_{at}_{id}.{ending}?expires={expires}"
    ))
}

/// How the name of a file ends: as its own, or by what it is.
fn ending(content: &Content, file: &Attached) -> String {
    if let Content::Document { document, .. } = content
        && let Some((_, own)) = document
            .filename
            .as_deref()
            .and_then(|name| name.rsplit_once('.'))
        && (1..=MAX_ENDING).contains(&own.len())
        && own.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return own.to_owned();
    }
    let known = match file.mimetype.split(';').next().unwrap_or_default().trim() {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "video/mp4" => "mp4",
        "audio/ogg" | "audio/opus" => "ogg",
        "audio/mpeg" => "mp3",
        "audio/mp4" => "m4a",
        "application/pdf" => "pdf",
        _ => "bin",
    };
    known.to_owned()
}

/// What a link names.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    session: SessionId,
    file: MediaId,
    /// When it ends, in seconds.
    until: i64,
}

impl Named {
    fn read(filename: &str) -> Option<Self> {
        let (name, _) = filename.split_once('.')?;
        let mut words = name.splitn(4, '_');
        let session = format!("{}_{}", words.next()?, words.next()?);
        let at: i64 = words.next()?.parse().ok()?;
        Some(Self {
            session: session.parse().ok()?,
            until: at.checked_add(SECONDS)?,
            file: words.next()?.parse().ok()?,
        })
    }
}

#[derive(Deserialize)]
struct Asked {
    expires: Option<String>,
}

async fn follow(
    State(face): State<Face>,
    Caller(ctx): Caller,
    Path(filename): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let bad = || Refusal::bad_request("Invalid filename");
    let named = Named::read(&filename).ok_or_else(bad)?;
    let expires = asked.expires.as_deref();
    let expires = expires.ok_or_else(|| Refusal::bad_request("expires is required"))?;
    if expires.parse() != Ok(named.until) {
        return Err(Refusal::bad_request("Invalid expires"));
    }
    if face.api.clock.now_ms().div_euclid(1000) >= named.until {
        return Err(Refusal::gone("Media link has expired"));
    }
    let session = named.session.to_string();
    let ctx = face.api.sessions.as_owner(&ctx, &session).await?;
    let file = face.api.media.get(&ctx, &session, named.file).await;
    let file = file.map_err(|error| match error {
        Error::NotFound { .. } => Refusal::not_found("Media not found"),
        other => other.into(),
    })?;
    let contents = face.api.media.read(&file, None).await?;
    let mut response = Response::new(Body::from_stream(contents));
    describe(response.headers_mut(), &file.mimetype, file.size);
    Ok(response)
}

/// What strangers have sent is shown, and never run by a browser as if it were a page of ours.
fn describe(headers: &mut HeaderMap, mimetype: &str, size: u64) {
    let kind = HeaderValue::from_str(mimetype);
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, kind);
    headers.typed_insert(headers::ContentLength(size));
    let rest: [(HeaderName, &str); 4] = [
        (header::CONTENT_DISPOSITION, "inline"),
        (header::CACHE_CONTROL, "private, max-age=3600"),
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in rest {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(kind: &str, said: serde_json::Value, mimetype: &str) -> Content {
        let media = json!({
            "id": MediaId(uuid::Uuid::nil()), "url": "/v1/x", "mimetype": mimetype, "size": 1, "sha256": "",
        });
        serde_json::from_value(json!({"type": kind, kind: said, "media": media})).unwrap()
    }

    #[test]
    fn a_link_names_what_it_leads_to_and_until_when() {
        let session = SessionId(uuid::Uuid::nil());
        let image = content("image", json!({}), "image/jpeg; x=y");
        let shown = link(&session.to_string(), 1_690_000_000_999, &image).unwrap();
        let (path, expires) = shown.split_once("?expires=").unwrap();
        assert_eq!(expires, "1690003600");
        let filename = path.strip_prefix("/api/media/temp/").unwrap();
        assert_eq!(filename.split_once('.').unwrap().1, "jpg");
        let named = Named::read(filename).unwrap();
        assert_eq!((named.session, named.until), (session, 1_690_003_600));
        for bad in ["", "x", "ses_1_2_med_3.jpg", "../etc/passwd", "a_b_c_d.e"] {
            assert_eq!(Named::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_document_keeps_the_ending_of_its_name_where_that_is_one() {
        let of = |name: &str, mimetype: &str| {
            let content = content("document", json!({"filename": name}), mimetype);
            ending(&content, content.media().unwrap())
        };
        assert_eq!(of("offer.v2.xlsx", "application/zip"), "xlsx");
        assert_eq!(of("offer./../x", "application/pdf"), "pdf");
        assert_eq!(of("offer", "text/x-y"), "bin");
    }
}
