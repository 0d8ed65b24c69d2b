//! The verbs of one's own account: its name, what it shows, and to whom.
//!
//! `http` and the dialects call it.

use super::{
    Ctx, Error,
    picture::check_picture,
    running::{Running, ask_error},
    sessions::Sessions,
};
use crate::domain::{
    address::Address,
    contact::{ContactInfo, Privacy},
    principal::Scope,
};

/// The longest name, in characters: WhatsApp's own limit.
const MAX_NAME: usize = 25;
/// The longest text about oneself.
const MAX_ABOUT: usize = 139;

/// The account as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The name it goes by.
    pub push_name: Option<String>,
    /// What it shows.
    pub card: ContactInfo,
}

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfilePatch {
    /// Another name.
    pub push_name: Option<String>,
    /// Another text about oneself; empty for none.
    pub about: Option<String>,
}

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Profile {
    running: Running,
}

impl Profile {
    /// Verbs over the same sessions.
    pub fn new(sessions: &Sessions) -> Self {
        let running = sessions.finder();
        Self { running }
    }

    /// The account as others see it.
    pub async fn get(&self, ctx: &Ctx, session: &str) -> Result<Own, Error> {
        let scope = Scope::SessionsRead;
        let found = self.running.find(ctx, scope, session).await?;
        let client = found.client()?;
        let account = client.account();
        let phone = account.phone.ok_or(NO_ACCOUNT)?;
        let card = client.card(&Address::Phone(phone)).await;
        Ok(Own {
            push_name: account.push_name,
            card: card.map_err(ask_error)?.ok_or(NO_ACCOUNT)?,
        })
    }

    /// Changes the name and the text about oneself.
    pub async fn update(
        &self,
        ctx: &Ctx,
        session: &str,
        patch: ProfilePatch,
    ) -> Result<Own, Error> {
        let scope = Scope::SessionsWrite;
        let found = self.running.find(ctx, scope, session).await?;
        let length = |text: &String| text.chars().count();
        if let Some(name) = &patch.push_name
            && (name.trim().is_empty() || length(name) > MAX_NAME)
        {
            let detail = format!("a name has 1 to {MAX_NAME} characters");
            return Err(Error::invalid("/push_name", detail));
        }
        if patch
            .about
            .as_ref()
            .is_some_and(|about| length(about) > MAX_ABOUT)
        {
            let detail = format!("this text has at most {MAX_ABOUT} characters");
            return Err(Error::invalid("/about", detail));
        }
        let client = found.client()?;
        if let Some(name) = &patch.push_name {
            client.set_push_name(name).await.map_err(ask_error)?;
        }
        if let Some(about) = &patch.about {
            client.set_about(about).await.map_err(ask_error)?;
        }
        self.get(ctx, &found.id.to_string()).await
    }

    /// Changes one's picture, a JPEG; none removes it.
    pub async fn set_picture(
        &self,
        ctx: &Ctx,
        session: &str,
        jpeg: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let scope = Scope::SessionsWrite;
        let found = self.running.find(ctx, scope, session).await?;
        let jpeg = match jpeg {
            Some(jpeg) => Some(check_picture("/base64", jpeg).await?),
            None => None,
        };
        let client = found.client()?;
        client.set_own_picture(jpeg).await.map_err(ask_error)
    }

    /// Who is shown what.
    pub async fn privacy(&self, ctx: &Ctx, session: &str) -> Result<Privacy, Error> {
        let scope = Scope::SessionsRead;
        let found = self.running.find(ctx, scope, session).await?;
        found.client()?.privacy().await.map_err(ask_error)
    }

    /// Changes who is shown what, one after the other: after a refusal, what came before it stays changed.
    pub async fn set_privacy(
        &self,
        ctx: &Ctx,
        session: &str,
        wanted: Privacy,
    ) -> Result<Privacy, Error> {
        let scope = Scope::SessionsWrite;
        let found = self.running.find(ctx, scope, session).await?;
        for (of, to) in &wanted {
            if !of.choices().contains(to) {
                let choices = serde_json::to_string(of.choices()).map_err(Error::internal)?;
                let pointer = serde_json::to_value(of).map_err(Error::internal)?;
                let pointer = format!("/{}", pointer.as_str().unwrap_or_default());
                return Err(Error::invalid(pointer, format!("is one of {choices}")));
            }
        }
        let client = found.client()?;
        for (of, to) in wanted {
            client.set_privacy(of, to).await.map_err(ask_error)?;
        }
        client.privacy().await.map_err(ask_error)
    }
}

const NO_ACCOUNT: Error = Error::NotFound { what: "account" };
