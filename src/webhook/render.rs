//! From an event of the log to the body of a request.
//!
//! Owns the native shape, and which shape is told in which way. Must never sign or send. A dialect brings its own [`Render`].

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value};

use super::retry::Schedule;
use crate::domain::clock::rfc3339;

/// The name of our own shape.
pub const NATIVE: &str = "native";

/// Who the session is, for shapes that tell it.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// The owner's own name for it.
    pub handle: &'a str,
    /// The digits of its account.
    pub phone: Option<&'a str>,
    /// Its number in faces that show numbers in place of ids, if it was shown in one.
    pub number: Option<i64>,
}

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
    /// In which shape.
    pub shape: &'a str,
    /// Which of the things that the shape can tell of it; empty where there is one.
    pub variant: &'a str,
    /// Who the session is; known where the shape is not our own and the session is there.
    pub who: Option<Who<'a>>,
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
pub enum RenderError {
    /// It is not JSON, or not what its name says.
    #[error("the stored event is not a JSON object")]
    Damaged(#[from] serde_json::Error),
    /// A dialect that is no longer part of the service had it.
    #[error("there is no shape of this name")]
    NoShape,
}

/// A shape of webhook bodies.
pub trait Render: Debug + Send + Sync {
    /// The body for `told`: the same every time, so that a retry repeats the first attempt.
    /// None is what the shape does not tell: it is passed over as if it were delivered.
    fn render(&self, told: &Told<'_>) -> Result<Option<Rendered>, RenderError>;

    /// When what failed is tried again.
    fn schedule(&self, _shape: &str) -> Schedule {
        Schedule::default()
    }
}

/// Every shape that there is, by its name.
#[derive(Debug, Clone)]
pub struct Shapes(BTreeMap<&'static str, Arc<dyn Render>>);

impl Shapes {
    /// Our own, and `others`.
    pub fn with(others: impl IntoIterator<Item = (&'static str, Arc<dyn Render>)>) -> Self {
        let mut shapes: BTreeMap<_, _> = others.into_iter().collect();
        shapes.insert(NATIVE, Arc::new(Native));
        Self(shapes)
    }
}

impl Render for Shapes {
    fn render(&self, told: &Told<'_>) -> Result<Option<Rendered>, RenderError> {
        let shape = self.0.get(told.shape).ok_or(RenderError::NoShape)?;
        shape.render(told)
    }

    fn schedule(&self, shape: &str) -> Schedule {
        let found = self.0.get(shape);
        found.map_or_else(Schedule::default, |found| found.schedule(shape))
    }
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
    fn render(&self, told: &Told<'_>) -> Result<Option<Rendered>, RenderError> {
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
        Ok(Some(Rendered {
            body: body.into(),
            headers,
        }))
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
            shape: NATIVE,
            variant: "",
            who: None,
        };
        let rendered = Native.render(&told).unwrap().unwrap();
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
            shape: "gone",
            variant: "",
            who: None,
        };
        assert!(Native.render(&told).is_err());
        let shapes = Shapes::with([]);
        assert!(matches!(shapes.render(&told), Err(RenderError::NoShape)));
    }
}
