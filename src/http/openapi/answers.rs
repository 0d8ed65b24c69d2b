//! Completes the answers of every operation of the description with what is not the handlers' own.
//!
//! The extractors, the guard and the layers around the handlers refuse too, so the description of each operation has
//! their refusals; and it says of each body what it is on the wire. Knows no operation by name. Called once, when the
//! document is made.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::openapi::{
    Content, KnownFormat, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema,
    SchemaFormat, Type,
    path::{Operation, PathItem},
};

use crate::http::problem::MEDIA_TYPE;

const FAULT: &str = "#/components/schemas/Problem";

/// Completes the answers of all operations.
pub(super) fn complete(document: &mut OpenApi) {
    let mut shared = BTreeMap::new();
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            for status in refusals(operation) {
                let answers = &mut operation.responses.responses;
                answers
                    .entry(status.as_str().to_owned())
                    .or_insert_with(|| RefOr::Ref(Ref::from_response_name(name(status))));
                shared.insert(name(status), RefOr::T(fault(status)));
            }
            for (status, answer) in &mut operation.responses.responses {
                if let RefOr::T(answer) = answer {
                    describe(status, answer);
                }
            }
        }
    }
    let components = document.components.get_or_insert_default();
    components.responses.append(&mut shared);
}

/// What an answer that many operations share is called: `NotFound`.
fn name(status: StatusCode) -> String {
    reason(status).replace(' ', "")
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or_default()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        put,
        post,
        delete,
        patch,
        ..
    } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

/// What may be answered before, around and instead of the handler.
fn refusals(operation: &Operation) -> Vec<StatusCode> {
    let mut all = vec![
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    let takes_parameters = operation
        .parameters
        .as_ref()
        .is_some_and(|all| !all.is_empty());
    if takes_parameters || operation.request_body.is_some() {
        all.push(StatusCode::BAD_REQUEST);
    }
    if operation.request_body.is_some() {
        all.extend([
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ]);
    }
    // An operation without a word of its own needs a credential; the open ones say that they need none.
    if operation.security.is_none() {
        all.extend([
            StatusCode::UNAUTHORIZED,
            StatusCode::FORBIDDEN,
            StatusCode::TOO_MANY_REQUESTS,
        ]);
    }
    all
}

fn fault(status: StatusCode) -> Response {
    let content = Content::new(Some(RefOr::Ref(Ref::new(FAULT))));
    ResponseBuilder::new()
        .description(reason(status))
        .content(MEDIA_TYPE, content)
        .build()
}

/// A fault is a problem, a file is bytes, and an answer without a word of its own has its status'.
fn describe(status: &str, answer: &mut Response) {
    answer.content = std::mem::take(&mut answer.content)
        .into_iter()
        .map(|(kind, mut content)| match &content {
            RefOr::T(Content {
                schema: Some(RefOr::Ref(named)),
                ..
            }) if named.ref_location == FAULT => (MEDIA_TYPE.to_owned(), content),
            _ => {
                if let RefOr::T(content) = &mut content
                    && matches!(content.schema, Some(RefOr::T(Schema::Array(_))))
                    && !kind.contains("json")
                {
                    content.schema = Some(bytes());
                }
                (kind, content)
            }
        })
        .collect();
    if answer.description.is_empty() {
        let status = StatusCode::from_bytes(status.as_bytes());
        status
            .map_or("", reason)
            .clone_into(&mut answer.description);
    }
}

fn bytes() -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
    RefOr::T(text.format(Some(binary)).into())
}
