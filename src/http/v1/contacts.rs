//! `/v1/sessions/{id}/contacts` and `…/blocklist`: who is on WhatsApp, what they show, who is blocked.

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    domain::{
        address::Party,
        clock::rfc3339,
        contact::{Blocked, ContactInfo, Picture},
    },
    http::{
        Api,
        extract::{Json, Path, Query},
        page::{Page, PageQuery},
        problem::{Problem, ProblemBody},
        routing::routes,
    },
    service::{
        Ctx,
        contacts::{Checked, Contacts, Known},
    },
};

pub(in crate::http) fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_contacts))
        .routes(routes!(check_contacts))
        .routes(routes!(get_contact, save_contact))
        .routes(routes!(get_contact_ids))
        .routes(routes!(get_contact_picture))
        .routes(routes!(block_contact, unblock_contact))
        .routes(routes!(list_blocked))
}

/// All of a list that has no pages.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct All<T> {
    pub(super) data: Vec<T>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CheckContactsRequest {
    /// 1 to 500 phone numbers.
    #[schema(example = json!(["+5511999887766"]))]
    phones: Vec<String>,
}

/// One number of a check.
#[derive(Serialize, utoipa::ToSchema)]
struct CheckedResponse {
    /// The number as it was asked.
    query: String,
    /// Whether it is on WhatsApp.
    exists: bool,
    /// The canonical address; null when it is not on WhatsApp.
    id: Option<String>,
    /// Digits, as WhatsApp writes them.
    phone: Option<String>,
    /// `…@lid`.
    lid: Option<String>,
    /// Whether it is a business; null when it is not on WhatsApp.
    is_business: Option<bool>,
    /// The name of the business that WhatsApp has verified.
    verified_name: Option<String>,
}

impl From<Checked> for CheckedResponse {
    fn from(checked: Checked) -> Self {
        let query = checked.query;
        match checked.found {
            Some(found) => Self {
                query,
                exists: true,
                id: Some(found.party.id),
                phone: found.party.phone,
                lid: found.party.lid,
                is_business: Some(found.is_business),
                verified_name: found.verified_name,
            },
            None => Self {
                query,
                exists: false,
                id: None,
                phone: None,
                lid: None,
                is_business: None,
                verified_name: None,
            },
        }
    }
}

/// Somebody whom a session knows by name.
#[derive(Serialize, utoipa::ToSchema)]
struct ContactResponse {
    #[serde(flatten)]
    party: Party,
    /// In the account's address book.
    name: Option<String>,
    /// What they call themselves.
    push_name: Option<String>,
    updated_at: String,
}

impl From<Known> for ContactResponse {
    fn from(known: Known) -> Self {
        Self {
            party: known.party,
            name: known.name,
            push_name: known.push_name,
            updated_at: rfc3339(known.updated_at),
        }
    }
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SaveContactRequest {
    /// 1 to 128 characters.
    #[schema(example = "Ann from the harbour")]
    name: String,
}

/// List whom the session knows by name, by address.
///
/// From the account's address book and from what people call themselves. The session need not be connected.
#[utoipa::path(
    get, path = "/sessions/{id}/contacts", tag = "contacts",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own"), PageQuery),
    responses((status = 200, body = Page<ContactResponse>), (status = 404, body = ProblemBody))
)]
async fn list_contacts(
    State(contacts): State<Contacts>,
    ctx: Ctx,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ContactResponse>>, Problem> {
    let (limit, after) = (query.limit()?, query.after()?);
    let more = u64::from(limit) + 1;
    let found = contacts.list(&ctx, &id, after.as_deref(), more).await?;
    let key = |known: &Known| known.party.id.clone();
    Ok(Json(Page::cut(found, limit, key, ContactResponse::from)))
}

/// Write a person into the account's address book, on the phone and every other device.
#[utoipa::path(
    put, path = "/sessions/{id}/contacts/{contact}", tag = "contacts",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("contact" = String, Path, description = "A phone number or an address of a person"),
    ),
    request_body = SaveContactRequest,
    responses(
        (status = 200, body = Party),
        (status = 400, body = ProblemBody),
        (status = 404, description = "`contact_not_found`: not on WhatsApp", body = ProblemBody),
        (status = 409, description = "Not connected, or `phone_unknown`", body = ProblemBody),
    )
)]
async fn save_contact(
    State(contacts): State<Contacts>,
    ctx: Ctx,
    Path((id, contact)): Path<(String, String)>,
    Json(body): Json<SaveContactRequest>,
) -> Result<Json<Party>, Problem> {
    let saved = contacts.save(&ctx, &id, &contact, &body.name);
    Ok(Json(saved.await?))
}

/// Tell which phone numbers are on WhatsApp.
///
/// In the order in which they were asked; WhatsApp is asked for 100 at once.
#[utoipa::path(
    post, path = "/sessions/{id}/contacts/check", tag = "contacts",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    request_body = CheckContactsRequest,
    responses(
        (status = 200, body = All<CheckedResponse>),
        (status = 400, description = "`invalid_phone` among others", body = ProblemBody),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
        (status = 502, description = "`whatsapp_timeout` or `whatsapp_refused`", body = ProblemBody),
    )
)]
async fn check_contacts(
    State(contacts): State<Contacts>,
    ctx: Ctx,
    Path(id): Path<String>,
    Json(body): Json<CheckContactsRequest>,
) -> Result<Json<All<CheckedResponse>>, Problem> {
    let checked = contacts.check(&ctx, &id, body.phones).await?;
    let data = checked.into_iter().map(CheckedResponse::from).collect();
    Ok(Json(All { data }))
}

/// Show what a person shows of themselves.
#[utoipa::path(
    get, path = "/sessions/{id}/contacts/{contact}", tag = "contacts",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("contact" = String, Path, description = "A phone number or an address of a person"),
    ),
    responses(
        (status = 200, body = ContactInfo),
        (status = 404, description = "`contact_not_found`: not on WhatsApp", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn get_contact(
    State(contacts): State<Contacts>,
    ctx: Ctx,
    Path((id, contact)): Path<(String, String)>,
) -> Result<Json<ContactInfo>, Problem> {
    Ok(Json(contacts.get(&ctx, &id, &contact).await?))
}

/// Show both addresses of a person: by phone and by LID.
#[utoipa::path(
    get, path = "/sessions/{id}/contacts/{contact}/ids", tag = "contacts",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("contact" = String, Path, description = "A phone number or an address of a person"),
    ),
    responses(
        (status = 200, description = "`phone` of a LID is null as long as WhatsApp has not told it", body = Party),
        (status = 404, description = "`contact_not_found`: not on WhatsApp", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn get_contact_ids(
    State(contacts): State<Contacts>,
    ctx: Ctx,
    Path((id, contact)): Path<(String, String)>,
) -> Result<Json<Party>, Problem> {
    Ok(Json(contacts.identify(&ctx, &id, &contact).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PictureQuery {
    /// The small one.
    #[serde(default)]
    #[param(required = false)]
    pub(super) preview: bool,
}

/// Show where a person's picture is.
#[utoipa::path(
    get, path = "/sessions/{id}/contacts/{contact}/picture", tag = "contacts",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("contact" = String, Path, description = "A phone number or an address"),
        PictureQuery,
    ),
    responses(
        (status = 200, body = Picture),
        (status = 404, description = "`picture_not_found`: there is none, or none to see", body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn get_contact_picture(
    State(contacts): State<Contacts>,
    ctx: Ctx,
    Path((id, contact)): Path<(String, String)>,
    Query(query): Query<PictureQuery>,
) -> Result<Json<Picture>, Problem> {
    let picture = contacts.picture(&ctx, &id, &contact, query.preview);
    Ok(Json(picture.await?))
}

/// Block somebody. What they write does not arrive any more.
#[utoipa::path(
    put, path = "/sessions/{id}/contacts/{contact}/block", tag = "contacts",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("contact" = String, Path, description = "A phone number or an address of a person"),
    ),
    responses(
        (status = 204, description = "Blocked"),
        (status = 404, body = ProblemBody),
        (status = 409, description = "Not connected, or `phone_unknown`", body = ProblemBody),
    )
)]
async fn block_contact(
    State(contacts): State<Contacts>,
    ctx: Ctx,
    Path((id, contact)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    contacts.block(&ctx, &id, &contact, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unblock somebody.
#[utoipa::path(
    delete, path = "/sessions/{id}/contacts/{contact}/block", tag = "contacts",
    params(
        ("id" = String, Path, description = "`ses_…` or a handle of one's own"),
        ("contact" = String, Path, description = "A phone number or an address of a person"),
    ),
    responses(
        (status = 204, description = "Not blocked any more"),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn unblock_contact(
    State(contacts): State<Contacts>,
    ctx: Ctx,
    Path((id, contact)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    contacts.block(&ctx, &id, &contact, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List whom the account has blocked.
#[utoipa::path(
    get, path = "/sessions/{id}/blocklist", tag = "contacts",
    params(("id" = String, Path, description = "`ses_…` or a handle of one's own")),
    responses(
        (status = 200, body = All<Blocked>),
        (status = 404, body = ProblemBody),
        (status = 409, description = "The session is not connected", body = ProblemBody),
    )
)]
async fn list_blocked(
    State(contacts): State<Contacts>,
    ctx: Ctx,
    Path(id): Path<String>,
) -> Result<Json<All<Blocked>>, Problem> {
    let data = contacts.blocklist(&ctx, &id).await?;
    Ok(Json(All { data }))
}
