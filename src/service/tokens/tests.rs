//! What a token must say to be taken, and what it is refused for.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_800_000_000_000;

fn secret(text: &str) -> SecretString {
    SecretString::from(text.repeat(32))
}

fn tokens() -> Tokens {
    Tokens::new(&secret("a"), None)
}

fn code(result: Result<Claims, Error>) -> &'static str {
    match result {
        Err(Error::Unauthenticated { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

fn passport() -> String {
    let mut claims = Map::new();
    claims.insert("iss".to_owned(), "somebody".into());
    claims.insert("wharf".to_owned(), json!({"sub": "whoever"}));
    let passport = Passport {
        issuer: "another-service",
        seconds: 60,
        claims,
    };
    let holder = (UserId::new(), RefreshTokenId::new(), 7);
    tokens().issue_passport(holder, passport, NOW).unwrap()
}

#[test]
fn a_passport_is_bound_to_its_sign_in_whatever_it_says_besides_and_ends() {
    let claims = tokens().check(&passport(), NOW).unwrap();
    assert_eq!((claims.tv, claims.exp), (7, NOW / 1000 + 60));
    let late = NOW + (60 + LEEWAY_SECONDS) * 1000;
    assert_eq!(code(tokens().check(&passport(), late)), "token_expired");
    let other = Tokens::new(&secret("b"), None);
    assert_eq!(code(other.check(&passport(), NOW)), "token_invalid");
}

#[test]
fn an_access_token_that_calls_itself_a_passport_is_none() {
    let mut header = Header::new(ALGORITHM);
    header.typ = Some(PASSPORT_TYPE.to_owned());
    header.kid = Some(tokens().current.id);
    let forged = forge(&header, |_| {});
    assert_eq!(code(tokens().check(&forged, NOW)), "token_invalid");
}

/// A token with any header and claims, signed with the right key.
fn forge(header: &Header, edit: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": UserId::new(), "sid": RefreshTokenId::new(),
        "jti": Uuid::now_v7(),
        "iat": NOW / 1000, "exp": NOW / 1000 + 60, "tv": 0,
    });
    edit(&mut claims);
    encode(header, &claims, &tokens().current.encoding).unwrap()
}

fn header() -> Header {
    let mut header = Header::new(ALGORITHM);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(tokens().current.id);
    header
}

#[test]
fn a_token_says_whose_it_is_until_it_expires() {
    let user = UserId::new();
    let sign_in = RefreshTokenId::new();
    let (token, ends) = tokens().issue(user, sign_in, 3, NOW).unwrap();
    let claims = tokens().check(&token, NOW + 1000).unwrap();
    assert_eq!((claims.sub, claims.sid, claims.tv), (user, sign_in, 3));
    assert!(tokens().check(&token, ends + 29_000).is_ok(), "leeway");
    assert_eq!(code(tokens().check(&token, ends + 30_000)), "token_expired");
}

#[test]
fn a_token_of_the_key_before_is_accepted_and_of_a_stranger_not() {
    let (token, _) = tokens()
        .issue(UserId::new(), RefreshTokenId::new(), 0, NOW)
        .unwrap();
    let rotated = Tokens::new(&secret("b"), Some(&secret("a")));
    assert!(rotated.check(&token, NOW).is_ok());
    let stranger = Tokens::new(&secret("b"), None);
    assert_eq!(code(stranger.check(&token, NOW)), "token_invalid");
}

#[test]
fn a_token_without_an_algorithm_is_refused() {
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let (token, _) = tokens()
        .issue(UserId::new(), RefreshTokenId::new(), 0, NOW)
        .unwrap();
    let claims = token.split('.').nth(1).unwrap();
    for alg in ["none", "None", "HS512", "RS256"] {
        let head = encode(json!({"alg": alg, "typ": TYPE, "kid": tokens().current.id}));
        for signature in ["", "AAAA", token.split('.').nth(2).unwrap()] {
            let forged = format!("{head}.{claims}.{signature}");
            assert_eq!(code(tokens().check(&forged, NOW)), "token_invalid", "{alg}");
        }
    }
}

#[test]
fn a_token_for_somebody_else_or_of_another_kind_is_refused() {
    assert!(tokens().check(&forge(&header(), |_| {}), NOW).is_ok());
    let mut other = header();
    other.typ = Some("JWT".to_owned());
    assert_eq!(
        code(tokens().check(&forge(&other, |_| {}), NOW)),
        "token_invalid"
    );
    let mut other = header();
    other.alg = Algorithm::HS384;
    assert_eq!(
        code(tokens().check(&forge(&other, |_| {}), NOW)),
        "token_invalid"
    );
    for (claim, value) in [
        ("aud", json!("another-api")),
        ("iss", json!("another-issuer")),
        ("iat", json!(NOW / 1000 + 3600)),
        ("sub", json!("ses_0")),
    ] {
        let forged = forge(&header(), |claims| claims[claim] = value);
        assert_eq!(
            code(tokens().check(&forged, NOW)),
            "token_invalid",
            "{claim}"
        );
    }
}

#[test]
fn every_claim_is_required() {
    for claim in ["iss", "aud", "sub", "sid", "jti", "iat", "exp", "tv"] {
        let forged = forge(&header(), |claims| {
            claims.as_object_mut().unwrap().remove(claim);
        });
        assert_eq!(
            code(tokens().check(&forged, NOW)),
            "token_invalid",
            "{claim}"
        );
    }
}

#[test]
fn a_changed_signature_is_refused() {
    let (mut token, _) = tokens()
        .issue(UserId::new(), RefreshTokenId::new(), 0, NOW)
        .unwrap();
    token.pop();
    assert_eq!(code(tokens().check(&token, NOW)), "token_invalid");
    assert_eq!(code(tokens().check("", NOW)), "token_invalid");
    assert_eq!(code(tokens().check("a.b.c", NOW)), "token_invalid");
}
