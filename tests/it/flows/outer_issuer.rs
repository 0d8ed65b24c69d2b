//! Tokens of an outer issuer: a process of its own publishes its keys, and changes them.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use wharf::domain::clock::{Clock as _, SystemClock};

use crate::harness::processes::{DEADLINE, POLL, Wharf, client, free_port};

const ISSUER: &str = "https://people.example";
const AUDIENCE: &str = "wharf";

/// A key of the issuer.
struct Key {
    id: &'static str,
    pair: rcgen::KeyPair,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        Self { id, pair }
    }

    fn published(&self) -> Value {
        let point = self.pair.public_key_raw();
        let part = |from: usize| BASE64_URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": self.id, "x": part(1), "y": part(33)})
    }

    fn sign(&self, claims: &Value) -> String {
        let mut head = Header::new(Algorithm::ES256);
        head.kid = Some(self.id.to_owned());
        let key = EncodingKey::from_ec_der(&self.pair.serialize_der());
        encode(&head, claims, &key).unwrap()
    }
}

/// The issuer's process: it shows the file `keys` of a folder.
struct Issuer {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Issuer {
    async fn start(keys: &[&Key]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        publish(folder.path(), keys);
        let port = free_port();
        let process = Command::new("python3")
            .args(["-m", "http.server", "--bind", "127.0.0.1"])
            .arg(port.to_string())
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let issuer = Self {
            folder,
            port,
            process,
        };
        let started = std::time::Instant::now();
        while client().get(issuer.keys()).send().await.is_err() {
            assert!(started.elapsed() < DEADLINE, "the issuer does not answer");
            tokio::time::sleep(POLL).await;
        }
        issuer
    }

    fn keys(&self) -> String {
        format!("http://127.0.0.1:{}/keys", self.port)
    }

    fn stop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn publish(folder: &Path, keys: &[&Key]) {
    let keys: Vec<Value> = keys.iter().map(|key| key.published()).collect();
    std::fs::write(folder.join("keys"), json!({ "keys": keys }).to_string()).unwrap();
}

/// In seconds since 1970.
fn now() -> i64 {
    SystemClock.now_ms() / 1000
}

/// What a good token of the administrator says.
fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "admin", "exp": now() + 600, "iat": now()})
}

async fn status(wharf: &Wharf, token: &str) -> u16 {
    let call = client().get(wharf.url("/v1/sessions")).bearer_auth(token);
    call.send().await.unwrap().status().as_u16()
}

async fn believing(folder: &Path, issuer: &Issuer) -> Wharf {
    let mut wharf = Wharf::at(folder, "ws://127.0.0.1:9/ws/chat")
        .env("WHARF_AUTH__ISSUER", ISSUER)
        .env("WHARF_AUTH__ISSUER_KEYS", &issuer.keys());
    wharf.up().await;
    wharf
}

#[tokio::test]
async fn a_token_of_the_issuer_acts_for_the_user_it_names_and_any_other_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (key, other) = (Key::new("one"), Key::new("one"));
    let issuer = Issuer::start(&[&key]).await;
    let wharf = believing(folder.path(), &issuer).await;
    assert_eq!(status(&wharf, &key.sign(&claims())).await, 200);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        claims
    };
    for (claims, why) in [
        (with("aud", json!("another service")), "for another"),
        (with("aud", Value::Null), "for nobody"),
        (with("iss", json!("https://evil.example")), "by another"),
        (with("exp", json!(now() - 60)), "over"),
        (with("nbf", json!(now() + 600)), "not yet"),
        (with("sub", json!("nobody")), "no user"),
        (with("sub", json!(7)), "no name"),
    ] {
        assert_eq!(status(&wharf, &key.sign(&claims)).await, 401, "{why}");
    }
    assert_eq!(
        status(&wharf, &other.sign(&claims())).await,
        401,
        "another's signature"
    );
    // A public key is no shared secret, whatever the token says.
    let mut head = Header::new(Algorithm::HS256);
    head.kid = Some("one".to_owned());
    let shared = EncodingKey::from_secret(key.pair.public_key_raw());
    let forged = encode(&head, &claims(), &shared).unwrap();
    assert_eq!(status(&wharf, &forged).await, 401);
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"one"}"#);
    let body = BASE64_URL_SAFE_NO_PAD.encode(claims().to_string());
    assert_eq!(status(&wharf, &format!("{none}.{body}.")).await, 401);
    assert_eq!(
        status(&wharf, wharf.token()).await,
        200,
        "our own are as good as before"
    );
}

#[tokio::test]
async fn keys_are_changed_without_a_restart_and_stay_while_the_issuer_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (Key::new("old"), Key::new("new"));
    let mut issuer = Issuer::start(&[&old]).await;
    let wharf = believing(folder.path(), &issuer).await;
    assert_eq!(status(&wharf, &old.sign(&claims())).await, 200);
    publish(issuer.folder.path(), &[&old, &new]);
    // A key that is not known is asked for, once in ten seconds.
    let fresh = new.sign(&claims());
    let started = std::time::Instant::now();
    while status(&wharf, &fresh).await != 200 {
        assert!(started.elapsed() < DEADLINE, "the new key is not taken");
        tokio::time::sleep(POLL).await;
    }
    issuer.stop();
    assert_eq!(status(&wharf, &new.sign(&claims())).await, 200);
    assert_eq!(status(&wharf, &old.sign(&claims())).await, 200);
}
