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

use bytes::Bytes;
use entity::ids::EventId;
use reqwest::{
    Method, Response, StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};

use super::{
    heads::Head,
    health::Outcome,
    render::{Render, Rendered, Told},
    retry::{self, Hint, Schedule},
    signer,
    target::Target,
};
use crate::{
    domain::clock::SharedClock,
    egress::{Egress, EgressError},
};

/// How much of an answer is read and kept.
pub const RESPONSE_MAX_BYTES: usize = 16 * 1024;

/// How soon a connection must break for a second try at once.
const SECOND_TRY_WITHIN: Duration = Duration::from_secs(1);

/// With `disable` in it, an answer says what a 410 says.
const DELIVERY_HEADER: &str = "webhook-delivery";
const DISABLE: &str = "disable";

/// Why an endpoint was disabled after a 410.
pub const GONE: &str = "gone";
/// Why an endpoint was disabled after an answer with `webhook-delivery: disable`.
pub const BY_RECEIVER: &str = "disabled_by_receiver";

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A complete answer with a 2xx.
    Delivered,
    /// Not delivered, and the receiver wants nothing more.
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
    /// The head of the request, masked.
    pub request_head: Option<Head>,
    /// The head of the answer.
    pub response_head: Option<Head>,
    /// How long the head of the answer took.
    pub head_after: Option<Duration>,
    /// The start of the answer.
    pub response: Option<String>,
    /// A stable word, a colon and what happened; none when delivered.
    pub error: Option<String>,
    /// What it came to.
    pub verdict: Verdict,
    /// What it says about the receiver.
    pub outcome: Outcome,
    /// Why the receiver gets nothing more, if it has asked for that.
    pub disable: Option<&'static str>,
    /// When it would be tried again.
    pub schedule: Schedule,
}

/// Posts requests. Clones share the client.
#[derive(Debug, Clone)]
pub struct Sender {
    egress: Egress,
    render: Arc<dyn Render>,
    clock: SharedClock,
    timeout: Duration,
}

/// The fault is ours: the receiver was not asked.
const EVENT_DAMAGED: &str = "event_damaged";

/// In place of an answer, of what nobody was asked to take.
const NOT_TOLD: &str = "not posted: this shape does not tell it";

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
            request_head: None,
            response_head: None,
            head_after: None,
            response: None,
            error: None,
            verdict: Verdict::Failed(Hint::default()),
            outcome: Outcome::Down,
            disable: None,
            schedule: self.render.schedule(told.shape),
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
            sent.outcome = if fault.code == EVENT_DAMAGED {
                Outcome::NotTheirs
            } else {
                Outcome::Down
            };
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
            code: EVENT_DAMAGED,
            detail: error.to_string(),
        })?;
        let Some(rendered) = rendered else {
            sent.response = Some(NOT_TOLD.to_owned());
            sent.verdict = Verdict::Delivered;
            sent.outcome = Outcome::Good;
            return Ok(());
        };
        let url = self.egress.check_url(&target.url).map_err(refused)?;
        let id = event.to_string();
        let timestamp = sent.started_at.div_euclid(1000);
        let signature = signer::signature(&target.secrets, &id, timestamp, &rendered.body);
        let Rendered {
            body,
            headers: of_shape,
        } = rendered;
        let mut headers = target.headers.clone();
        headers.extend(of_shape);
        set(&mut headers, signer::ID_HEADER, &id);
        set(
            &mut headers,
            signer::TIMESTAMP_HEADER,
            &timestamp.to_string(),
        );
        set(&mut headers, signer::SIGNATURE_HEADER, &signature);
        sent.request_head = Some(Head::of_request(&target.url, &headers));
        let begun = Instant::now();
        let response = self.post(url, headers, body, begun).await?;
        sent.head_after = Some(begun.elapsed());
        let status = response.status();
        sent.status = Some(status.as_u16());
        sent.response_head = Some(Head::of_response(response.headers()));
        let (hint, asks_to_stop) = (self.hint(&response), asks_to_stop(&response));
        sent.response = Some(read(response).await.map_err(|error| failed(&error))?);
        sent.disable = asks_to_stop;
        (sent.verdict, sent.error) = judge(status, hint, asks_to_stop);
        sent.outcome = if status.is_success() {
            Outcome::Good
        } else if status.is_server_error() {
            Outcome::Down
        } else {
            Outcome::Refused
        };
        Ok(())
    }

    /// Posts, and once more if a connection that was kept open broke under the request.
    async fn post(
        &self,
        url: Url,
        headers: HeaderMap,
        body: Bytes,
        begun: Instant,
    ) -> Result<Response, Fault> {
        let request = |url, headers, body| {
            let request = self.egress.request(Method::POST, url).map_err(refused)?;
            Ok(request.headers(headers).body(body))
        };
        let first = request(url.clone(), headers.clone(), body.clone())?;
        let (answer, reused) = Egress::send(first).await;
        let error = match answer {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        if !(reused && is_reset(&error) && begun.elapsed() < SECOND_TRY_WITHIN) {
            return Err(failed(&error));
        }
        tracing::debug!("a connection broke between two requests; the request is made again");
        let (answer, _) = Egress::send(request(url, headers, body)?).await;
        answer.map_err(|error| failed(&error))
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

/// Why the receiver wants nothing more, if it says so.
fn asks_to_stop(response: &Response) -> Option<&'static str> {
    if response.status() == StatusCode::GONE {
        return Some(GONE);
    }
    let header = response.headers().get(DELIVERY_HEADER)?;
    let asks = header
        .to_str()
        .is_ok_and(|word| word.trim().eq_ignore_ascii_case(DISABLE));
    asks.then_some(BY_RECEIVER)
}

fn judge(
    status: StatusCode,
    hint: Hint,
    asks_to_stop: Option<&'static str>,
) -> (Verdict, Option<String>) {
    if status.is_success() {
        return (Verdict::Delivered, None);
    }
    let code = status.as_u16();
    if let Some(word) = asks_to_stop {
        let error = format!("{word}: the receiver answered {code} and gets nothing more");
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
    let code = if error.is_timeout() {
        "timeout"
    } else if error.is_dns() {
        "dns"
    } else if error.is_connect() {
        "connect"
    } else if is_reset(error) {
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

/// The receiver's side has closed the connection: politely, or not.
fn is_reset(error: &reqwest::Error) -> bool {
    let root = root(error);
    let closed = root
        .downcast_ref::<hyper::Error>()
        .is_some_and(hyper::Error::is_incomplete_message);
    let broken = root.downcast_ref::<io::Error>().is_some_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        )
    });
    closed || broken
}

fn root(error: &reqwest::Error) -> &(dyn StdError + 'static) {
    let mut root: &(dyn StdError + 'static) = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root
}
