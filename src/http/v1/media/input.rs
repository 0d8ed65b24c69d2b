//! A file inside a JSON body: by URL, as base64, or one that is here already.

use entity::ids::MediaId;
use futures_util::stream;
use serde::Deserialize;

use crate::{
    http::extract::encoded::{data_url, decoded},
    service::{
        Ctx, Error, Fault,
        media::{File, Label, Media},
    },
};

/// One file: exactly one of `url`, `base64` and `media_id`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct MediaInput {
    /// Where to fetch it. Private addresses are refused.
    #[schema(example = "https://shop.example/offer.jpg")]
    url: Option<String>,
    /// The file itself; a data URL is taken, too.
    base64: Option<String>,
    /// A file that was put here, or came with a message.
    #[schema(value_type = Option<String>)]
    media_id: Option<MediaId>,
    /// What it is; its bytes have the last word.
    mimetype: Option<String>,
    /// What it is called.
    filename: Option<String>,
}

impl MediaInput {
    /// Takes the file in. What is wrong with it is told below `at`, a JSON pointer.
    pub(in crate::http) async fn take(
        self,
        media: &Media,
        ctx: &Ctx,
        session: &str,
        at: &str,
    ) -> Result<File, Error> {
        let taken = match (self.url, self.base64, self.media_id) {
            (Some(url), None, None) => {
                let url = ("/url", url.as_str());
                media.fetch(ctx, session, url, self.filename).await
            }
            (None, Some(base64), None) => {
                let (said, base64) = data_url(&base64);
                let label = Label {
                    mimetype: self.mimetype.or(said),
                    filename: self.filename,
                };
                let pieces = stream::iter(decoded(base64));
                media.put(ctx, session, label, pieces).await
            }
            (None, None, Some(id)) => media.get(ctx, session, id).await,
            _ => {
                let detail = "needs exactly one of url, base64 and media_id";
                Err(Error::invalid("", detail))
            }
        };
        taken.map_err(|error| below(at, error))
    }
}

/// What is wrong with a file, as a fault of the field that holds it.
fn below(at: &str, error: Error) -> Error {
    match error {
        Error::Invalid { code, faults } => Error::Invalid {
            code,
            faults: faults
                .into_iter()
                .map(|fault| Fault::new(format!("{at}{}", fault.pointer), fault.detail))
                .collect(),
        },
        Error::NotFound { what: "media" } => Error::Invalid {
            code: "media_not_found",
            faults: vec![Fault::new(
                format!("{at}/media_id"),
                "there is no such file",
            )],
        },
        other => other,
    }
}
