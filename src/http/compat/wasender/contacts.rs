//! People: who is on WhatsApp, whom the session knows, what they show, who is blocked; and who the account is itself.

use axum::{Router, extract::State, http::Uri};
use serde_json::{Value, json};

use super::{
    Face,
    auth::{Owned, Reached, Scoped, Seen},
    dto::{self, done, jid, status},
    error::Refusal,
    form::{Form, MAX_LINE, Page, query_flag},
};
use crate::{
    http::{
        extract::{Json, Path},
        routing::{get, post, put},
    },
    service::{Ctx, Error, contacts::Known},
};

/// How many a page has if nothing is said.
const PER_PAGE: u64 = 20;
/// What is read at once where no page is asked for.
const AT_ONCE: u64 = 1000;

pub(super) fn routes() -> Router<Face> {
    Router::new()
        .route("/api/user", get(user))
        .route("/api/on-whatsapp/{phone}", get(on_whatsapp))
        .route("/api/lid-from-pn/{who}", get(identify))
        .route("/api/pn-from-lid/{who}", get(identify))
        .route("/api/contacts", get(list).merge(put(save)))
        .route("/api/contacts/{who}", get(show))
        .route("/api/contacts/{who}/picture", get(picture))
        .route("/api/contacts/{who}/profile-picture", get(picture))
        .route("/api/contacts/{who}/block", post(block))
        .route("/api/contacts/{who}/unblock", post(unblock))
}

/// Who the account is.
async fn user(
    State(face): State<Face>,
    Seen(Owned { ctx, session, id }): Seen,
) -> Result<Json<Value>, Refusal> {
    let Some(phone) = session.phone.clone().filter(|_| session.logged_in()) else {
        return Err(Refusal::bad_request("No phone is linked to this session."));
    };
    let own = format!("{phone}@s.whatsapp.net");
    let mut image = Value::Null;
    if session.connected() {
        image = picture_of(&face, (&ctx, &id), &own).await?;
    }
    Ok(done(
        "User retrieved successfully",
        json!({
            "id": own,
            "lid": session.lid,
            "phone": phone,
            "name": session.push_name,
            "pushName": session.push_name,
            "imgUrl": image,
            "status": status(&session, false),
        }),
    ))
}

async fn on_whatsapp(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(phone): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let asked = vec![phone];
    let checked = face.api.contacts.check(&ctx, &id, asked).await;
    let checked = checked.map_err(|error| Refusal::from(error).renamed(|_| Some("phone")))?;
    let found = checked.into_iter().next().and_then(|one| one.found);
    Ok(done(
        "Number checked",
        json!({
            "exists": found.is_some(),
            "jid": found.as_ref().map(|found| jid(&found.party)),
            "lid": found.and_then(|found| found.party.lid),
        }),
    ))
}

/// Both addresses of a person, whichever of them is known.
async fn identify(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(who): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let party = face.api.contacts.identify(&ctx, &id, &who).await?;
    let number = party.phone.as_ref();
    let pn = number.map(|digits| format!("{digits}@s.whatsapp.net"));
    Ok(done(
        "Address resolved",
        json!({"lid": party.lid, "pn": pn}),
    ))
}

/// A page of a list, or all of it: `paginated=true` asks for a page.
pub(super) fn paged(uri: &Uri, all: Vec<Value>) -> Value {
    if !query_flag(uri, &["paginated"]) {
        return all.into();
    }
    let page = Page::of(uri, "limit", PER_PAGE);
    let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let at = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let items: Vec<Value> = all
        .into_iter()
        .skip(at(page.skip()))
        .take(at(page.size))
        .collect();
    json!({
        "items": items,
        "pagination": {
            "page": page.number,
            "limit": page.size,
            "total": total,
            "totalPages": page.last(total),
        },
    })
}

async fn list(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let mut known: Vec<Known> = Vec::new();
    loop {
        let last = known.last().map(|last| last.party.id.clone());
        let contacts = &face.api.contacts;
        let page = contacts.list(&ctx, &id, last.as_deref(), AT_ONCE).await?;
        let is_last = (page.len() as u64) < AT_ONCE;
        known.extend(page);
        if is_last {
            break;
        }
    }
    let shown = known.iter().map(dto::contact).collect();
    Ok(done("Contacts retrieved successfully", paged(&uri, shown)))
}

async fn save(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let who = form.said("jid", MAX_LINE);
    let name = form.said("fullName", 128);
    form.flag("saveOnPrimaryAddressbook");
    let (who, name) = form.done(who.zip(name))?;
    let saved = face.api.contacts.save(&ctx, &id, &who, &name).await;
    let party = saved.map_err(|error| {
        Refusal::from(error).renamed(|field| match field {
            "contact" => Some("jid"),
            "name" => Some("fullName"),
            _ => None,
        })
    })?;
    let data = json!({"jid": jid(&party), "fullName": name});
    Ok(done("Contact saved successfully", data))
}

/// What a person shows, with the name under which the session knows them.
async fn show(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(who): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let info = face.api.contacts.get(&ctx, &id, &who).await?;
    let known = face.api.contacts.known(&ctx, &id, &info.party).await?;
    let jid = jid(&info.party);
    let (name, notify) = known.map_or((None, None), |known| (known.name, known.push_name));
    Ok(done(
        "Contact retrieved successfully",
        json!({
            "id": jid,
            "jid": jid,
            "lid": info.party.lid,
            "name": name,
            "notify": notify,
            "verifiedName": info.verified_name,
            "imgUrl": null,
            "status": info.about,
            "exists": true,
        }),
    ))
}

/// Where a picture is; null where there is none.
pub(super) async fn picture_of(
    face: &Face,
    (ctx, id): (&Ctx, &str),
    of: &str,
) -> Result<Value, Refusal> {
    match face.api.contacts.picture(ctx, id, of, false).await {
        Ok(picture) => Ok(picture.url.into()),
        Err(Error::NotFound { what: "picture" }) => Ok(Value::Null),
        Err(other) => Err(other.into()),
    }
}

async fn picture(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(who): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let url = picture_of(&face, (&ctx, &id), &who).await?;
    let data = json!({"imgUrl": url});
    Ok(done("Picture retrieved successfully", data))
}

async fn block(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(who): Path<String>,
) -> Result<Json<Value>, Refusal> {
    face.api.contacts.block(&ctx, &id, &who, true).await?;
    let message = "Contact blocked";
    Ok(done(message, json!({"message": message})))
}

async fn unblock(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(who): Path<String>,
) -> Result<Json<Value>, Refusal> {
    face.api.contacts.block(&ctx, &id, &who, false).await?;
    let message = "Contact unblocked";
    Ok(done(message, json!({"message": message})))
}
