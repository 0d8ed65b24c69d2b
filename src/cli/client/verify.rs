//! Believes nothing unsigned (Standard Webhooks).

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use serde_json::Value;
use sha2::Sha256;

/// A verified delivery.
#[derive(Debug)]
pub(in crate::cli) struct Delivery {
    pub(in crate::cli) id: String,
    pub(in crate::cli) body: Value,
}

/// Knows the secret of one webhook.
pub(in crate::cli) struct Verifier(Vec<u8>);

impl Verifier {
    /// With the secret that was shown when the webhook was made.
    pub(in crate::cli) fn new(secret: &str) -> Result<Self> {
        let encoded = secret
            .strip_prefix("whsec_")
            .context("the secret is no whsec_…")?;
        let secret = STANDARD
            .decode(encoded)
            .context("the secret is no base64")?;
        Ok(Self(secret))
    }

    /// A delivery whose signature is wrong is a failure.
    pub(in crate::cli) fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Delivery> {
        let id = header(headers, "webhook-id")?;
        let timestamp = header(headers, "webhook-timestamp")?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        let signed = header(headers, "webhook-signature")?
            .split(' ')
            .filter_map(|signature| signature.strip_prefix("v1,"))
            .filter_map(|signature| STANDARD.decode(signature).ok())
            .any(|signature| mac.clone().verify_slice(&signature).is_ok());
        ensure!(signed, "the signature is wrong");
        Ok(Delivery {
            id: id.to_owned(),
            body: serde_json::from_slice(body).context("the body is no JSON")?,
        })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str> {
    match headers.get(name).map(|value| value.to_str()) {
        Some(Ok(value)) => Ok(value),
        _ => bail!("the webhook has no header {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn signed(body: &[u8]) -> HeaderMap {
        let webhook = standardwebhooks::Webhook::new(SECRET).unwrap();
        let signature = webhook.sign("evt_1", 1_700_000_000, body).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "evt_1".parse().unwrap());
        headers.insert("webhook-timestamp", "1700000000".parse().unwrap());
        headers.insert(
            "webhook-signature",
            format!("v1,AAAA {signature}").parse().unwrap(),
        );
        headers
    }

    #[test]
    fn a_signature_of_the_reference_is_right_and_a_changed_body_is_not() {
        let verifier = Verifier::new(SECRET).unwrap();
        let headers = signed(b"{}");
        assert_eq!(verifier.verify(&headers, b"{}").unwrap().id, "evt_1");
        let told = verifier.verify(&headers, b"[]").unwrap_err();
        assert!(told.to_string().contains("signature is wrong"));
    }

    #[test]
    fn an_unsigned_delivery_is_refused() {
        let verifier = Verifier::new(SECRET).unwrap();
        let told = verifier.verify(&HeaderMap::new(), b"{}").unwrap_err();
        assert!(told.to_string().contains("webhook-id"));
    }
}
