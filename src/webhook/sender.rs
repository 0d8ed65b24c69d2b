//! One request: sign, post, read the answer up to a cap, judge it.
//!
//! Owns what counts as delivered and what a failure is called. Must never touch the database, follow a
//! redirect, or read more of an answer than it keeps. Called by the dispatcher and for a test request.

use std::{
    error::Error as StdError,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use entity::ids::EventId;
use reqwest::{
    Method, Response, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};

use super::{
    egress::{Egress, EgressError},
    render::{Render, Told},
    retry::{self, Hint},
    signer,
    target::Target,
};
use crate::domain::clock::SharedClock;

/// How much of an answer is read and kept.
pub const RESPONSE_MAX_BYTES: usize = 16 * 1024;

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A complete answer with a 2xx.
    Delivered,
    /// 410: the receiver wants nothing more.
    Gone,
    /// Anything else.
    Failed(Hint),
}

/// One attempt, as it is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// When it began, in milliseconds since 1970; also its `webhook-timestamp`.
    pub started_at: i64,
    /// How long it took.
    pub duration: Duration,
    /// The status, if there was an answer.
    pub status: Option<u16>,
    /// The start of the answer.
    pub response: Option<String>,
    /// A stable word, a colon and what happened; none when delivered.
    pub error: Option<String>,
    /// What it came to.
    pub verdict: Verdict,
}

/// Posts requests. Clones share the client.
#[derive(Debug, Clone)]
pub struct Sender {
    egress: Egress,
    render: Arc<dyn Render>,
    clock: SharedClock,
    timeout: Duration,
}

/// A failure before or instead of an answer.
#[derive(Debug)]
struct Fault {
    code: &'static str,
    detail: String,
}

impl Sender {
    /// `timeout` is for the whole request, its answer included.
    pub fn new(
        egress: Egress,
        render: Arc<dyn Render>,
        clock: SharedClock,
        timeout: Duration,
    ) -> Self {
        Self {
            egress,
            render,
            clock,
            timeout,
        }
    }

    /// How long one request may take.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Post what is `told` to `target` under the id of its event.
    pub async fn send(&self, target: &Target, event: EventId, told: &Told<'_>) -> Sent {
        let started_at = self.clock.now_ms();
        let begun = Instant::now();
        let mut sent = Sent {
            started_at,
            duration: Duration::ZERO,
            status: None,
            response: None,
            error: None,
            verdict: Verdict::Failed(Hint::default()),
        };
        let outcome =
            tokio::time::timeout(self.timeout, self.exchange(target, event, told, &mut sent))
                .await
                .unwrap_or_else(|_| {
                    Err(Fault {
                        code: "timeout",
                        detail: format!(
                            "no complete answer within {} ms",
                            self.timeout.as_millis()
                        ),
                    })
                });
        sent.duration = begun.elapsed();
        if let Err(fault) = outcome {
            sent.verdict = Verdict::Failed(Hint {
                retry_after: None,
                busy: fault.code == "timeout",
            });
            sent.error = Some(format!("{}: {}", fault.code, fault.detail));
        }
        sent
    }

    /// Fills `sent` step by step, so that what is known survives a timeout.
    async fn exchange(
        &self,
        target: &Target,
        event: EventId,
        told: &Told<'_>,
        sent: &mut Sent,
    ) -> Result<(), Fault> {
        let rendered = self.render.render(told).map_err(|error| Fault {
            code: "event_damaged",
            detail: error.to_string(),
        })?;
        let url = self.egress.check_url(&target.url).map_err(refused)?;
        let id = event.to_string();
        let timestamp = sent.started_at.div_euclid(1000);
        let signature = signer::signature(&target.secrets, &id, timestamp, &rendered.body);
        let mut headers = target.headers.clone();
        headers.extend(rendered.headers);
        set(&mut headers, signer::ID_HEADER, &id);
        set(
            &mut headers,
            signer::TIMESTAMP_HEADER,
            &timestamp.to_string(),
        );
        set(&mut headers, signer::SIGNATURE_HEADER, &signature);
        let response = self
            .egress
            .request(Method::POST, url)
            .map_err(refused)?
            .headers(headers)
            .body(rendered.body)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        let status = response.status();
        sent.status = Some(status.as_u16());
        let hint = self.hint(&response);
        sent.response = Some(read(response).await.map_err(|error| failed(&error))?);
        (sent.verdict, sent.error) = judge(status, hint);
        Ok(())
    }

    fn hint(&self, response: &Response) -> Hint {
        let status = response.status();
        let asks = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        let header = response.headers().get(RETRY_AFTER).filter(|_| asks);
        Hint {
            retry_after: header
                .and_then(|value| value.to_str().ok())
                .and_then(|value| retry::parse_retry_after(value, self.clock.now_ms())),
            busy: status == StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

fn judge(status: StatusCode, hint: Hint) -> (Verdict, Option<String>) {
    if status.is_success() {
        return (Verdict::Delivered, None);
    }
    let code = status.as_u16();
    if status == StatusCode::GONE {
        let error = format!("gone: the receiver answered {code} and gets nothing more");
        return (Verdict::Gone, Some(error));
    }
    let error = if status.is_redirection() {
        format!("redirect: the receiver answered {code}; redirects are not followed")
    } else {
        format!("status: the receiver answered {code}")
    };
    (Verdict::Failed(hint), Some(error))
}

/// At most [`RESPONSE_MAX_BYTES`] of the body, as text; what is longer is left unread.
async fn read(mut response: Response) -> Result<String, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = RESPONSE_MAX_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == RESPONSE_MAX_BYTES {
            break;
        }
    }
    // PostgreSQL stores no NUL in a text.
    Ok(String::from_utf8_lossy(&body).replace('\0', "\u{fffd}"))
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // Ids, numbers and base64 are always valid in a header.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn refused(error: EgressError) -> Fault {
    Fault {
        code: error.code(),
        detail: error.to_string(),
    }
}

fn failed(error: &reqwest::Error) -> Fault {
    if let Some(refusal) = EgressError::inside(error) {
        return refused(refusal);
    }
    let root = root(error);
    let reset = root
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset);
    let code = if error.is_timeout() {
        "timeout"
    } else if error.is_dns() {
        "dns"
    } else if error.is_connect() {
        "connect"
    } else if reset {
        "reset"
    } else {
        "broken"
    };
    Fault {
        code,
        // The root alone: what is above it repeats the URL.
        detail: root.to_string(),
    }
}

fn root(error: &reqwest::Error) -> &(dyn StdError + 'static) {
    let mut root: &(dyn StdError + 'static) = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}
