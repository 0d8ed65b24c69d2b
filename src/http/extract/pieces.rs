//! The pieces of a body that may take long: each has to come in time, and all of them together.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{Multipart, Request, multipart::Field},
};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::{Instant, timeout, timeout_at};

use super::BodyTimeout;
use crate::service::Error;

/// How long one piece may take, unless the connection says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a whole file may take.
const WHOLE: Duration = Duration::from_mins(10);

/// How long one piece of this request may take.
pub(in crate::http) fn patience(request: &Request) -> Duration {
    let within = request.extensions().get::<BodyTimeout>();
    within.map_or(PATIENCE, |timeout| timeout.0)
}

/// The body did not come in whole.
#[derive(Debug, thiserror::Error)]
pub(in crate::http) enum Broken {
    #[error("the body ended before its announced length")]
    Ended,
    #[error("the body came too slowly")]
    Slow,
}

pub(in crate::http) fn of_body(
    body: Body,
    patience: Duration,
) -> impl Stream<Item = Result<Bytes, Broken>> + Send {
    let whole = Instant::now() + WHOLE;
    stream::unfold(body.into_data_stream(), move |mut body| async move {
        let until = whole.min(Instant::now() + patience);
        let piece = match timeout_at(until, body.next()).await {
            Ok(None) => return None,
            Ok(Some(piece)) => piece.map_err(|_| Broken::Ended),
            Err(_) => Err(Broken::Slow),
        };
        Some((piece, body))
    })
}

/// The next field of a form; none at its end.
pub(in crate::http) async fn next_field(
    form: &mut Multipart,
    patience: Duration,
) -> Result<Option<Field<'_>>, Error> {
    let late = |_| Error::invalid("", "the form came too slowly");
    let next = timeout(patience, form.next_field()).await.map_err(late)?;
    next.map_err(|error| Error::invalid("", error.body_text()))
}

/// The field of this name, which has to be the first.
pub(in crate::http) async fn field<'a>(
    form: &'a mut Multipart,
    name: &str,
    patience: Duration,
) -> Result<Field<'a>, Error> {
    match next_field(form, patience).await? {
        Some(field) if field.name() == Some(name) => Ok(field),
        _ => Err(Error::invalid(
            format!("/{name}"),
            "the first field of the form has to be the file",
        )),
    }
}

pub(in crate::http) fn of_field<'a>(
    field: &'a mut Field<'_>,
    patience: Duration,
) -> impl Stream<Item = Result<Bytes, Broken>> + Send {
    let whole = Instant::now() + WHOLE;
    stream::unfold(field, move |field: &'a mut Field<'_>| async move {
        let until = whole.min(Instant::now() + patience);
        let piece = match timeout_at(until, field.chunk()).await {
            Ok(Ok(None)) => return None,
            Ok(Ok(Some(piece))) => Ok(piece),
            Ok(Err(_)) => Err(Broken::Ended),
            Err(_) => Err(Broken::Slow),
        };
        Some((piece, field))
    })
}
