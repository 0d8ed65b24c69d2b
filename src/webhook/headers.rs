//! Headers that a user adds to the requests of an endpoint.
//!
//! Owns what may not be set: whatever frames the request, names the receiver, or belongs to the signature.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// The most headers of one endpoint.
const COUNT_MAX: usize = 20;
/// The most bytes of one value.
const VALUE_MAX_BYTES: usize = 4096;

/// Set by the client, by the body, or dangerous to let through.
const RESERVED: [&str; 17] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "accept-encoding",
    "user-agent",
    "forwarded",
];

/// Why a header is refused. Never holds the value: it may be a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Too many of them.
    #[error("at most {COUNT_MAX} headers")]
    TooMany,
    /// Not a token of HTTP.
    #[error("this is not the name of a header")]
    Name,
    /// It is not the user's to set.
    #[error("this header is set by the service")]
    Reserved,
    /// Line breaks or other control characters.
    #[error("the value holds characters that a header cannot carry")]
    Value,
    /// Too long.
    #[error("a value has at most {VALUE_MAX_BYTES} bytes")]
    TooLong,
}

/// The checked headers, or the name of the first faulty one (empty when the list itself is) and its fault.
pub fn check(headers: &BTreeMap<String, String>) -> Result<HeaderMap, (String, HeaderError)> {
    if headers.len() > COUNT_MAX {
        return Err((String::new(), HeaderError::TooMany));
    }
    let mut checked = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let (key, mut value) = one(name, value).map_err(|error| (name.clone(), error))?;
        // `Debug` of a request must not show what may be a credential.
        value.set_sensitive(true);
        checked.insert(key, value);
    }
    Ok(checked)
}

fn one(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), HeaderError> {
    let key: HeaderName = name.parse().map_err(|_| HeaderError::Name)?;
    if RESERVED.contains(&key.as_str()) || key.as_str().starts_with("webhook-") {
        return Err(HeaderError::Reserved);
    }
    if value.len() > VALUE_MAX_BYTES {
        return Err(HeaderError::TooLong);
    }
    let value = HeaderValue::from_str(value).map_err(|_| HeaderError::Value)?;
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(name: &str, value: &str) -> Option<HeaderError> {
        let headers = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        check(&headers).err().map(|(_, error)| error)
    }

    #[test]
    fn a_header_of_the_users_own_is_kept() {
        assert_eq!(fault("Authorization", "Bearer x"), None);
        assert_eq!(fault("X-Team", "ops"), None);
    }

    #[test]
    fn headers_that_frame_or_sign_the_request_are_refused() {
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "Webhook-Id",
            "webhook-anything",
        ] {
            assert_eq!(fault(name, "x"), Some(HeaderError::Reserved), "{name}");
        }
        assert_eq!(fault("a b", "x"), Some(HeaderError::Name));
        assert_eq!(fault("x-a", "x\r\nhost: y"), Some(HeaderError::Value));
        assert_eq!(fault("x-a", &"x".repeat(4097)), Some(HeaderError::TooLong));
        let many = (0..21).map(|n| (format!("x-{n}"), String::new())).collect();
        assert_eq!(check(&many).unwrap_err().1, HeaderError::TooMany);
    }
}
