//! Upload and download, as a client's HTTP side sees them.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde::Deserialize;
use serde_json::{Value, json};

use super::opened::handle;
use super::{ShelfFault, direct_path, open_path, url};
use crate::control::Params;
use crate::hub::Hub;

/// `/mms/{kind}/{token}`, and `/newsletter/{kind}/{token}` for what is not encrypted.
pub(crate) fn router() -> Router<Hub> {
    Router::new()
        .route("/mms/{kind}/{token}", post(upload).get(download))
        .route(
            "/newsletter/{kind}/{token}",
            post(upload_open).get(download),
        )
}

/// What a client puts into the query; other names are not ours to refuse.
#[derive(Debug, Deserialize)]
struct Query {
    #[serde(default)]
    auth: String,
    /// Asks how much of an upload is there already.
    resume: Option<String>,
    file_offset: Option<u64>,
}

async fn upload(
    State(hub): State<Hub>,
    Path((kind, token)): Path<(String, String)>,
    query: Asked,
    body: Body,
) -> Response {
    let path = direct_path(&kind, &token);
    take(&hub, (path, token, None), query, body).await
}

async fn upload_open(
    State(hub): State<Hub>,
    Path((kind, token)): Path<(String, String)>,
    query: Asked,
    body: Body,
) -> Response {
    let path = open_path(&kind, &token);
    let handle = Some(handle(&token));
    take(&hub, (path, token, handle), query, body).await
}

type Asked = Result<Params<Query>, crate::control::ControlError>;

async fn take(
    hub: &Hub,
    (path, token, handle): (String, String, Option<String>),
    query: Asked,
    body: Body,
) -> Response {
    let query = match query {
        Ok(Params(query)) => query,
        Err(error) => return error.into_response(),
    };
    let door = hub.with(|world| {
        let door = &world.areas.media;
        (door.auth == query.auth).then(|| url(door, &path))
    });
    let url = match door {
        Ok(Some(url)) => url,
        Ok(None) => return refuse(StatusCode::UNAUTHORIZED, "this token is not from here"),
        Err(stopped) => return refuse(StatusCode::SERVICE_UNAVAILABLE, &stopped.to_string()),
    };
    if query.resume.is_some() {
        let done = hub.shelf().has(&token).await;
        let progress = if done {
            json!({ "resume": "complete", "url": url, "direct_path": path })
        } else {
            json!({ "resume": "0" })
        };
        return answer(StatusCode::OK, &progress);
    }
    if query.file_offset.is_some_and(|offset| offset > 0) {
        return refuse(StatusCode::BAD_REQUEST, "nothing of this upload is here");
    }
    match hub.shelf().put(&token, body.into_data_stream()).await {
        Ok(()) => {
            let mut taken = json!({ "url": url, "direct_path": path });
            if let Some(handle) = handle {
                taken["handle"] = json!(handle);
            }
            answer(StatusCode::OK, &taken)
        }
        Err(fault) => refuse(status_of(&fault), &fault.to_string()),
    }
}

fn status_of(fault: &ShelfFault) -> StatusCode {
    match fault {
        ShelfFault::BadName | ShelfFault::WrongHash | ShelfFault::Broken => StatusCode::BAD_REQUEST,
        ShelfFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ShelfFault::Full => StatusCode::INSUFFICIENT_STORAGE,
        ShelfFault::Io(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn download(State(hub): State<Hub>, Path((_, name)): Path<(String, String)>) -> Response {
    let token = hub.with(|world| world.areas.media.dropped.token(&name).map(str::to_owned));
    let blob = match token {
        Ok(Some(token)) => hub.shelf().get(&token).await,
        Ok(None) => None,
        Err(stopped) => return refuse(StatusCode::SERVICE_UNAVAILABLE, &stopped.to_string()),
    };
    match blob {
        Some(blob) => {
            let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
            (StatusCode::OK, kind, blob).into_response()
        }
        None => refuse(StatusCode::NOT_FOUND, "there is no such media"),
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    answer(status, &json!({ "error": why }))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, body.to_string()).into_response()
}
