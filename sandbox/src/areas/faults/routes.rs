//! Control: order a fault, list them, take them back.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{delete, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rule::{Kind, Rule, StreamEnd, Target};
use super::strike_now;
use crate::control::{Body, ControlError, Reply};
use crate::hub::Hub;
use crate::world::World;

/// How long a stanza may be held back: longer, and the client gives the connection up anyway.
const MAX_DELAY_MS: u64 = 120_000;

pub(crate) fn routes() -> Router<Hub> {
    Router::new()
        .route("/faults", post(create).delete(clear))
        .route("/faults/{id}", delete(remove))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFault {
    target: String,
    kind: String,
    code: Option<Code>,
    ms: Option<u64>,
    seconds: Option<u64>,
    count: Option<u64>,
    after: Option<u64>,
    probability: Option<f64>,
}

/// `515`, or a word such as `conflict`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Number(u16),
    Word(String),
}

async fn create(State(hub): State<Hub>, Body(body): Body<NewFault>) -> Result<Reply, ControlError> {
    let rule = rule(body)?;
    hub.with(|world| {
        let rules = &mut world.areas.faults.rules;
        let id = rules.iter().next_back().map_or(1, |(id, _)| id + 1);
        rules.insert(id, rule);
        strike_now(world, id);
        let body = world
            .areas
            .faults
            .rules
            .get(&id)
            .map(|rule| rule_json(id, rule));
        Ok(Reply::created(body.unwrap_or_default()))
    })?
}

async fn clear(State(hub): State<Hub>) -> Result<Reply, ControlError> {
    let removed = hub.with(|world| {
        let count = world.areas.faults.rules.iter().count();
        world.areas.faults.rules.remove_range(..);
        release_held(world);
        count
    })?;
    Ok(Reply::ok(json!({ "removed": removed })))
}

async fn remove(State(hub): State<Hub>, Path(id): Path<u64>) -> Result<Reply, ControlError> {
    hub.with(|world| {
        if world.areas.faults.rules.remove(&id).is_none() {
            return Err(ControlError::not_found(
                "no_such_fault",
                "there is no fault with this id",
            ));
        }
        release_held(world);
        Ok(Reply::ok(json!({ "removed": 1 })))
    })?
}

/// Nothing is held back for longer than the rule stands.
fn release_held(world: &mut World) {
    let reorders = world
        .areas
        .faults
        .rules
        .iter()
        .any(|(_, r)| r.kind == Kind::Reorder);
    if !reorders {
        for (conn, frame) in std::mem::take(&mut world.areas.faults.held) {
            world.live.push(conn, frame);
        }
    }
}

fn rule(new: NewFault) -> Result<Rule, ControlError> {
    let bad = |detail: &str| ControlError::unprocessable("bad_fault", detail);
    let target =
        Target::parse(&new.target).ok_or_else(|| bad("target is a number, number:device, or *"))?;
    let mut given = Given {
        code: new.code,
        ms: new.ms,
        seconds: new.seconds,
    };
    let kind = given.kind(&new.kind)?;
    if let Some(field) = given.left_over() {
        return Err(bad(&format!("{} takes no {field}", new.kind)));
    }
    let probability = new.probability.unwrap_or(1.0);
    if !(probability > 0.0 && probability <= 1.0) {
        return Err(bad("probability is above 0 and at most 1"));
    }
    if new.count == Some(0) {
        return Err(bad("count is at least 1"));
    }
    Ok(Rule {
        target,
        kind,
        after: new.after.unwrap_or(0),
        probability,
        count: new.count.or_else(|| kind.default_count()),
        strikes: 0,
    })
}

/// The fields that only some kinds take; each kind takes its own out.
struct Given {
    code: Option<Code>,
    ms: Option<u64>,
    seconds: Option<u64>,
}

impl Given {
    fn kind(&mut self, kind: &str) -> Result<Kind, ControlError> {
        let bad = |detail: &str| ControlError::unprocessable("bad_fault", detail);
        Ok(match kind {
            "drop" => Kind::Drop,
            "delay" => match self.ms.take() {
                Some(ms @ 1..=MAX_DELAY_MS) => Kind::Delay { ms },
                _ => return Err(bad("delay needs ms from 1 to 120000")),
            },
            "nack" => match self.code.take() {
                Some(Code::Number(code @ 400..=599)) => Kind::Nack { code },
                _ => return Err(bad("nack needs a code from 400 to 599")),
            },
            "expire_qr" => Kind::ExpireQr,
            "stream_error" => Kind::StreamError {
                end: self.stream_end()?,
            },
            "ban" => {
                let code = match self.code.take() {
                    None => 101,
                    Some(Code::Number(code)) => code,
                    Some(Code::Word(_)) => return Err(bad("the code of a ban is a number")),
                };
                Kind::Ban {
                    code,
                    seconds: self.seconds.take().unwrap_or(3600),
                }
            }
            "client_outdated" => Kind::ClientOutdated,
            "rate_limit" => Kind::RateLimit,
            "duplicate" => Kind::Duplicate,
            "reorder" => Kind::Reorder,
            "lose_receipts" => Kind::LoseReceipts,
            "deaf" => Kind::Deaf,
            _ => return Err(bad("no such kind of fault")),
        })
    }

    fn stream_end(&mut self) -> Result<StreamEnd, ControlError> {
        let end = match self.code.take() {
            Some(Code::Number(code @ 400..=599)) => Some(StreamEnd::Code(code)),
            Some(Code::Word(word)) => match word.as_str() {
                "conflict" | "replaced" => Some(StreamEnd::Replaced),
                "device_removed" => Some(StreamEnd::DeviceRemoved),
                number => number.parse().ok().map(StreamEnd::Code),
            },
            _ => None,
        };
        end.ok_or_else(|| {
            let detail = "stream_error needs a code from 400 to 599, conflict or device_removed";
            ControlError::unprocessable("bad_fault", detail)
        })
    }

    fn left_over(&self) -> Option<&'static str> {
        let fields = [
            ("code", self.code.is_some()),
            ("ms", self.ms.is_some()),
            ("seconds", self.seconds.is_some()),
        ];
        fields
            .into_iter()
            .find_map(|(name, given)| given.then_some(name))
    }
}

/// The faults, for the state page.
pub(crate) fn state_json(world: &World) -> Vec<Value> {
    world
        .areas
        .faults
        .rules
        .iter()
        .map(|(id, rule)| rule_json(*id, rule))
        .collect()
}

fn rule_json(id: u64, rule: &Rule) -> Value {
    let mut body = json!({
        "id": id,
        "target": rule.target.to_string(),
        "after": rule.after,
        "probability": rule.probability,
        "count": rule.count,
        "strikes": rule.strikes,
    });
    let kind = match rule.kind {
        Kind::Drop => json!({ "kind": "drop" }),
        Kind::Delay { ms } => json!({ "kind": "delay", "ms": ms }),
        Kind::Nack { code } => json!({ "kind": "nack", "code": code }),
        Kind::ExpireQr => json!({ "kind": "expire_qr" }),
        Kind::StreamError { end } => {
            let code = match end {
                StreamEnd::Code(code) => json!(code),
                StreamEnd::Replaced => json!("conflict"),
                StreamEnd::DeviceRemoved => json!("device_removed"),
            };
            json!({ "kind": "stream_error", "code": code })
        }
        Kind::Ban { code, seconds } => json!({ "kind": "ban", "code": code, "seconds": seconds }),
        Kind::ClientOutdated => json!({ "kind": "client_outdated" }),
        Kind::RateLimit => json!({ "kind": "rate_limit" }),
        Kind::Duplicate => json!({ "kind": "duplicate" }),
        Kind::Reorder => json!({ "kind": "reorder" }),
        Kind::LoseReceipts => json!({ "kind": "lose_receipts" }),
        Kind::Deaf => json!({ "kind": "deaf" }),
    };
    if let (Value::Object(body), Value::Object(kind)) = (&mut body, kind) {
        body.extend(kind);
    }
    body
}
