//! A file is fetched from a URL that a user names, through the guarded way out.

use reqwest::{Method, Response, Url, header};

use super::{Ctx, Duration, Error, Fault, File, Label, MAX_BYTES, Media};
use crate::egress::{Egress, EgressError};

/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(45);

/// Every hop is checked as the first one is.
const HOPS: usize = 3;

impl Media {
    /// Takes in what `url` leads to. The answer names `pointer` in what is wrong with it.
    pub async fn fetch(
        &self,
        ctx: &Ctx,
        session: &str,
        (pointer, url): (&str, &str),
        filename: Option<String>,
    ) -> Result<File, Error> {
        // Nothing is asked of anybody for a caller who could not keep the answer.
        self.admit(ctx, session).await?;
        ctx.turn.step_aside();
        let fetching = async {
            let answer = follow(&self.parts.egress, url).await;
            let answer = answer.map_err(|(code, detail)| Error::Invalid {
                code,
                faults: vec![Fault::new(pointer, detail)],
            })?;
            if answer
                .content_length()
                .is_some_and(|length| length > MAX_BYTES)
            {
                return Err(Error::TooLarge {
                    code: "media_too_large",
                    detail: format!("a file has at most {MAX_BYTES} bytes"),
                });
            }
            let said = answer.headers().get(header::CONTENT_TYPE);
            let said = said.and_then(|said| said.to_str().ok()).map(str::to_owned);
            let label = Label {
                // What a server says is often nonsense; what cannot be read is not said.
                mimetype: said.filter(|said| said.parse::<mime_guess::Mime>().is_ok()),
                filename,
            };
            self.put(ctx, session, label, answer.bytes_stream()).await
        };
        let late = |_| Error::Invalid {
            code: "media_url_failed",
            faults: vec![Fault::new(pointer, "it did not come within 45 seconds")],
        };
        tokio::time::timeout(WITHIN, fetching).await.map_err(late)?
    }
}

type Refused = (&'static str, String);

fn refused(error: &EgressError) -> Refused {
    ("media_url_refused", error.to_string())
}

async fn follow(egress: &Egress, url: &str) -> Result<Response, Refused> {
    let mut url = egress.check_url(url).map_err(|error| refused(&error))?;
    for _ in 0..=HOPS {
        let request = egress.request(Method::GET, url.clone());
        let request = request.map_err(|error| refused(&error))?;
        let answer = Egress::send(request).await.0.map_err(|error| {
            EgressError::inside(&error).map_or_else(
                || {
                    (
                        "media_url_failed",
                        "the server cannot be reached".to_owned(),
                    )
                },
                |inside| refused(&inside),
            )
        })?;
        if !answer.status().is_redirection() {
            let status = answer.status();
            return if status.is_success() {
                Ok(answer)
            } else {
                Err(("media_url_failed", format!("the server answered {status}")))
            };
        }
        url = next(&url, &answer)?;
    }
    Err((
        "media_url_failed",
        format!("it leads on more than {HOPS} times"),
    ))
}

fn next(url: &Url, answer: &Response) -> Result<Url, Refused> {
    let location = answer.headers().get(header::LOCATION);
    let next = location.and_then(|location| url.join(location.to_str().ok()?).ok());
    next.ok_or_else(|| ("media_url_failed", "it leads on to nowhere".to_owned()))
}
