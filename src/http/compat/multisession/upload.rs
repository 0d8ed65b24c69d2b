//! Bodies with a file: JSON that holds it as base64 or says where it is, or a form with the file in a field of its own.
//!
//! Owns how each is read, and that nothing is taken in from which no message could be sent.

use axum::{
    extract::{FromRequest as _, Multipart, Request, multipart::Field},
    http::header,
};
use futures_util::{StreamExt as _, stream};

use super::{
    Face,
    auth::Owned,
    error::Refusal,
    fields::{Fields, MAX_NAME_OF_FILE, MAX_URL},
    messaging::live,
};
use crate::{
    http::extract::{
        encoded::{data_url, decoded},
        pieces,
    },
    service::media::{File, Label},
};

/// The most text fields of a form.
const MAX_FIELDS: usize = 32;
/// The longest text field of a form, in bytes: a message of four bytes a character.
const MAX_FIELD: usize = 256 * 1024;

/// Where one of the paths finds its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    /// The field that holds it.
    pub(super) held: Option<&'static str>,
    /// The field that says where it is.
    pub(super) url: Option<&'static str>,
    /// What is said when there is none.
    pub(super) missing: &'static str,
}

/// What was sent besides the file, and the file if it came in a form.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) fields: Fields,
    came: Option<File>,
}

/// A file that is still to be taken in, and the field that tells of it.
#[derive(Debug)]
pub(super) enum Source {
    Came(&'static str, File),
    Held(&'static str, String),
    Url(&'static str, String),
}

impl Upload {
    pub(super) async fn read(
        face: &Face,
        owned: &Owned,
        request: Request,
        named: Named,
    ) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok());
        match named.held {
            Some(held) if kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) => {
                live(face, owned).await?;
                Self::read_form(face, owned, request, held).await
            }
            _ => Ok(Self {
                fields: Fields::with_file(request).await?,
                came: None,
            }),
        }
    }

    async fn read_form(
        face: &Face,
        owned: &Owned,
        request: Request,
        held: &'static str,
    ) -> Result<Self, Refusal> {
        let patience = pieces::patience(&request);
        let form = Multipart::from_request(request, &()).await;
        let mut form = form.map_err(|error| Refusal::invalid(error.body_text()))?;
        let (mut fields, mut came) = (Fields::default(), None);
        for _ in 0..=MAX_FIELDS {
            let Some(mut field) = pieces::next_field(&mut form, patience).await? else {
                return Ok(Self { fields, came });
            };
            let name = field.name().unwrap_or_default().to_owned();
            let Some(filename) = field.file_name().map(str::to_owned) else {
                if name == "filename" && came.is_some() {
                    let said = "filename must stand before the file";
                    return Err(Refusal::invalid(said));
                }
                let text = text(&mut field, &name, patience).await?;
                fields.put(name, text);
                continue;
            };
            if name != held || came.is_some() {
                let said = format!("a form has one file, in the field {held}");
                return Err(Refusal::invalid(said));
            }
            let renamed = fields.text(&["filename"], MAX_NAME_OF_FILE)?;
            let label = Label {
                mimetype: field.content_type().map(str::to_owned),
                filename: Some(renamed.unwrap_or(filename)),
            };
            let source = pieces::of_field(&mut field, patience);
            let taken = face.api.media.put(&owned.ctx, &owned.id, label, source);
            came = Some(taken.await.map_err(|error| Refusal::of(held, error))?);
        }
        let said = format!("a form has at most {MAX_FIELDS} fields");
        Err(Refusal::invalid(said))
    }

    /// The one file of the body.
    pub(super) fn source(&mut self, named: Named) -> Result<Source, Refusal> {
        let held = match named.held {
            Some(name) => self.fields.take(name)?.map(|held| (name, held)),
            None => None,
        };
        let url = match named.url {
            Some(name) => {
                let url = self.fields.text(&[name], MAX_URL)?;
                let url = url.filter(|url| !url.is_empty());
                url.map(|url| (name, url))
            }
            None => None,
        };
        match (self.came.take(), held, url) {
            (Some(file), None, None) => Ok(Source::Came(named.held.unwrap_or_default(), file)),
            (None, Some((name, held)), None) => Ok(Source::Held(name, held)),
            (None, None, Some((name, url))) => Ok(Source::Url(name, url)),
            (None, None, None) => Err(Refusal::invalid(named.missing)),
            _ => Err(Refusal::invalid("a message has one file")),
        }
    }
}

impl Source {
    /// The field that tells of it.
    pub(super) const fn field(&self) -> &'static str {
        match self {
            Self::Came(field, _) | Self::Held(field, _) | Self::Url(field, _) => field,
        }
    }

    /// Takes the file in.
    pub(super) async fn take(
        self,
        face: &Face,
        Owned { ctx, id }: &Owned,
        filename: Option<String>,
    ) -> Result<File, Refusal> {
        let field = self.field();
        let media = &face.api.media;
        let taken = match self {
            Self::Came(_, file) => Ok(file),
            Self::Held(_, held) => {
                let (mimetype, base64) = data_url(&held);
                let label = Label { mimetype, filename };
                media
                    .put(ctx, id, label, stream::iter(decoded(base64)))
                    .await
            }
            Self::Url(_, url) => {
                let filename = filename.or_else(|| name_in(&url));
                media.fetch(ctx, id, (field, &url), filename).await
            }
        };
        taken.map_err(|error| Refusal::of(field, error))
    }
}

/// What a URL calls its file, where that is a name.
fn name_in(url: &str) -> Option<String> {
    let url: url::Url = url.parse().ok()?;
    let last = url.path_segments()?.next_back()?;
    let name = percent_encoding::percent_decode_str(last).decode_utf8();
    let name = name.ok()?.into_owned();
    let fits = |c: char| !c.is_control() && !matches!(c, '/' | '\\');
    let is_name = !name.is_empty() && name.len() <= MAX_NAME_OF_FILE && name.chars().all(fits);
    is_name.then_some(name)
}

/// A text field of a form.
async fn text(
    field: &mut Field<'_>,
    name: &str,
    patience: std::time::Duration,
) -> Result<String, Refusal> {
    let mut text = Vec::new();
    let source = pieces::of_field(field, patience);
    let mut source = std::pin::pin!(source);
    while let Some(piece) = source.next().await {
        let piece = piece.map_err(|error| Refusal::invalid(format!("{name}: {error}")))?;
        text.extend_from_slice(&piece);
        if text.len() > MAX_FIELD {
            let said = format!("{name} may have at most {MAX_FIELD} bytes");
            return Err(Refusal::invalid(said));
        }
    }
    String::from_utf8(text).map_err(|_| Refusal::invalid(format!("{name} must be UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_url_is_the_name_of_its_file_where_it_is_a_name() {
        let named = |url: &str| name_in(url);
        assert_eq!(
            named("https://a.example/b/offer%202026.pdf?x=1").as_deref(),
            Some("offer 2026.pdf")
        );
        for url in [
            "https://a.example/",
            "https://a.example/b%2Fc",
            "https://a.example/%00",
            "not a url",
        ] {
            assert_eq!(named(url), None, "{url}");
        }
    }
}
