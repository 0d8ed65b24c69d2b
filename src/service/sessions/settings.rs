//! What the owner has set: checked, and with a proxy that is sealed.

use entity::sessions;

use super::Sessions;
use crate::{
    domain::{principal::Scope, session::Settings},
    egress::{EgressError, ProxyError},
    service::{Ctx, Error, Fault, messages::MAX_TEXT},
    session::KeepError,
};

impl Sessions {
    /// Refuses a proxy that may not be set, or through which WhatsApp is not reached now.
    pub async fn try_proxy(&self, ctx: &Ctx, text: &str) -> Result<(), Error> {
        ctx.require(Scope::SessionsWrite)?;
        let tried = self.manager.try_proxy(text).await;
        tried.map_err(|error| match error {
            ProxyError::Refused(error) => refused(&error),
            failed @ (ProxyError::Unreachable(_)
            | ProxyError::Declined(_)
            | ProxyError::Client(_)) => Error::Invalid {
                code: "proxy_failed",
                faults: vec![Fault::new("/settings/proxy_url", failed.to_string())],
            },
        })
    }

    /// Puts `settings` into `row`, the proxy sealed; whether the session is to reach WhatsApp in another way.
    pub(super) async fn set(
        &self,
        row: &mut sessions::Model,
        mut settings: Settings,
    ) -> Result<bool, Error> {
        check_settings(&settings)?;
        let before: Option<Settings> = serde_json::from_str(&row.settings).ok();
        let shown = before.and_then(|before| before.proxy_url);
        let sealed = row.proxy_sealed.take();
        let changed = match settings.proxy_url.take() {
            None => sealed.is_some() || shown.is_some(),
            // What was shown is what is kept.
            Some(text) if sealed.is_some() && shown.as_deref() == Some(text.as_str()) => {
                settings.proxy_url = shown;
                row.proxy_sealed = sealed;
                false
            }
            Some(text) => {
                let kept = self.manager.proxies().keep(row.id, &text).await;
                let kept = kept.map_err(proxy_refused)?;
                settings.proxy_url = Some(kept.shown);
                row.proxy_sealed = Some(kept.sealed);
                true
            }
        };
        row.settings = serde_json::to_string(&settings).map_err(Error::internal)?;
        Ok(changed)
    }
}

fn check_settings(settings: &Settings) -> Result<(), Error> {
    let answer = settings.auto_reply_text.as_deref().unwrap_or_default();
    if answer.chars().count() > MAX_TEXT {
        return Err(Error::invalid(
            "/settings/auto_reply_text",
            format!("a text may have {MAX_TEXT} characters"),
        ));
    }
    Ok(())
}

/// Why a proxy is not taken.
fn proxy_refused(error: KeepError) -> Error {
    match error {
        KeepError::Refused(error) => refused(&error),
        KeepError::Seal(error) => Error::internal(error),
    }
}

fn refused(error: &EgressError) -> Error {
    Error::Invalid {
        code: error.code(),
        faults: vec![Fault::new("/settings/proxy_url", error.to_string())],
    }
}
