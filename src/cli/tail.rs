//! `wharf tail`: what happens, line by line, over the same socket that a page uses.
//!
//! It remembers the last number of each session, and after a lost connection goes on from there.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::{
    Failure,
    client::{Api, Reach, Socket, interrupted},
    print_all, runtime,
};
use crate::config::Config;

/// The pause before the connection is made again; it doubles up to the second.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// What to follow.
#[derive(Debug, Args)]
pub(super) struct Tail {
    /// A session, by id or handle [default: all of one's own].
    session: Option<String>,
    #[command(flatten)]
    reach: Reach,
    /// Only these types of events, with commas between.
    #[arg(long)]
    types: Option<String>,
    /// Play the log from after this number first.
    #[arg(long, value_name = "SEQ", requires = "session")]
    since: Option<i64>,
    /// Print each frame as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Follows until it is interrupted.
pub(super) fn run(config: &Config, args: Tail) -> Result<(), Failure> {
    runtime()?.block_on(async {
        tokio::select! {
            followed = follow(config, args) => followed,
            interrupted = interrupted() => interrupted,
        }
        .map_err(Failure::failed)
    })
}

async fn follow(config: &Config, args: Tail) -> Result<()> {
    let mut cursor = Cursor {
        session: args.session,
        types: args.types,
        since: args.since,
    };
    let mut api = args.reach.sign_in(config).await?;
    // The first refusal is the caller's mistake; later ones may pass.
    let mut socket = Some(Socket::open(&api, &cursor.path()).await?);
    let mut pause = RETRY.0;
    loop {
        if let Some(open) = &mut socket {
            pause = RETRY.0;
            while let Ok(Some(frame)) = open.next().await {
                cursor.note(&frame);
                let line = if args.json {
                    format!("{frame}\n")
                } else {
                    described(&frame)
                };
                print_all(&line)?;
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY.1);
        socket = again(&mut api, &cursor).await.ok();
    }
}

async fn again(api: &mut Api, cursor: &Cursor) -> Result<Socket> {
    api.renew().await?;
    Socket::open(api, &cursor.path()).await
}

/// Where the reader is.
struct Cursor {
    session: Option<String>,
    types: Option<String>,
    since: Option<i64>,
}

impl Cursor {
    fn path(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(types) = &self.types {
            query.append_pair("types", types);
        }
        let Some(session) = &self.session else {
            return format!("/ws?{}", query.finish());
        };
        if let Some(since) = self.since {
            query.append_pair("since", &since.to_string());
        }
        format!("/ws/{session}?{}", query.finish())
    }

    fn note(&mut self, frame: &Value) {
        let reached = match frame["type"].as_str() {
            Some("hello") if self.since.is_none() => frame["data"]["last_seq"].as_i64(),
            // What the log does not have any more has passed as well.
            Some("gap") => frame["data"]["to"].as_i64(),
            _ => frame["seq"].as_i64(),
        };
        if let Some(seq) = reached {
            self.since = Some(self.since.map_or(seq, |since| since.max(seq)));
        }
    }
}

fn described(frame: &Value) -> String {
    let word = |key: &str| frame[key].as_str().unwrap_or("-");
    let seq = frame["seq"]
        .as_i64()
        .map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    let (at, session, kind) = (word("at"), word("session"), word("type"));
    format!("{at} {session} {seq:>6} {kind} {}\n", frame["data"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lost_connection_goes_on_after_the_last_number() {
        let mut cursor = Cursor {
            session: Some("+5511999887766".into()),
            types: Some("message,message.ack".into()),
            since: None,
        };
        assert_eq!(
            cursor.path(),
            "/ws/+5511999887766?types=message%2Cmessage.ack"
        );
        cursor.note(&json!({ "type": "hello", "data": { "last_seq": 7 } }));
        cursor.note(&json!({ "type": "qr", "seq": null, "data": {} }));
        cursor.note(&json!({ "type": "message", "seq": 9 }));
        assert!(cursor.path().ends_with("&since=9"));
        cursor.note(&json!({ "type": "gap", "seq": null, "data": { "from": 10, "to": 12 } }));
        assert!(cursor.path().ends_with("&since=12"));
    }
}
