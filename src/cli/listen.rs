//! `wharf listen`: webhooks in the terminal, and on to a program that is being written.
//!
//! It makes an endpoint of its own for as long as it runs, prints each delivery with whether its signature holds, and can
//! hand it on as it came. What the program answers is what the service hears, so retries can be watched.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Args;
use hyper::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::{
    Failure,
    client::{Api, Posted, Reach, Receiver, Verifier, interrupted, text},
    print_all, runtime,
};
use crate::config::Config;

/// How long the program may take to answer; the service's own limit is half of it.
const FORWARD_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// What to listen for.
#[derive(Debug, Args)]
pub(super) struct Listen {
    #[command(flatten)]
    reach: Reach,
    /// Only these types of events, with commas between.
    #[arg(long, value_delimiter = ',', default_value = "*")]
    types: Vec<String>,
    /// Only these sessions, with commas between.
    #[arg(long, value_delimiter = ',', default_value = "*")]
    sessions: Vec<String>,
    /// Hand each delivery on to this address, headers and body as they came.
    #[arg(long, value_name = "URL")]
    forward_to: Option<String>,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    at: SocketAddr,
    /// The address by which the service reaches this terminal, if it is another (a tunnel).
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Print each delivery as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Listens until it is interrupted.
pub(super) fn run(config: &Config, args: Listen) -> Result<(), Failure> {
    runtime()?
        .block_on(listen(config, args))
        .map_err(Failure::failed)
}

async fn listen(config: &Config, args: Listen) -> Result<()> {
    let mut receiver = Receiver::start(args.at).await?;
    let mut api = args.reach.sign_in(config).await?;
    let url = args.public_url.unwrap_or_else(|| receiver.url());
    let endpoint = json!({ "url": url, "types": args.types, "sessions": args.sessions });
    let webhook = api.post("/v1/webhooks", &endpoint).await?;
    let path = format!("/v1/webhooks/{}", text(&webhook, "/id")?);
    let desk = Desk {
        verifier: Verifier::new(text(&webhook, "/secret")?)?,
        forward: args.forward_to.map(Forward::to).transpose()?,
        json: args.json,
    };
    let listened = tokio::select! {
        listened = desk.serve(&mut receiver, text(&webhook, "/secret")?, &url) => listened,
        interrupted = interrupted() => interrupted,
    };
    // A token lives for a quarter of an hour, and this may have run for longer.
    let removed = remove(&mut api, &path).await;
    listened.and(removed)
}

async fn remove(api: &mut Api, path: &str) -> Result<()> {
    api.renew().await?;
    api.delete(path)
        .await
        .with_context(|| format!("the webhook stays; delete {path} by hand"))
}

struct Desk {
    verifier: Verifier,
    forward: Option<Forward>,
    json: bool,
}

impl Desk {
    async fn serve(&self, receiver: &mut Receiver, secret: &str, url: &str) -> Result<()> {
        if !self.json {
            print_all(&format!("listening at {url}, signed with {secret}\n"))?;
        }
        loop {
            let posted = receiver.next().await?;
            self.take(posted).await?;
        }
    }

    async fn take(&self, posted: Posted) -> Result<()> {
        let verified = self.verifier.verify(&posted.headers, &posted.body);
        let (status, handed_on) = match (&verified, &self.forward) {
            (Err(_), _) => (StatusCode::UNAUTHORIZED, None),
            (Ok(_), None) => (StatusCode::NO_CONTENT, None),
            (Ok(_), Some(forward)) => {
                let answer = forward.hand_on(&posted).await;
                let status = answer
                    .as_ref()
                    .map_or(StatusCode::BAD_GATEWAY, |status| *status);
                (status, Some(answer))
            }
        };
        posted.answer(status);
        let line = match &verified {
            Ok(delivery) if self.json => {
                let id = &delivery.id;
                let line = json!({ "id": id, "answered": status.as_u16(), "body": delivery.body });
                format!("{line}\n")
            }
            Ok(delivery) => described(&delivery.id, &delivery.body, handed_on.as_ref()),
            Err(error) => format!("not verified, refused with 401: {error:#}\n"),
        };
        print_all(&line)
    }
}

fn described(id: &str, body: &Value, handed_on: Option<&Result<StatusCode>>) -> String {
    let word = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or("?");
    let seq = &body["data"]["seq"];
    let ending = match handed_on {
        None => String::new(),
        Some(Ok(status)) => format!(" → {status}"),
        Some(Err(error)) => format!(" → not handed on: {error:#}"),
    };
    format!(
        "{} {} {} seq {seq} {id} verified{ending}\n  {}\n",
        word("/timestamp"),
        word("/type"),
        word("/data/session"),
        body["data"]
    )
}

/// A program that gets what comes.
struct Forward {
    url: String,
    client: reqwest::Client,
}

impl Forward {
    fn to(url: String) -> Result<Self> {
        let redirect = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect)
            .timeout(FORWARD_TIMEOUT)
            .build()?;
        Ok(Self { url, client })
    }

    async fn hand_on(&self, posted: &Posted) -> Result<StatusCode> {
        let request = self.client.post(&self.url).headers(kept(&posted.headers));
        let response = request
            .body(posted.body.clone())
            .send()
            .await
            .map_err(reqwest::Error::without_url)?;
        Ok(response.status())
    }
}

/// All but what belongs to the connection.
fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in [
        header::HOST,
        header::CONTENT_LENGTH,
        header::CONNECTION,
        header::TRANSFER_ENCODING,
    ] {
        headers.remove(name);
    }
    headers
}
