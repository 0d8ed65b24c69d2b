//! From an event of the log to the body of a request.
//!
//! Owns the native shape. Must never sign or send. A dialect brings its own [`Render`].

use std::fmt::Debug;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::clock::rfc3339;

/// What one delivery tells.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The name of the event.
    pub event_type: &'a str,
    /// The shown id of the session; none for a test.
    pub session: Option<&'a str>,
    /// Its place in the log of the session; 0 for a test.
    pub seq: i64,
    /// When it happened, in milliseconds since 1970.
    pub at_ms: i64,
    /// The `data` of the event, as JSON.
    pub payload: &'a str,
}

/// The body and the headers that belong to it.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Exactly what is signed and sent.
    pub body: Bytes,
    /// `content-type` and whatever else the shape asks for.
    pub headers: HeaderMap,
}

/// A stored payload is not what the log promises.
#[derive(Debug, thiserror::Error)]
#[error("the stored event is not a JSON object")]
pub struct RenderError(#[from] serde_json::Error);

/// A shape of webhook bodies.
pub trait Render: Debug + Send + Sync {
    /// The body for `told`: the same every time, so that a retry repeats the first attempt.
    fn render(&self, told: &Told<'_>) -> Result<Rendered, RenderError>;
}

/// `{"type","timestamp","data":{"session","seq",…}}`, as Standard Webhooks recommends.
#[derive(Debug, Clone, Copy, Default)]
pub struct Native;

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: String,
    data: Map<String, Value>,
}

impl Render for Native {
    fn render(&self, told: &Told<'_>) -> Result<Rendered, RenderError> {
        let mut data: Map<String, Value> = serde_json::from_str(told.payload)?;
        data.insert("session".to_owned(), told.session.into());
        data.insert("seq".to_owned(), told.seq.into());
        let body = serde_json::to_vec(&Body {
            event_type: told.event_type,
            timestamp: rfc3339(told.at_ms),
            data,
        })?;
        let mut headers = HeaderMap::with_capacity(1);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Rendered {
            body: body.into(),
            headers,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_native_body_names_session_and_seq_next_to_the_data() {
        let told = Told {
            event_type: "message",
            session: Some("ses_1"),
            seq: 7,
            at_ms: 1_700_000_000_120,
            payload: r#"{"type":"text","text":{"body":"hi"}}"#,
        };
        let rendered = Native.render(&told).unwrap();
        let body: Value = serde_json::from_slice(&rendered.body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "message",
                "timestamp": "2023-11-14T22:13:20.120Z",
                "data": {"session": "ses_1", "seq": 7, "type": "text", "text": {"body": "hi"}},
            })
        );
        assert_eq!(rendered.headers[CONTENT_TYPE], "application/json");
    }

    #[test]
    fn a_payload_that_is_no_object_is_an_error() {
        let told = Told {
            event_type: "message",
            session: None,
            seq: 0,
            at_ms: 0,
            payload: "[]",
        };
        assert!(Native.render(&told).is_err());
    }
}
