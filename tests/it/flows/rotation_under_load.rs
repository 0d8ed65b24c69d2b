//! Secrets that are changed under load: who asks with what they were given is answered, and every delivery can be verified.

use std::{
    cell::Cell,
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::{sync::watch, task::JoinSet};

use crate::harness::{
    processes::{DEADLINE, POLL, SandboxProcess, Wharf, client, free_port},
    receiver::Receiver,
};

const ALICE: &str = "491700000101";
const BOB: &str = "491700000202";
/// Answers that every caller gets between two changes.
const BETWEEN: u64 = 20;
/// Between two texts of Bob's.
const PAUSE: Duration = Duration::from_millis(20);

type Credential = Arc<Mutex<String>>;

/// Callers that ask again and again.
struct Load {
    callers: JoinSet<()>,
    answered: Vec<watch::Sender<u64>>,
}

impl Load {
    /// Two callers with each of `credentials`.
    fn of(url: &str, credentials: &[&Credential]) -> Self {
        let mut callers = JoinSet::new();
        let mut answered = Vec::new();
        for credential in credentials.iter().chain(credentials) {
            let count = watch::Sender::new(0);
            callers.spawn(ask(url.to_owned(), (*credential).clone(), count.clone()));
            answered.push(count);
        }
        Self { callers, answered }
    }

    /// Waits until everybody was answered some times more.
    async fn goes_on(&mut self) {
        for count in &self.answered {
            let mut count = count.subscribe();
            let goal = *count.borrow() + BETWEEN;
            let more = tokio::time::timeout(DEADLINE, count.wait_for(|count| *count >= goal));
            tokio::select! {
                more = more => drop(more.expect("somebody is not answered")),
                ended = self.callers.join_next() => panic!("somebody was refused: {ended:?}"),
            }
        }
    }
}

async fn ask(url: String, credential: Credential, answered: watch::Sender<u64>) {
    let http = client();
    loop {
        let bearer = credential.lock().unwrap().clone();
        match http.get(&url).bearer_auth(bearer).send().await {
            Ok(answer) if answer.status() != 503 => {
                assert_eq!(answer.status(), 200);
                answered.send_modify(|count| *count += 1);
            }
            // Nobody listens while the service starts anew, and one that stops says so.
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

#[tokio::test]
async fn every_secret_is_changed_under_load_and_nobody_who_was_let_in_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = SandboxProcess::start(folder.path()).await;
    let receiver = Receiver::start().await;
    let port = free_port();
    let at = |jwt: &str, master: &str| {
        Wharf::at(folder.path(), &sandbox.url)
            .on_port(port)
            .env("JWT_SECRET", &jwt.repeat(40))
            .env("WHARF_AUTH__MASTER_KEY", &master.repeat(64))
            .env("WHARF_HTTP__REQUESTS_PER_MINUTE", "1000000")
            .env("WHARF_HTTP__REQUESTS_PER_MINUTE_PER_ADDRESS", "1000000")
    };
    let before = "WHARF_AUTH__PREVIOUS_JWT_SECRET";
    let mut wharf = at("1", "a");
    wharf.up().await;
    let session = wharf.pair(&sandbox, ALICE).await;
    let hook = json!({"url": receiver.url(), "types": ["message"]});
    let hook = wharf.call("POST", "/v1/webhooks", hook).await;
    let new_key = async |wharf: &Wharf| {
        let new = json!({"name": "bot", "scopes": ["sessions:read"]});
        wharf.call("POST", "/v1/api-keys", new).await
    };
    let made = new_key(&wharf).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let token = Arc::new(Mutex::new(wharf.token().to_owned()));
    let key = Arc::new(Mutex::new(text(&made["key"])));
    let mut load = Load::of(&wharf.url("/v1/sessions"), &[&token, &key]);

    let (done, written) = (Cell::new(false), Cell::new(0));
    let writing = async {
        while !done.get() {
            let text = format!("text {}", written.get());
            sandbox.write(BOB, ALICE, &text).await;
            written.set(written.get() + 1);
            tokio::time::sleep(PAUSE).await;
        }
    };
    let changing = async {
        load.goes_on().await;
        // An API key: its callers go over to the new one before the old one ends.
        let fresh = new_key(&wharf).await;
        let old = std::mem::replace(&mut *key.lock().unwrap(), text(&fresh["key"]));
        load.goes_on().await;
        let gone = format!("/v1/api-keys/{}", text(&made["id"]));
        wharf.call("DELETE", &gone, Value::Null).await;
        load.goes_on().await;
        let answer = client().get(wharf.url("/v1/sessions")).bearer_auth(old);
        assert_eq!(answer.send().await.unwrap().status(), 401);

        // The secret of a webhook: its receiver may go over when it likes.
        let rotate = format!("/v1/webhooks/{}/rotate-secret", text(&hook["id"]));
        let rotated = wharf.call("POST", &rotate, json!({})).await;
        load.goes_on().await;

        // What signs tokens.
        wharf.stop().await;
        wharf = at("2", "a").env(before, &"1".repeat(40));
        wharf.up().await;
        load.goes_on().await;

        // What seals secrets, and then without the old one.
        wharf.stop().await;
        wharf = at("2", "b")
            .env(before, &"1".repeat(40))
            .env("WHARF_AUTH__OTHER_MASTER_KEY", &"a".repeat(64));
        wharf.up().await;
        wharf
            .until_said("nothing is sealed with auth.other_master_key any more")
            .await;
        load.goes_on().await;
        wharf.stop().await;
        wharf = at("2", "b").env(before, &"1".repeat(40));
        wharf.up().await;
        load.goes_on().await;
        done.set(true);
        rotated
    };
    let ((), rotated) = tokio::join!(writing, changing);

    let texts: Vec<String> = (0..written.get()).map(|n| format!("text {n}")).collect();
    let all: Vec<&str> = texts.iter().map(String::as_str).collect();
    wharf.until_texts(&session, &all).await;
    let started = Instant::now();
    let seen = loop {
        let seen = receiver.seen();
        let told = seen
            .iter()
            .map(|one| text(&one.json()["data"]["text"]["body"]));
        if told.collect::<BTreeSet<String>>().len() == texts.len() {
            break seen;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "{} of {}",
            seen.len(),
            texts.len()
        );
        tokio::time::sleep(POLL).await;
    };
    let verifies = |secret: &Value, index: usize| {
        let webhook = Webhook::new(secret.as_str().unwrap()).unwrap();
        let one = &seen[index];
        webhook.verify(&one.body, &one.headers).is_ok()
    };
    assert!((0..seen.len()).all(|index| verifies(&hook["secret"], index)));
    assert!(!verifies(&rotated["secret"], 0) && verifies(&rotated["secret"], seen.len() - 1));
}
