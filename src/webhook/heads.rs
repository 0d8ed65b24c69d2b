//! The heads of a request and of its answer, as the attempt log keeps them.
//!
//! Owns what of them is masked and how much is kept. Must never keep a whole signature, the value of a custom header,
//! or a cookie. The sender writes them, `service::webhooks` reads them back.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use serde::{Deserialize, Serialize};

use super::signer::SIGNATURE_HEADER;

/// The most headers that are kept of an answer.
const HEADERS_MAX: usize = 64;
/// The most characters that are kept of one value.
const VALUE_MAX: usize = 512;
/// The most characters that are kept of all values of an answer.
const VALUES_MAX: usize = 8 * 1024;
/// What is shown of each signature: enough to compare it with a receiver's log.
const SIGNATURE_SHOWN: usize = 12;

const MASK: &str = "[masked]";

/// A head, masked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Where to; none in the head of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Names and values in the order they were sent.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// Of a request: what we have set, and what the user's headers are called.
    pub fn of_request(url: &str, headers: &HeaderMap) -> Self {
        Self {
            url: Some(url.to_owned()),
            headers: headers
                .iter()
                .map(|(name, value)| (name.to_string(), shown(name, value)))
                .collect(),
        }
    }

    /// Of an answer, up to a bound.
    pub fn of_response(headers: &HeaderMap) -> Self {
        let mut room = VALUES_MAX;
        let mut kept = Vec::new();
        for (name, value) in headers.iter().take(HEADERS_MAX) {
            let value: String = shown(name, value)
                .chars()
                .take(VALUE_MAX.min(room))
                .collect();
            room = room.saturating_sub(name.as_str().len() + value.len());
            kept.push((name.to_string(), value));
            if room == 0 {
                break;
            }
        }
        Self {
            url: None,
            headers: kept,
        }
    }

    /// As it is stored; none if it cannot be written, which a log can do without.
    pub fn to_stored(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// From its stored form.
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    if value.is_sensitive() || name == SET_COOKIE {
        return MASK.to_owned();
    }
    let text = String::from_utf8_lossy(value.as_bytes());
    if name == SIGNATURE_HEADER {
        let short = |signature: &str| {
            let start: String = signature.chars().take(SIGNATURE_SHOWN).collect();
            format!("{start}…")
        };
        return text.split(' ').map(short).collect::<Vec<_>>().join(" ");
    }
    text.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&'static str, &str)]) -> HeaderMap {
        headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn signatures_are_shortened_and_custom_values_and_cookies_masked() {
        let mut headers = map(&[
            ("webhook-id", "evt_1"),
            (
                "webhook-signature",
                "v1,aaaaaaaaaaaaaaaaaaaa v1,bbbbbbbbbbbbbbbbbbbb",
            ),
            ("set-cookie", "session=1"),
        ]);
        let mut secret = HeaderValue::from_static("Bearer secret");
        secret.set_sensitive(true);
        headers.insert("authorization", secret);
        let head = Head::of_request("https://example.com/", &headers);
        let value = |wanted: &str| {
            let found = head.headers.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone()).unwrap()
        };
        assert_eq!(value("webhook-id"), "evt_1");
        assert_eq!(value("webhook-signature"), "v1,aaaaaaaaa… v1,bbbbbbbbb…");
        assert_eq!(value("authorization"), MASK);
        assert_eq!(value("set-cookie"), MASK);
        let stored = head.to_stored().unwrap();
        assert_eq!(Head::from_stored(&stored), Some(head));
    }

    #[test]
    fn what_is_kept_of_an_answer_is_bounded() {
        let long = "x".repeat(2_000);
        let mut headers = HeaderMap::new();
        for number in 0..200 {
            let name: HeaderName = format!("x-{number}").parse().unwrap();
            headers.insert(name, HeaderValue::from_str(&long).unwrap());
        }
        let head = Head::of_response(&headers);
        let kept: usize = head.headers.iter().map(|(_, value)| value.len()).sum();
        assert!(kept <= VALUES_MAX, "{kept}");
        assert!(
            head.headers
                .iter()
                .all(|(_, value)| value.len() <= VALUE_MAX)
        );
        assert!(head.headers.len() <= HEADERS_MAX);
    }
}
