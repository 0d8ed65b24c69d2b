//! Which pages may use the service from a browser.

use axum::http::{HeaderMap, StatusCode, header};

use super::problem::Problem;

/// Lets a request pass that comes from no page, from a page of ours, or from a page that is named.
///
/// `token` are the pages that the credential names, when it does; then ours and the configured ones stay allowed too.
pub(super) fn check(
    headers: &HeaderMap,
    configured: &[String],
    token: Option<&[String]>,
) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    let named = |list: &[String]| list.iter().any(|allowed| allowed == origin);
    if is_ours(origin, headers) || named(configured) || token.is_some_and(named) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "origin_not_allowed",
        "pages of this origin may not use this",
    ))
}

/// Whether the page was served under the very host that is asked now.
fn is_ours(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let from = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    from.is_some() && from == host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "wharf.example:8080".parse().unwrap());
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        headers
    }

    #[test]
    fn a_page_of_ours_or_a_named_one_may_and_any_other_may_not() {
        let named = vec!["https://app.example".to_owned()];
        assert!(check(&HeaderMap::new(), &[], None).is_ok(), "no page");
        assert!(check(&headers("http://wharf.example:8080"), &[], None).is_ok());
        assert!(check(&headers("https://app.example"), &named, None).is_ok());
        assert!(check(&headers("https://app.example"), &[], Some(&named)).is_ok());
        for other in [
            "https://evil.example",
            "null",
            "http://wharf.example",
            "https://app.example.evil",
        ] {
            assert!(
                check(&headers(other), &named, Some(&named)).is_err(),
                "{other}"
            );
        }
    }
}
