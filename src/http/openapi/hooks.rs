//! Describes the requests that the service makes itself: the webhooks. Called once, when the document is made.

use utoipa::openapi::{
    Content, HttpMethod, ObjectBuilder, PathItem, Paths, PathsBuilder, Ref, RefOr, Required,
    ResponseBuilder, Type,
    path::{OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
};

const HEADERS: [(&str, &str); 3] = [
    (
        "webhook-id",
        "The id of the event: the same on every retry and replay.",
    ),
    (
        "webhook-timestamp",
        "When the request was made, in seconds since 1970.",
    ),
    (
        "webhook-signature",
        "`v1,` and the HMAC-SHA256 of `id.timestamp.body`; two of them while a secret is rotated.",
    ),
];

/// The one webhook: any event.
pub(super) fn described() -> Paths {
    let body = Content::new(Some(RefOr::Ref(Ref::from_schema_name("WebhookBody"))));
    let body = RequestBodyBuilder::new()
        .content("application/json", body)
        .required(Some(Required::True));
    let done = ResponseBuilder::new().description("It is taken: any 2xx.");
    let operation = OperationBuilder::new()
        .summary(Some("An event, to the address of a webhook."))
        .operation_id(Some("event"))
        .tag("webhooks")
        .request_body(Some(body.build()))
        .response("2XX", done);
    let operation = HEADERS
        .into_iter()
        .fold(operation, |operation, (name, said)| {
            let header = ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Header)
                .required(Required::True)
                .description(Some(said))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
            operation.parameter(header)
        });
    let item = PathItem::new(HttpMethod::Post, operation);
    PathsBuilder::new().path("event", item).build()
}
