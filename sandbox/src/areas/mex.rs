//! Questions over `w:mex`: persisted queries by number, variables and answers as JSON.
//!
//! Owns the envelope, in which a refusal is part of the answer, as GraphQL has it. Must know no query: each belongs to
//! one area, which is asked for it.

use serde_json::{Value, json};
use wacore_binary::Node;
use wacore_binary::builder::NodeBuilder;

use super::{channels, groups};
use crate::dispatch::{Answer, Client, HandlerTable};
use crate::stanza::{Refusal, attr, bytes, child};
use crate::world::World;

/// What a query is answered with.
pub(crate) type Data = Result<Value, Refusal>;

pub(super) fn register(table: &mut HandlerTable) {
    table.iq("w:mex", "query", query);
}

fn query(world: &mut World, client: Client, node: &Node) -> Result<Answer, Refusal> {
    let query = child(node, "query").ok_or(Refusal::BAD_REQUEST)?;
    let id = attr(query, "query_id").unwrap_or_default();
    let payload = bytes(query).unwrap_or_default();
    let payload: Value = serde_json::from_slice(&payload).map_err(|_| Refusal::BAD_REQUEST)?;
    let (variables, me) = (&payload["variables"], client.device.pn);
    let answer = channels::queried(world, me, &id, variables)
        .or_else(|| groups::queried(world, me, &id, variables));
    let Some(answer) = answer else {
        tracing::info!(query = %id, "an unknown query over w:mex gets an empty result");
        return Answer::empty();
    };
    let body = match answer {
        Ok(data) => json!({ "data": data }),
        Err(refusal) => json!({
            "data": null,
            "errors": [{
                "message": refusal.text,
                "extensions": {
                    "error_code": refusal.code,
                    "is_retryable": false,
                    "severity": "WARNING",
                },
            }],
        }),
    };
    let body = body.to_string().into_bytes();
    Answer::node(NodeBuilder::new("result").bytes(body).build())
}
