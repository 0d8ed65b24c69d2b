//! `wharf demo`: the main job, from the outside, against a sandbox build that runs.
//!
//! It uses nothing but the public API, like any other client, and checks the webhook's signature by itself. What it
//! makes it removes again. The first step that fails ends it.

mod api;
mod receiver;
mod socket;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Failure, print, runtime};
use crate::config::Config;
use api::Api;
use receiver::Receiver;
use socket::Socket;

/// What each step may take. Linking a phone includes its key exchange and the first upload of pre-keys.
const PATIENCE: Duration = Duration::from_mins(1);
const QUESTION: &str = "Is the berth free on Saturday?";
const ANSWER: &str = "It is. See you at the wharf.";
/// What a sandbox build on loopback starts with.
const FIRST_PASSWORD: &str = "admin123";

/// How to reach the service.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The service [default: the configured address].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Plays the main job and prints each step with its time.
pub(super) fn run(config: &Config, args: Demo) -> Result<(), Failure> {
    let base = args
        .url
        .unwrap_or_else(|| format!("http://{}", super::healthcheck::reachable(config.listen())));
    runtime()?.block_on(async {
        let mut steps = Steps::default();
        let outcome = play(config, base, &mut steps).await;
        outcome.map_err(|error| Failure::failed(error.context(steps.failed())))
    })
}

async fn play(config: &Config, base: String, steps: &mut Steps) -> Result<()> {
    steps.begin("find the service");
    let mut api = Api::new(base)?;
    let info = api.get("/v1/info").await?;
    ensure!(
        info["build"] == "sandbox",
        "this is a live build: the demo needs phones that it can play (`make run`)"
    );
    steps.done(&format!(
        "Wharf {}, sandbox build",
        text(&info, "/version")?
    ))?;

    steps.begin("sign in");
    let password = config.auth.admin_password.as_ref();
    let login = json!({
        "username": config.auth.admin_username,
        "password": password.map_or(FIRST_PASSWORD, |password| password.expose_secret()),
    });
    api.sign_in(&login).await?;
    steps.done(&format!("as {}", config.auth.admin_username))?;

    steps.begin("listen for webhooks");
    let mut receiver = Receiver::start().await?;
    let endpoint = json!({"url": receiver.url(), "types": ["message"]});
    let webhook = api.post("/v1/webhooks", &endpoint).await?;
    receiver.trust(text(&webhook, "/secret")?)?;
    steps.done(receiver.url())?;

    let played = with_webhook(&mut api, &mut receiver, steps).await;

    let path = format!("/v1/webhooks/{}", text(&webhook, "/id")?);
    let removed = api.delete(&path).await;
    played.and(removed)
}

async fn with_webhook(api: &mut Api, receiver: &mut Receiver, steps: &mut Steps) -> Result<()> {
    steps.begin("create a session");
    let session = api.post("/v1/sessions", &json!({"name": "Demo"})).await?;
    let id = text(&session, "/id")?.to_owned();
    steps.done(&id)?;

    let played = with_session(api, receiver, steps, &id).await;

    if played.is_ok() {
        steps.begin("clean up");
    }
    let removed = api.delete(&format!("/v1/sessions/{id}")).await;
    played?;
    removed?;
    steps.done("the session is gone, and the webhook follows")
}

async fn with_session(
    api: &mut Api,
    receiver: &mut Receiver,
    steps: &mut Steps,
    id: &str,
) -> Result<()> {
    let (phone, friend) = numbers();
    steps.begin("open the socket");
    let mut socket = Socket::open(api, id).await?;
    socket.wait("hello").await?;
    steps.done("hello")?;

    steps.begin("connect, and wait for a QR code");
    api.post(&format!("/v1/sessions/{id}/connect"), &json!({}))
        .await?;
    let qr = socket.wait("qr").await?;
    let code = text(&qr, "/data/code")?.to_owned();
    steps.done("")?;
    print_all(&drawn(&code)?)?;

    steps.begin("scan it with a sandbox phone");
    let scan = json!({"qr": code});
    api.post(&format!("/sandbox/phones/{phone}/scan"), &scan)
        .await?;
    socket.wait("connected").await?;
    steps.done("connected")?;

    steps.begin("a friend writes");
    let note = json!({"to": phone, "text": QUESTION});
    api.post(&format!("/sandbox/phones/{friend}/messages"), &note)
        .await?;
    let message = socket.wait("message").await?;
    ensure!(
        message.pointer("/data/text/body") == Some(&json!(QUESTION)),
        "another text arrived"
    );
    steps.done(&format!("on the socket: {QUESTION}"))?;

    steps.begin("receive the webhook and verify it");
    let delivery = wait(receiver.next()).await??;
    ensure!(
        delivery.body.pointer("/data/text/body") == Some(&json!(QUESTION)),
        "the webhook carries another text"
    );
    steps.done(&format!(
        "webhook-id {}, the signature is right",
        delivery.id
    ))?;

    steps.begin("answer");
    let answer = json!({"to": friend, "type": "text", "text": {"body": ANSWER}});
    api.post(&format!("/v1/sessions/{id}/messages"), &answer)
        .await?;
    wait(arrives(api, &friend)).await??;
    steps.done(&format!("the friend's phone decrypted: {ANSWER}"))
}

/// Until the friend's phone shows the answer.
async fn arrives(api: &Api, friend: &str) -> Result<()> {
    let path = format!("/sandbox/phones/{friend}/messages?after=0");
    loop {
        let shown = api.get(&path).await?;
        let messages = shown["data"]
            .as_array()
            .context("the phone shows no list")?;
        if messages.iter().any(|message| message["text"] == ANSWER) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn wait<T>(what: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(PATIENCE, what)
        .await
        .context("it did not happen within a minute")
}

/// Two numbers that no earlier demo has used.
fn numbers() -> (String, String) {
    let number = rand::random_range(10_000_000..99_999_999_u32);
    (format!("4915{number}1"), format!("4915{number}2"))
}

fn drawn(code: &str) -> Result<String> {
    let qr = fast_qr::QRBuilder::new(code)
        .build()
        .map_err(|error| anyhow::anyhow!("the QR code cannot be drawn: {error}"))?;
    Ok(format!("{}\n", qr.to_str()))
}

fn text<'a>(value: &'a Value, pointer: &str) -> Result<&'a str> {
    match value.pointer(pointer).and_then(Value::as_str) {
        Some(text) => Ok(text),
        None => bail!("the answer has no {pointer}"),
    }
}

fn print_all(text: &str) -> Result<()> {
    print(text).map_err(|_| anyhow::anyhow!("cannot write to the terminal"))
}

/// What is printed: each step with how long it took.
#[derive(Default)]
struct Steps {
    current: Option<(&'static str, Instant)>,
}

impl Steps {
    fn begin(&mut self, name: &'static str) {
        self.current = Some((name, Instant::now()));
    }

    fn done(&mut self, result: &str) -> Result<()> {
        let Some((name, since)) = self.current.take() else {
            return Ok(());
        };
        let took = since.elapsed().as_secs_f64();
        let note = if result.is_empty() {
            String::new()
        } else {
            format!(": {result}")
        };
        print_all(&format!("{took:8.3} s  {name}{note}\n"))
    }

    fn failed(&self) -> String {
        match self.current {
            Some((name, _)) => format!("the step \"{name}\" failed"),
            None => "cleaning up failed".to_owned(),
        }
    }
}
