//! Access tokens: JWTs of one fixed algorithm (RFC 8725, RFC 9068).
//!
//! Owns signing and checking. Must never take the algorithm, or a key, from a token's own header. Called by
//! `service::auth`.

use entity::ids::{RefreshTokenId, UserId};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Error;

/// How long an access token lives.
pub const ACCESS_SECONDS: i64 = 15 * 60;

/// How far the clocks of two nodes may differ.
const LEEWAY_SECONDS: i64 = 30;

const ALGORITHM: Algorithm = Algorithm::HS256;
const ISSUER: &str = "wharf";
const AUDIENCE: &str = "wharf-api";
const TYPE: &str = "at+jwt";
/// Of a token in the manner of other services.
const PASSPORT_TYPE: &str = "JWT";
/// The claim of a passport that says for us whose it is.
const HOLDER: &str = "wharf";

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    /// Whose token it is.
    pub sub: UserId,
    /// The refresh token that was made with it.
    pub sid: RefreshTokenId,
    /// The id of the token.
    pub jti: Uuid,
    /// When it was made, in seconds.
    pub iat: i64,
    /// When it ends, in seconds.
    pub exp: i64,
    /// The user's `token_version` when it was made.
    pub tv: i64,
}

/// A token as another service would give it: it lives longer and says more.
#[derive(Debug, Clone)]
pub struct Passport {
    /// Who says to have given it.
    pub issuer: &'static str,
    /// How long it lives.
    pub seconds: i64,
    /// What it says besides.
    pub claims: Map<String, Value>,
}

/// What a passport says for us.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    sub: UserId,
    sid: RefreshTokenId,
    tv: i64,
}

/// What is read of a passport; the rest is for its holder.
#[derive(Debug, Deserialize)]
struct PassportClaims {
    iat: i64,
    exp: i64,
    wharf: Holder,
}

/// Signs with the current key; accepts the current and the previous one.
#[derive(Clone)]
pub struct Tokens {
    current: Key,
    previous: Option<Key>,
    validation: Validation,
}

#[derive(Clone)]
struct Key {
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("current", &self.current.id)
            .field("previous", &self.previous.as_ref().map(|key| &key.id))
            .finish_non_exhaustive()
    }
}

impl Key {
    fn new(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        // Names the key without telling it.
        let id = Sha256::new()
            .chain_update(b"wharf key id")
            .chain_update(bytes)
            .finalize();
        Self {
            id: hex::encode(&id[..8]),
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
        }
    }
}

impl Tokens {
    /// With the secret that signs, and the one before it while its tokens still live.
    pub fn new(current: &SecretString, previous: Option<&SecretString>) -> Self {
        let mut validation = Validation::new(ALGORITHM);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Time is compared below, against the clock of the service; iat and jti are required by `Claims`.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            current: Key::new(current),
            previous: previous.map(Key::new),
            validation,
        }
    }

    /// Signs a token for a user; gives it with its end in milliseconds.
    pub fn issue(
        &self,
        user: UserId,
        sign_in: RefreshTokenId,
        version: i64,
        now_ms: i64,
    ) -> Result<(String, i64), Error> {
        let iat = now_ms / 1000;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: sign_in,
            jti: Uuid::now_v7(),
            iat,
            exp: iat + ACCESS_SECONDS,
            tv: version,
        };
        let mut header = Header::new(ALGORITHM);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.current.id.clone());
        let token = encode(&header, &claims, &self.current.encoding).map_err(Error::internal)?;
        Ok((token, claims.exp * 1000))
    }

    /// Signs a passport of `holder`: the user, the sign-in, and the user's `token_version`.
    pub fn issue_passport(
        &self,
        (sub, sid, tv): (UserId, RefreshTokenId, i64),
        passport: Passport,
        now_ms: i64,
    ) -> Result<String, Error> {
        let iat = now_ms / 1000;
        let mut claims = passport.claims;
        let holder = serde_json::to_value(Holder { sub, sid, tv }).map_err(Error::internal)?;
        claims.insert("iss".to_owned(), passport.issuer.into());
        claims.insert("iat".to_owned(), iat.into());
        claims.insert("exp".to_owned(), (iat + passport.seconds).into());
        claims.insert(HOLDER.to_owned(), holder);
        let mut header = Header::new(ALGORITHM);
        header.typ = Some(PASSPORT_TYPE.to_owned());
        header.kid = Some(self.current.id.clone());
        encode(&header, &claims, &self.current.encoding).map_err(Error::internal)
    }

    /// Checks a token: our algorithm, our type, our keys, issuer, audience, and time.
    pub fn check(&self, token: &str, now_ms: i64) -> Result<Claims, Error> {
        let header = decode_header(token).map_err(|_| invalid())?;
        let is_passport = match header.typ.as_deref() {
            Some(TYPE) => false,
            Some(PASSPORT_TYPE) => true,
            _ => return Err(invalid()),
        };
        if header.alg != ALGORITHM {
            return Err(invalid());
        }
        let key = [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|key| header.kid.as_deref() == Some(&key.id))
            .ok_or_else(invalid)?;
        let claims = if is_passport {
            Self::passport(token, key)?
        } else {
            decode::<Claims>(token, &key.decoding, &self.validation)
                .map_err(|_| invalid())?
                .claims
        };
        let now = now_ms / 1000;
        if claims.exp + LEEWAY_SECONDS <= now {
            return Err(Error::Unauthenticated {
                code: "token_expired",
                detail: "the access token has expired; refresh it",
            });
        }
        if claims.iat - LEEWAY_SECONDS > now {
            return Err(invalid());
        }
        Ok(claims)
    }

    fn passport(token: &str, key: &Key) -> Result<Claims, Error> {
        let mut validation = Validation::new(ALGORITHM);
        validation.set_required_spec_claims(&["exp"]);
        // Whose it is stands in a claim that only we sign; time is compared against the clock of the service.
        validation.validate_aud = false;
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = decode::<PassportClaims>(token, &key.decoding, &validation)
            .map_err(|_| invalid())?
            .claims;
        Ok(Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: claims.wharf.sub,
            sid: claims.wharf.sid,
            jti: Uuid::nil(),
            iat: claims.iat,
            exp: claims.exp,
            tv: claims.wharf.tv,
        })
    }
}

/// One refusal for everything that is wrong with a credential, so that it tells nothing.
pub(super) const fn invalid() -> Error {
    Error::Unauthenticated {
        code: "token_invalid",
        detail: "the token is not valid",
    }
}

#[cfg(test)]
mod tests;
