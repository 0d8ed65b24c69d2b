//! Sessions that phones of the sandbox link, through the API.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wharf_sandbox::Sandbox;

use super::{Answer, Caller, DEADLINE, TestApp};
use crate::harness::described;

pub(crate) const ALICE: &str = "491700000101";
pub(crate) const BOB: &str = "491700000202";
pub(crate) const CAROL: &str = "491700000303";
/// Numbers with this end are not on WhatsApp.
pub(crate) const NOBODY: &str = "491700000000";

/// The smallest PNG that decodes.
pub(crate) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A JPEG of one grey point.
pub(crate) const JPEG: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQH/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AN//Z";

impl TestApp {
    fn sandbox(&self) -> &Sandbox {
        &self.phones.as_ref().expect("an app with phones").0
    }

    /// Where a WhatsApp client connects to.
    pub(crate) fn whatsapp_url(&self) -> String {
        self.sandbox().ws_url()
    }

    /// Asks the sandbox's control, which may refuse.
    pub(crate) async fn try_control(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = (!body.is_null()).then(|| body.to_string());
        let path = format!("/sandbox{path}");
        let caller = Caller::stranger(self.sandbox().addr());
        caller.send(method.parse().unwrap(), &path, body).await
    }

    /// Asks the sandbox's control for something that must go well.
    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.try_control(method, path, body).await;
        let (status, body) = (answer.status, answer.json());
        assert!(status.is_success(), "{method} {path}: {body}");
        body
    }

    /// The LID of the person behind `number`.
    pub(crate) async fn lid_of(&self, number: &str) -> String {
        let state = self.control("GET", "/state", Value::Null).await;
        let mut phones = state["phones"].as_array().unwrap().iter();
        let phone = phones.find(|phone| phone["number"] == number).unwrap();
        phone["lid"].as_str().unwrap().to_owned()
    }

    /// A session of `caller` under `handle` that the phone of `number` has scanned and that is connected.
    pub(crate) async fn linked(&self, caller: &Caller, handle: &str, number: &str) -> String {
        let id = caller.session(handle).await;
        self.link(caller, handle, number).await;
        id
    }

    /// The phone of `number` scans an existing session, which is connected then.
    pub(crate) async fn link(&self, caller: &Caller, handle: &str, number: &str) {
        let path = format!("/v1/sessions/{handle}");
        let connected = caller.post(&format!("{path}/connect"), json!({})).await;
        connected.expect(202);
        let qr = caller.get(&format!("{path}/qr?wait_ms=30000")).await;
        let scan = json!({"qr": qr.expect(200)["code"]});
        let scanned = format!("/phones/{number}/scan");
        self.control("POST", &scanned, scan).await;
        let is_connected = |shown: &Value| shown["connected"] == true;
        until(async || caller.get(&path).await.expect(200), is_connected).await;
    }

    /// What the phone of `number` shows of its person.
    pub(crate) async fn shown_by(&self, number: &str) -> Value {
        let path = format!("/phones/{number}/profile");
        self.control("GET", &path, Value::Null).await
    }

    /// Waits until the log of a session has `count` events of `kind`, and gives their data: each is
    /// as the description of the API says.
    pub(crate) async fn logged(
        &self,
        caller: &Caller,
        handle: &str,
        (kind, count): (&str, usize),
    ) -> Vec<Value> {
        let path = format!("/v1/sessions/{handle}/events?types={kind}&limit=200");
        let enough = |page: &Value| page["data"].as_array().unwrap().len() >= count;
        let page = until(async || caller.get(&path).await.expect(200), enough).await;
        let events = page["data"].as_array().unwrap().iter();
        let told = events.map(|event| {
            described::is("LoggedEvent", event);
            event["data"].clone()
        });
        told.collect()
    }
}

/// Looks until it is as wanted.
pub(crate) async fn until(look: impl AsyncFn() -> Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let seen = look().await;
        if wanted(&seen) {
            return seen;
        }
        assert!(started.elapsed() < DEADLINE, "it stays {seen}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
