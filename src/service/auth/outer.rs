//! Tokens of an outer issuer: whoever signs people in elsewhere is believed here, by the keys that it publishes.
//!
//! Owns which tokens are taken: signed with a key of the issuer's set, by the algorithm that belongs to that key and never one
//! that the token names, by that issuer, for this service, now, for somebody who is a user here. Must never make a user, and never
//! take a secret shared with the issuer for a key.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::StreamExt as _;
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    domain::clock::SharedClock,
    egress::Egress,
    service::{Error, tokens},
};

/// How long a set of keys is good before it is fetched again.
const FRESH_MS: i64 = 10 * 60_000;
/// A key that is not in the set makes it be fetched again, at most this often.
const AGAIN_MS: i64 = 10_000;
/// How long the issuer may take to give its keys, and how large they may be.
const WITHIN: Duration = Duration::from_secs(5);
const MAX_SET: usize = 256 * 1024;
/// How far the clocks of the two may differ.
const LEEWAY_SECONDS: i64 = 30;

/// Whom to believe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OuterIssuer {
    /// What its tokens say in `iss`.
    pub issuer: String,
    /// Where it publishes its keys.
    pub keys: Url,
    /// What its tokens for this service say in `aud`.
    pub audience: String,
    /// The claim that holds the name of a user here.
    pub claim: String,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// The name of the user.
    pub(super) username: String,
    /// When the token ends, in milliseconds since 1970.
    pub(super) expires_at: i64,
}

/// Checks tokens of the issuer. Clones share the keys.
#[derive(Clone)]
pub struct Outer {
    issuer: OuterIssuer,
    egress: Egress,
    clock: SharedClock,
    keys: Arc<RwLock<Keys>>,
    /// One fetch at a time.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<String, Key>,
    /// When they were fetched, and when that was last tried.
    fetched_at: Option<i64>,
    tried_at: Option<i64>,
}

#[derive(Clone)]
struct Key {
    algorithm: Algorithm,
    decoding: DecodingKey,
}

#[derive(Deserialize)]
struct Claims {
    exp: i64,
    nbf: Option<i64>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl fmt::Debug for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outer")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// Why the keys of the issuer are not there.
#[derive(Debug, thiserror::Error)]
enum NoKeys {
    #[error("it cannot be reached")]
    Away(#[from] reqwest::Error),
    #[error("its address is not one to ask")]
    Refused(#[from] crate::egress::EgressError),
    #[error("it answered {0}")]
    Status(reqwest::StatusCode),
    #[error("it answered more than {MAX_SET} bytes")]
    TooLong,
    #[error("it answered no set of keys")]
    NoSet(#[from] serde_json::Error),
    #[error("it took longer than {} s", WITHIN.as_secs())]
    Late,
}

impl Outer {
    /// Believes `issuer`; `egress` leads to it.
    pub fn new(issuer: OuterIssuer, egress: Egress, clock: SharedClock) -> Self {
        Self {
            issuer,
            egress,
            clock,
            keys: Arc::default(),
            fetching: Arc::default(),
        }
    }

    /// Whether a token claims to be of this issuer, which proves nothing yet.
    pub(super) fn is_claimed(&self, token: &str) -> bool {
        #[derive(Deserialize)]
        struct Issuer {
            iss: String,
        }
        let claims = token.split('.').nth(1);
        let claims = claims.and_then(|claims| BASE64_URL_SAFE_NO_PAD.decode(claims).ok());
        claims
            .and_then(|claims| serde_json::from_slice::<Issuer>(&claims).ok())
            .is_some_and(|claims| claims.iss == self.issuer.issuer)
    }

    /// What a token of the issuer says.
    pub(super) async fn check(&self, token: &str) -> Result<Said, Error> {
        let head = decode_header(token).map_err(|_| tokens::invalid())?;
        let id = head.kid.unwrap_or_default();
        let key = self.key(&id).await.ok_or_else(tokens::invalid)?;
        if head.alg != key.algorithm {
            return Err(tokens::invalid());
        }
        let mut validation = Validation::new(key.algorithm);
        validation.set_issuer(&[&self.issuer.issuer]);
        validation.set_audience(&[&self.issuer.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud"]);
        // Time is compared below, against the clock of the service.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = decode::<Claims>(token, &key.decoding, &validation);
        let claims = claims.map_err(|_| tokens::invalid())?.claims;
        let now = self.clock.now_ms() / 1000;
        if claims.exp + LEEWAY_SECONDS <= now {
            return Err(Error::Unauthenticated {
                code: "token_expired",
                detail: "the access token has expired; get another from its issuer",
            });
        }
        if claims
            .nbf
            .is_some_and(|begins| begins - LEEWAY_SECONDS > now)
        {
            return Err(tokens::invalid());
        }
        let username = claims.others.get(&self.issuer.claim);
        let username = username
            .and_then(Value::as_str)
            .ok_or_else(tokens::invalid)?;
        Ok(Said {
            username: username.to_owned(),
            expires_at: claims.exp.saturating_mul(1000),
        })
    }

    /// The key of this id. An issuer that is away is no reason to forget its keys.
    async fn key(&self, id: &str) -> Option<Key> {
        if let Some(known) = self.known(id, FRESH_MS) {
            return Some(known);
        }
        let _turn = self.fetching.lock().await;
        // Somebody else may have fetched it meanwhile.
        if let Some(known) = self.known(id, FRESH_MS) {
            return Some(known);
        }
        let now = self.clock.now_ms();
        let tried_at = self.read(|keys| keys.tried_at);
        if tried_at.is_none_or(|tried| now - tried >= AGAIN_MS) {
            let fetched = self.fetch().await;
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            keys.tried_at = Some(now);
            match fetched {
                Ok(by_id) => {
                    keys.by_id = by_id;
                    keys.fetched_at = Some(now);
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the keys of the outer issuer could not be fetched; those that are known stay"
                ),
            }
        }
        self.known(id, i64::MAX)
    }

    fn read<T>(&self, look: impl FnOnce(&Keys) -> T) -> T {
        look(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A key of a set that is not older than `age_ms`.
    fn known(&self, id: &str, age_ms: i64) -> Option<Key> {
        let now = self.clock.now_ms();
        self.read(|keys| {
            let is_fresh = keys.fetched_at.is_some_and(|at| now - at < age_ms);
            keys.by_id.get(id).filter(|_| is_fresh).cloned()
        })
    }

    async fn fetch(&self) -> Result<HashMap<String, Key>, NoKeys> {
        let fetching = async {
            let request = self.egress.request(Method::GET, self.issuer.keys.clone())?;
            let answer = Egress::send(request).await.0?;
            if !answer.status().is_success() {
                return Err(NoKeys::Status(answer.status()));
            }
            let mut set = Vec::new();
            let mut pieces = answer.bytes_stream();
            while let Some(piece) = pieces.next().await {
                set.extend_from_slice(&piece?);
                if set.len() > MAX_SET {
                    return Err(NoKeys::TooLong);
                }
            }
            Ok(usable(serde_json::from_slice(&set)?))
        };
        tokio::time::timeout(WITHIN, fetching)
            .await
            .map_err(|_| NoKeys::Late)?
    }
}

/// The keys of a set that tokens can be checked with.
fn usable(set: JwkSet) -> HashMap<String, Key> {
    let keys = set.keys.into_iter().filter_map(|jwk| {
        let signs = !matches!(
            jwk.common.public_key_use,
            Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_))
        );
        let algorithm = algorithm(&jwk).filter(|_| signs)?;
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        let id = jwk.common.key_id.unwrap_or_default();
        let key = Key {
            algorithm,
            decoding,
        };
        Some((id, key))
    });
    keys.collect()
}

/// The one algorithm that goes with a key: what it says itself, if its kind allows that, or what is usual for its kind. A shared
/// secret has none.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let said = jwk.common.key_algorithm;
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => match said {
            None | Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
            Some(KeyAlgorithm::RS384) => Some(Algorithm::RS384),
            Some(KeyAlgorithm::RS512) => Some(Algorithm::RS512),
            Some(KeyAlgorithm::PS256) => Some(Algorithm::PS256),
            Some(KeyAlgorithm::PS384) => Some(Algorithm::PS384),
            Some(KeyAlgorithm::PS512) => Some(Algorithm::PS512),
            Some(_) => None,
        },
        AlgorithmParameters::EllipticCurve(curve) => match (&curve.curve, said) {
            (EllipticCurve::P256, None | Some(KeyAlgorithm::ES256)) => Some(Algorithm::ES256),
            (EllipticCurve::P384, None | Some(KeyAlgorithm::ES384)) => Some(Algorithm::ES384),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(curve) => match (&curve.curve, said) {
            (EllipticCurve::Ed25519, None | Some(KeyAlgorithm::EdDSA)) => Some(Algorithm::EdDSA),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(jwk: Value) -> Option<Algorithm> {
        let set: JwkSet = serde_json::from_value(json!({"keys": [jwk]})).unwrap();
        usable(set).into_values().next().map(|key| key.algorithm)
    }

    #[test]
    fn a_key_is_used_with_its_own_algorithm_and_a_shared_secret_with_none() {
        let (x, y) = (
            BASE64_URL_SAFE_NO_PAD.encode([1; 32]),
            BASE64_URL_SAFE_NO_PAD.encode([2; 32]),
        );
        let curve = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "a"});
        assert_eq!(of(curve.clone()), Some(Algorithm::ES256));
        let with = |name: &str, value: &str| {
            let mut jwk = curve.clone();
            jwk[name] = value.into();
            jwk
        };
        assert_eq!(of(with("alg", "ES384")), None);
        assert_eq!(of(with("alg", "HS256")), None);
        assert_eq!(of(with("use", "enc")), None);
        assert_eq!(
            of(json!({"kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256"})),
            None
        );
        let rsa = json!({"kty": "RSA", "n": BASE64_URL_SAFE_NO_PAD.encode([7; 256]), "e": "AQAB", "kid": "a"});
        assert_eq!(of(rsa), Some(Algorithm::RS256));
    }
}
