//! The console, as `web/` built it.
//!
//! Owns what is served besides the API: files of `web/dist`, and the page for every path that a browser opens.
//! Must never answer in place of an API path: those keep their 404. A release build carries the files within, a
//! debug build reads them from the folder. `http::router` falls back to [`page`].

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::Problem;

/// The built console; empty when nobody has built it.
#[derive(Debug, RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";
/// Vite puts a hash into each name in here: a changed file has another name.
const HASHED: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// Paths of the API: a miss among them is a fault, not a page.
const API: [&str; 10] = [
    "/v1",
    "/api",
    "/ws",
    "/sandbox",
    "/docs",
    "/openapi.json",
    "/metrics",
    "/livez",
    "/readyz",
    "/qr",
];

/// Everything comes from here; a QR code is a picture within its message.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Wharf</title>\
    <h1>Wharf is running</h1><p>Its console was not built. In the checkout, <code>make web</code> builds it \
    (Node 20 or newer); the API works without it: see <a href=\"/docs\">/docs</a>.</p></html>\n";

/// A file of the console, or its page for a path that a browser opens.
pub async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return missing();
    }
    answer(uri.path(), &headers, Dist::get)
}

/// `find` looks a file up by its path in `web/dist`.
fn answer(path: &str, headers: &HeaderMap, find: fn(&str) -> Option<EmbeddedFile>) -> Response {
    let name = path.trim_start_matches('/');
    if !name.is_empty()
        && let Some(file) = find(name)
    {
        let keep = if name.starts_with(HASHED) {
            FOREVER
        } else {
            ASK_AGAIN
        };
        return send(&file, keep, headers);
    }
    if !is_page(path, headers) {
        return missing();
    }
    if let Some(index) = find(INDEX) {
        send(&index, ASK_AGAIN, headers)
    } else {
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        (kind, NOT_BUILT).into_response()
    }
}

fn missing() -> Response {
    Problem::of_status(StatusCode::NOT_FOUND).into_response()
}

/// Whether a browser opens `path` as a page: it asks for HTML, and the path names no file and nothing of the API.
fn is_page(path: &str, headers: &HeaderMap) -> bool {
    let of_the_api = API.iter().any(|prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let names_a_file = path
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains('.'));
    let wants_html = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    path == "/" || (!of_the_api && !names_a_file && wants_html)
}

fn send(file: &EmbeddedFile, keep: &'static str, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let unchanged = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(file.data.to_vec()).into_response()
    };
    let out = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, etag);
    }
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(kind) = HeaderValue::from_str(file.metadata.mimetype()) {
        out.insert(header::CONTENT_TYPE, kind);
    }
    out.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    out.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    out.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use rust_embed::Metadata;

    use super::*;

    fn built(name: &str) -> Option<EmbeddedFile> {
        let (data, kind): (&'static [u8], _) = match name {
            "index.html" => (b"<html>", "text/html"),
            "assets/app-1a2b.js" => (b"js", "text/javascript"),
            _ => return None,
        };
        let metadata = Metadata::__rust_embed_new([7; 32], None, None, kind);
        Some(EmbeddedFile {
            data: Cow::Borrowed(data),
            metadata,
        })
    }

    fn browser() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, "text/html,*/*;q=0.8".parse().unwrap());
        headers
    }

    #[test]
    fn a_hashed_file_is_kept_for_ever_and_the_page_is_asked_for_again() {
        let script = answer("/assets/app-1a2b.js", &HeaderMap::new(), built);
        assert_eq!(script.headers()[header::CACHE_CONTROL], FOREVER);
        assert_eq!(script.headers()[header::CONTENT_TYPE], "text/javascript");
        let page = answer("/", &HeaderMap::new(), built);
        assert_eq!(page.headers()[header::CACHE_CONTROL], ASK_AGAIN);
    }

    #[test]
    fn a_known_version_is_not_sent_again() {
        let mut headers = browser();
        let first = answer("/", &headers, built);
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(
            answer("/", &headers, built).status(),
            StatusCode::NOT_MODIFIED
        );
    }

    #[test]
    fn every_path_that_a_browser_opens_is_the_page() {
        let page = answer("/sessions/ses_1", &browser(), built);
        assert_eq!(page.status(), StatusCode::OK);
        assert!(page.headers().contains_key(header::CONTENT_SECURITY_POLICY));
    }

    #[test]
    fn a_miss_in_the_api_or_among_the_files_is_a_404() {
        for path in ["/v1/nothing", "/api/x", "/ws/none", "/assets/gone.js"] {
            let response = answer(path, &browser(), built);
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
        let script = answer("/sessions", &HeaderMap::new(), built);
        assert_eq!(script.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_console_that_was_not_built_says_how_to_build_it() {
        let page = answer("/", &browser(), |_| None);
        let body = axum::body::to_bytes(page.into_body(), 4096).await.unwrap();
        assert!(std::str::from_utf8(&body).unwrap().contains("make web"));
    }
}
