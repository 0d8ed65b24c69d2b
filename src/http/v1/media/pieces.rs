//! The pieces of a body that may take long: each has to come in time, and all of them together.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{Multipart, multipart::Field},
};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::{Instant, timeout, timeout_at};

use crate::service::Error;

/// How long one piece may take, unless the connection says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long a whole file may take.
const WHOLE: Duration = Duration::from_mins(10);

/// The body did not come in whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the body ended before its announced length")]
    Ended,
    #[error("the body came too slowly")]
    Slow,
}

pub(super) fn of_body(
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

/// The field of this name, which has to be the first.
pub(super) async fn field<'a>(
    form: &'a mut Multipart,
    name: &str,
    patience: Duration,
) -> Result<Field<'a>, Error> {
    let late = |_| Error::invalid("", "the form came too slowly");
    let next = timeout(patience, form.next_field()).await.map_err(late)?;
    let next = next.map_err(|error| Error::invalid("", error.body_text()))?;
    match next {
        Some(field) if field.name() == Some(name) => Ok(field),
        _ => Err(Error::invalid(
            format!("/{name}"),
            "the first field of the form has to be the file",
        )),
    }
}

pub(super) fn of_field<'a>(
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
