//! `/api/groups`: groups, who is in them, and their invites.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
};
use serde_json::{Value, json};

use super::{
    Face,
    auth::{Reached, Scoped},
    contacts::{paged, picture_of},
    dto::{self, done, jid},
    error::Refusal,
    form::{Form, MAX_LINE},
};
use crate::{
    domain::group::{Joined, MemberChange, NewGroup},
    http::{
        extract::{Json, Path},
        routing::{get, post, put},
    },
    service::groups::GroupPatch,
};

/// The longest name and the longest description: the verbs are stricter, and say so.
const MAX_SUBJECT: usize = 255;

pub(super) fn routes() -> Router<Face> {
    const AT: &str = "/api/groups/{jid}";
    Router::new()
        .route("/api/groups", get(list).merge(post(create)))
        .route("/api/groups/invite/accept", post(accept))
        .route("/api/groups/invite/{code}", get(preview))
        .route(&format!("{AT}/metadata"), get(metadata))
        .route(&format!("{AT}/participants"), get(members))
        .route(&format!("{AT}/participants/add"), post(add))
        .route(&format!("{AT}/participants/remove"), post(remove))
        .route(&format!("{AT}/participants/update"), put(set_roles))
        .route(&format!("{AT}/settings"), put(set))
        .route(&format!("{AT}/picture"), get(picture))
        .route(&format!("{AT}/invite-link"), get(invite))
        .route(&format!("{AT}/leave"), post(leave))
}

async fn list(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    uri: Uri,
) -> Result<Json<Value>, Refusal> {
    let groups = face.api.groups.list(&ctx, &id).await?;
    let shown = groups.iter().map(|group| {
        let info = &group.info;
        json!({"id": info.id, "jid": info.id, "name": info.subject, "imgUrl": null})
    });
    let shown = paged(&uri, shown.collect());
    Ok(done("Groups retrieved successfully", shown))
}

async fn create(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    mut form: Form,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let subject = form.said("name", MAX_SUBJECT);
    let mut people = Vec::new();
    if form.has("participants") {
        people.extend(form.list("participants").into_iter().flatten());
    }
    let subject = form.done(subject)?;
    let new = NewGroup {
        subject,
        description: None,
        community: None,
    };
    let made = face.api.groups.create(&ctx, &id, new, &people).await;
    let made = made.map_err(|error| {
        Refusal::from(error).renamed(|field| (field == "subject").then_some("name"))
    })?;
    let group = face.api.groups.get(&ctx, &id, &made.info.id).await?;
    let mut shown = dto::metadata(&group);
    let refused: Vec<_> = made
        .participants
        .into_iter()
        .filter(|one| one.status != 200)
        .collect();
    // Who was asked for and is not in it.
    shown["notAdded"] = dto::results(&refused, "added").into();
    Ok((
        StatusCode::CREATED,
        done("Group created successfully", shown),
    ))
}

async fn metadata(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(group): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let group = face.api.groups.get(&ctx, &id, &group).await?;
    let shown = dto::metadata(&group);
    Ok(done("Group metadata retrieved successfully", shown))
}

async fn members(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(group): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let group = face.api.groups.get(&ctx, &id, &group).await?;
    let shown = dto::members(&group);
    Ok(done("Participants retrieved successfully", shown.into()))
}

/// The people whom a body names.
fn people(form: &mut Form) -> Option<Vec<String>> {
    if !form.has("participants") {
        form.fault("participants", "The participants field is required.");
        return None;
    }
    form.list("participants")
}

async fn change(
    face: &Face,
    Reached { ctx, id, .. }: &Reached,
    (group, people): (&str, &[String]),
    (change, word): (MemberChange, &str),
) -> Result<Json<Value>, Refusal> {
    let groups = &face.api.groups;
    let results = groups
        .change_members(ctx, id, group, change, people)
        .await?;
    let shown = dto::results(&results, word);
    Ok(done("Participants updated successfully", shown.into()))
}

async fn add(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    Path(group): Path<String>,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let named = people(&mut form);
    let named = form.done(named)?;
    let what = (MemberChange::Add, "added");
    change(&face, &owned, (&group, &named), what).await
}

async fn remove(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    Path(group): Path<String>,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let named = people(&mut form);
    let named = form.done(named)?;
    let what = (MemberChange::Remove, "removed");
    change(&face, &owned, (&group, &named), what).await
}

async fn set_roles(
    State(face): State<Face>,
    Scoped(owned): Scoped,
    Path(group): Path<String>,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let action = form.said("action", MAX_LINE);
    let what = action.as_deref().and_then(|action| match action {
        "promote" => Some((MemberChange::Promote, "promoted")),
        "demote" => Some((MemberChange::Demote, "demoted")),
        _ => {
            form.fault("action", "The action field must be promote or demote.");
            None
        }
    });
    let named = people(&mut form);
    let (what, named) = form.done(what.zip(named))?;
    change(&face, &owned, (&group, &named), what).await
}

async fn set(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(group): Path<String>,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let patch = GroupPatch {
        subject: form.text("subject", MAX_SUBJECT),
        description: form.text("description", MAX_LINE).map(Some),
        announce: form.flag("announce"),
        locked: form.flag("restrict"),
        ..GroupPatch::default()
    };
    if patch == GroupPatch::default() {
        let detail = "Name at least one of subject, description, announce and restrict.";
        form.fault("subject", detail);
    }
    form.finish()?;
    let asked = patch.clone();
    face.api.groups.update(&ctx, &id, &group, patch).await?;
    Ok(done(
        "Group settings updated successfully",
        json!({
            "subject": asked.subject,
            "description": asked.description.flatten(),
            "announce": asked.announce,
            "restrict": asked.locked,
        }),
    ))
}

async fn picture(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(group): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let url = picture_of(&face, (&ctx, &id), &group).await?;
    let data = json!({"imgUrl": url, "url": url});
    Ok(done("Picture retrieved successfully", data))
}

async fn invite(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(group): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let code = face.api.groups.invite(&ctx, &id, &group, false).await?;
    let link = format!("https://chat.whatsapp.com/{code}");
    let data = json!({"link": link, "inviteLink": link, "inviteCode": code});
    Ok(done("Invite link retrieved successfully", data))
}

async fn leave(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(group): Path<String>,
) -> Result<Json<Value>, Refusal> {
    face.api.groups.leave(&ctx, &id, &group).await?;
    Ok(done("Left the group successfully", json!({"id": group})))
}

async fn preview(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    Path(code): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let group = face.api.groups.preview(&ctx, &id, &code).await?;
    let mut shown = dto::metadata(&group);
    shown["groupJid"] = group.info.id.clone().into();
    shown["inviteCode"] = code.into();
    let members = group.participants.iter().map(|one| {
        let is_admin = one.role.is_admin();
        json!({"id": jid(&one.party), "admin": is_admin.then_some("admin")})
    });
    shown["participants"] = members.collect();
    Ok(done("Invite retrieved successfully", shown))
}

async fn accept(
    State(face): State<Face>,
    Scoped(Reached { ctx, id, .. }): Scoped,
    mut form: Form,
) -> Result<Json<Value>, Refusal> {
    let code = form.said("code", MAX_LINE);
    let code = form.done(code)?;
    let joined = face.api.groups.join(&ctx, &id, &code).await?;
    let (group, message) = match joined {
        Joined::Member(group) => (group, "Joined the group successfully"),
        Joined::Pending(group) => (group, "An admin of the group has to agree"),
    };
    Ok(done(message, json!({"id": group, "groupJid": group})))
}
