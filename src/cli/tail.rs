//! `wharf tail`: what happens, line by line, over the same socket that a page uses.
//!
//! It remembers the last number of each session, and after a lost connection goes on from there; what was made meanwhile
//! is told from its first.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

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

/// Cursors that a URL has room for. Of more sessions, what happens while the line is broken is not told.
const CURSORS_MAX: usize = 200;

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
    let mut cursor = Cursor::new(args.session, args.types, args.since);
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
        socket = again(&mut api, &mut cursor).await.ok();
    }
}

async fn again(api: &mut Api, cursor: &mut Cursor) -> Result<Socket> {
    api.renew().await?;
    if cursor.session.is_none() {
        // A socket is refused that names a session which is gone.
        let there = api.get("/v1/sessions?limit=200").await?;
        let there = there["data"].as_array().into_iter().flatten();
        let there: HashSet<&str> = there.filter_map(|one| one["id"].as_str()).collect();
        let reached = &mut cursor.reached;
        reached.retain(|session, _| there.contains(session.as_str()));
    }
    Socket::open(api, &cursor.path()).await
}

/// Where the reader is.
struct Cursor {
    /// None is all of one's own.
    session: Option<String>,
    types: Option<String>,
    /// The last number of each session, by its id. What was asked for with `--since` has no id yet.
    reached: BTreeMap<String, i64>,
    /// Whether a session that is not in `reached` has been made since.
    rest_is_new: bool,
}

impl Cursor {
    fn new(session: Option<String>, types: Option<String>, since: Option<i64>) -> Self {
        Self {
            reached: since
                .map(|since| (String::new(), since))
                .into_iter()
                .collect(),
            session,
            types,
            rest_is_new: false,
        }
    }

    fn path(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(types) = &self.types {
            query.append_pair("types", types);
        }
        if let Some(since) = self.since() {
            query.append_pair("since", &since);
        }
        match &self.session {
            Some(session) => format!("/ws/{session}?{}", query.finish()),
            None => format!("/ws?{}", query.finish()),
        }
    }

    fn since(&self) -> Option<String> {
        if self.session.is_some() {
            return self.reached.values().max().map(ToString::to_string);
        }
        if self.reached.len() > CURSORS_MAX {
            return None;
        }
        let named = self.reached.iter();
        let named = named.map(|(session, seq)| format!("{session}:{seq}"));
        let rest = self.rest_is_new.then(|| "*:0".to_owned());
        let all: Vec<String> = named.chain(rest).collect();
        (!all.is_empty()).then(|| all.join(","))
    }

    fn note(&mut self, frame: &Value) {
        let session = frame["session"].as_str();
        match frame["type"].as_str() {
            Some("hello") => self.greeted(&frame["data"], session),
            // What the log does not have any more has passed as well.
            Some("gap") => self.reach(session, frame["data"]["to"].as_i64()),
            _ => self.reach(session, frame["seq"].as_i64()),
        }
    }

    /// The first greeting tells where everything starts; what a later one tells is still to come.
    fn greeted(&mut self, hello: &Value, session: Option<&str>) {
        if self.reached.is_empty() {
            self.reach(session, hello["last_seq"].as_i64());
            for one in hello["sessions"].as_array().into_iter().flatten() {
                self.reach(one["session"].as_str(), one["last_seq"].as_i64());
            }
            self.rest_is_new = hello["more"].as_bool() == Some(false);
        }
    }

    fn reach(&mut self, session: Option<&str>, seq: Option<i64>) {
        if let (Some(session), Some(seq)) = (session, seq) {
            let reached = self.reached.entry(session.to_owned()).or_insert(seq);
            *reached = seq.max(*reached);
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
        let types = Some("message,message.ack".to_owned());
        let mut cursor = Cursor::new(Some("+5511999887766".into()), types, None);
        assert_eq!(
            cursor.path(),
            "/ws/+5511999887766?types=message%2Cmessage.ack"
        );
        let frame = |kind: &str, seq: Option<i64>, data: Value| json!({ "type": kind, "session": "ses_1", "seq": seq, "data": data });
        cursor.note(&frame("hello", None, json!({ "last_seq": 7 })));
        cursor.note(&frame("qr", None, json!({})));
        assert!(cursor.path().ends_with("&since=7"));
        cursor.note(&frame("message", Some(9), json!({})));
        assert!(cursor.path().ends_with("&since=9"));
        cursor.note(&frame("gap", None, json!({ "from": 10, "to": 12 })));
        assert!(cursor.path().ends_with("&since=12"));
    }

    #[test]
    fn what_was_asked_for_is_where_it_starts() {
        let mut cursor = Cursor::new(Some("sales".into()), None, Some(3));
        assert_eq!(cursor.path(), "/ws/sales?since=3");
        cursor.note(&json!({ "type": "hello", "session": "ses_1", "data": { "last_seq": 7 } }));
        assert_eq!(cursor.path(), "/ws/sales?since=3");
        cursor.note(&json!({ "type": "message", "session": "ses_1", "seq": 4 }));
        assert_eq!(cursor.path(), "/ws/sales?since=4");
    }

    #[test]
    fn of_all_sessions_each_goes_on_after_its_own_number_and_a_new_one_from_its_first() {
        let mut cursor = Cursor::new(None, None, None);
        assert_eq!(cursor.path(), "/ws?");
        let sessions = json!([
            { "session": "ses_1", "last_seq": 7 },
            { "session": "ses_2", "last_seq": 0 },
        ]);
        let hello = json!({ "type": "hello", "session": null, "data": { "sessions": sessions, "more": false } });
        cursor.note(&hello);
        cursor.note(&json!({ "type": "message", "session": "ses_2", "seq": 1 }));
        cursor.note(&json!({ "type": "message", "session": "ses_3", "seq": 2 }));
        let since = "ses_1:7,ses_2:1,ses_3:2,*:0";
        let since: String = url::form_urlencoded::byte_serialize(since.as_bytes()).collect();
        assert_eq!(cursor.path(), format!("/ws?since={since}"));
        // What a greeting tells of the time between is still to come.
        let sessions = json!([{ "session": "ses_1", "last_seq": 9 }]);
        cursor.note(&json!({ "type": "hello", "data": { "sessions": sessions, "more": false } }));
        assert_eq!(cursor.path(), format!("/ws?since={since}"));
    }

    #[test]
    fn sessions_that_were_not_named_in_the_greeting_are_not_played_from_their_first() {
        let mut cursor = Cursor::new(None, None, None);
        let sessions = json!([{ "session": "ses_1", "last_seq": 7 }]);
        cursor.note(&json!({ "type": "hello", "data": { "sessions": sessions, "more": true } }));
        assert_eq!(cursor.path(), "/ws?since=ses_1%3A7");
    }
}
