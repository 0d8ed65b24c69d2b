//! What a browser's `EventSource` does, as the HTML standard words it: it parses the stream line by line, keeps the last
//! id even of a block without data, drops a block that was cut, and resumes with `Last-Event-ID`.

use std::{collections::VecDeque, net::SocketAddr};

use crate::harness::{
    app::{Caller, DEADLINE},
    http_client,
};

/// An event as it is dispatched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dispatched {
    pub(super) event: String,
    pub(super) data: String,
    pub(super) last_event_id: String,
}

/// A source that is opened, cut and opened again.
pub(super) struct EventSource {
    url: String,
    token: String,
    last_event_id: String,
    line: Option<Line>,
}

/// One connection.
struct Line {
    response: reqwest::Response,
    bytes: Vec<u8>,
    id: String,
    event: String,
    data: String,
    ready: VecDeque<Dispatched>,
}

impl EventSource {
    pub(super) fn new(addr: SocketAddr, caller: &Caller, path: &str) -> Self {
        Self {
            url: format!("http://{addr}{path}"),
            token: caller.token(),
            last_event_id: String::new(),
            line: None,
        }
    }

    pub(super) fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Connects, as at first or after a cut.
    pub(super) async fn open(&mut self) {
        let client = http_client().build().unwrap();
        let mut request = client
            .get(&self.url)
            .bearer_auth(&self.token)
            .header("accept", "text/event-stream");
        if !self.last_event_id.is_empty() {
            request = request.header("last-event-id", &self.last_event_id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        self.line = Some(Line {
            response,
            bytes: Vec::new(),
            id: self.last_event_id.clone(),
            event: String::new(),
            data: String::new(),
            ready: VecDeque::new(),
        });
    }

    /// The line breaks; what was read of it and not dispatched is lost.
    pub(super) fn cut(&mut self) {
        self.line = None;
    }

    /// Reads until something is dispatched; none at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<Dispatched> {
        let line = self.line.as_mut().expect("it is open");
        loop {
            if let Some(event) = line.ready.pop_front() {
                self.last_event_id.clone_from(&event.last_event_id);
                return Some(event);
            }
            if !line.read(&mut self.last_event_id).await {
                return None;
            }
        }
    }

    /// Reads until there is an id to resume with.
    pub(super) async fn until_id(&mut self) {
        let line = self.line.as_mut().expect("it is open");
        while self.last_event_id.is_empty() {
            assert!(line.read(&mut self.last_event_id).await, "it ended");
        }
    }
}

impl Line {
    /// Takes one more piece of the stream; false at its end.
    async fn read(&mut self, last_event_id: &mut String) -> bool {
        let chunk = tokio::time::timeout(DEADLINE, self.response.chunk());
        let Ok(Some(chunk)) = chunk.await.expect("something comes in time") else {
            return false;
        };
        self.bytes.extend_from_slice(&chunk);
        while let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            let line = String::from_utf8(line).unwrap();
            self.take(line.trim_end_matches(['\r', '\n']), last_event_id);
        }
        true
    }

    fn take(&mut self, line: &str, last_event_id: &mut String) {
        if line.is_empty() {
            return self.dispatch(last_event_id);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            "event" => value.clone_into(&mut self.event),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            // A comment, or a field of another time.
            _ => {}
        }
    }

    fn dispatch(&mut self, last_event_id: &mut String) {
        let event = std::mem::take(&mut self.event);
        let mut data = std::mem::take(&mut self.data);
        if data.is_empty() {
            // Without data nothing is dispatched, but the id counts.
            if self.ready.is_empty() {
                last_event_id.clone_from(&self.id);
            }
            return;
        }
        data.pop();
        self.ready.push_back(Dispatched {
            event,
            data,
            last_event_id: self.id.clone(),
        });
    }
}
