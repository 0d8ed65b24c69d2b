//! `wharf demo`: the main job, from the outside, against a sandbox build that runs.
//!
//! It uses nothing but the public API, like any other client, and checks the webhook's signature by itself. What it
//! makes it removes again. The first step that fails ends it.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    Failure,
    client::{self, Api, Credential, Receiver, Socket, Verifier, text},
    print_all, runtime,
};
use crate::config::Config;

/// What each step may take. Linking a phone includes its key exchange and the first upload of pre-keys.
const PATIENCE: Duration = Duration::from_mins(1);
const QUESTION: &str = "Is the berth free on Saturday?";
const ANSWER: &str = "It is. See you at the wharf.";
/// How to reach the service.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The service [default: the configured address].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Plays the main job and prints each step with its time.
pub(super) fn run(config: &Config, args: Demo) -> Result<(), Failure> {
    let base = client::base(args.url, config);
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
    api.sign_in(Credential::Login(client::login(config)))
        .await?;
    steps.done(&format!("as {}", config.auth.admin_username))?;

    steps.begin("listen for webhooks");
    let receiver = Receiver::start(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let endpoint = json!({"url": receiver.url(), "types": ["message"]});
    let webhook = api.post("/v1/webhooks", &endpoint).await?;
    let verifier = Verifier::new(text(&webhook, "/secret")?)?;
    steps.done(&receiver.url())?;

    let mut consumer = (receiver, verifier);
    let played = with_webhook(&mut api, &mut consumer, steps).await;

    let path = format!("/v1/webhooks/{}", text(&webhook, "/id")?);
    let removed = api.delete(&path).await;
    played.and(removed)
}

/// Who receives webhooks, and knows their secret.
type Consumer = (Receiver, Verifier);

async fn with_webhook(api: &mut Api, consumer: &mut Consumer, steps: &mut Steps) -> Result<()> {
    steps.begin("create a session");
    let session = api.post("/v1/sessions", &json!({"name": "Demo"})).await?;
    let id = text(&session, "/id")?.to_owned();
    steps.done(&id)?;

    let played = with_session(api, consumer, steps, &id).await;

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
    consumer: &mut Consumer,
    steps: &mut Steps,
    id: &str,
) -> Result<()> {
    let (phone, friend) = numbers();
    steps.begin("open the socket");
    let mut socket = Socket::open(api, &format!("/ws/{id}")).await?;
    shown(&mut socket, "hello").await?;
    steps.done("hello")?;

    steps.begin("connect, and wait for a QR code");
    api.post(&format!("/v1/sessions/{id}/connect"), &json!({}))
        .await?;
    let qr = shown(&mut socket, "qr").await?;
    let code = text(&qr, "/data/code")?.to_owned();
    steps.done("")?;
    print_all(&drawn(&code)?)?;

    steps.begin("scan it with a sandbox phone");
    let scan = json!({"qr": code});
    api.post(&format!("/sandbox/phones/{phone}/scan"), &scan)
        .await?;
    shown(&mut socket, "connected").await?;
    steps.done("connected")?;

    steps.begin("a friend writes");
    let note = json!({"to": phone, "text": QUESTION});
    api.post(&format!("/sandbox/phones/{friend}/messages"), &note)
        .await?;
    let message = shown(&mut socket, "message").await?;
    ensure!(
        message.pointer("/data/text/body") == Some(&json!(QUESTION)),
        "another text arrived"
    );
    steps.done(&format!("on the socket: {QUESTION}"))?;

    steps.begin("receive the webhook and verify it");
    let (receiver, verifier) = consumer;
    let posted = wait(receiver.next()).await??;
    let delivery = verifier.verify(&posted.headers, &posted.body)?;
    posted.answer(StatusCode::NO_CONTENT);
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

/// The next frame of type `kind`; one that ends the pairing is a failure.
async fn shown(socket: &mut Socket, kind: &str) -> Result<Value> {
    let next = async {
        while let Some(frame) = socket.next().await? {
            match frame["type"].as_str() {
                Some(found) if found == kind => return Ok(frame),
                Some("error" | "logged_out" | "qr_timeout") => {
                    bail!("the socket said {}: {}", frame["type"], frame["data"])
                }
                _ => {}
            }
        }
        bail!("the socket was closed before {kind} came")
    };
    wait(next).await?
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
