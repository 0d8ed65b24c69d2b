//! The verbs of labels: what an account sorts its chats by, the same on every device.

use std::time::Duration;

use entity::{ids::SessionId, labels};

use super::Chats;
use crate::{
    db,
    domain::{
        chat::ChatAction,
        event::{ChatLabel, ChatUpdateData},
        principal::Scope,
    },
    events::{Missed, Subscription},
    service::{Ctx, Error, Fault, running::ask_error},
};

/// The longest name, in characters.
const MAX_NAME: usize = 100;
/// The colours that WhatsApp draws are numbered from 0.
const MAX_COLOR: i32 = 19;
/// The most labels of an account: more than WhatsApp itself lets one make.
const MAX_LABELS: usize = 1000;
/// How long a verb waits until the session has heard of a label that it changed itself.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// A label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// WhatsApp's id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The number of its colour.
    pub color: i32,
}

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelPatch {
    /// What it is called.
    pub name: Option<String>,
    /// The number of its colour.
    pub color: Option<i32>,
}

const NO_LABEL: Error = Error::NotFound { what: "label" };

impl Chats {
    /// The labels of the account, as the session has heard of them; it need not be connected.
    pub async fn labels(&self, ctx: &Ctx, session: &str) -> Result<Vec<Label>, Error> {
        let found = self.running.find(ctx, Scope::MessagesRead, session).await?;
        let rows = db::labels::all(&self.running.db, found.id).await?;
        let mut labels: Vec<Label> = rows.into_iter().filter_map(label).collect();
        labels.sort_by_key(|label| (label.id.parse::<u64>().ok(), label.id.clone()));
        Ok(labels)
    }

    /// Makes a label.
    pub async fn create_label(
        &self,
        ctx: &Ctx,
        session: &str,
        name: String,
        color: i32,
    ) -> Result<Label, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        check(Some(&name), Some(color))?;
        let rows = db::labels::all(&self.running.db, found.id).await?;
        if rows.iter().filter(|row| !row.deleted).count() >= MAX_LABELS {
            let detail = format!("an account has at most {MAX_LABELS} labels");
            return Err(Error::conflict("too_many_labels", detail));
        }
        // WhatsApp counts them; an id that was given is not given again.
        let last = rows.iter().filter_map(|row| row.id.parse::<u64>().ok());
        let id = (last.max().unwrap_or(0) + 1).to_string();
        let client = found.client()?;
        let told = found.listen()?;
        let saved = client.save_label(&id, &name, color).await;
        saved.map_err(ask_error)?;
        let label = Label { id, name, color };
        let is_so = |row: Option<&labels::Model>| row.is_some();
        self.heard(told, (found.id, &label.id), is_so).await?;
        Ok(label)
    }

    /// Gives a label another name or colour.
    pub async fn change_label(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
        patch: LabelPatch,
    ) -> Result<Label, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        check(patch.name.as_deref(), patch.color)?;
        let before = self.label(found.id, id).await?;
        let label = Label {
            id: before.id,
            name: patch.name.unwrap_or(before.name),
            color: patch.color.unwrap_or(before.color),
        };
        let client = found.client()?;
        let told = found.listen()?;
        let saved = client.save_label(id, &label.name, label.color).await;
        saved.map_err(ask_error)?;
        let is_so = |row: Option<&labels::Model>| {
            let shown = row.map(|row| (row.name.as_deref(), row.color));
            shown == Some((Some(&label.name), Some(label.color)))
        };
        self.heard(told, (found.id, id), is_so).await?;
        Ok(label)
    }

    /// Deletes a label; no chat has it any more.
    pub async fn delete_label(&self, ctx: &Ctx, session: &str, id: &str) -> Result<(), Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        self.label(found.id, id).await?;
        let client = found.client()?;
        let told = found.listen()?;
        client.delete_label(id).await.map_err(ask_error)?;
        self.heard(told, (found.id, id), |row| row.is_none()).await
    }

    /// Puts a label on a chat, or takes it from there.
    pub async fn label_chat(
        &self,
        ctx: &Ctx,
        session: &str,
        (chat, id): (&str, &str),
        labeled: bool,
    ) -> Result<ChatUpdateData, Error> {
        let found = self.running.find(ctx, Scope::MessagesSend, session).await?;
        self.label(found.id, id).await?;
        let id = id.to_owned();
        let action = ChatAction::Label(ChatLabel { id, labeled });
        self.act(ctx, session, chat, action).await
    }

    pub(super) async fn label(&self, session: SessionId, id: &str) -> Result<Label, Error> {
        let found = db::labels::find(&self.running.db, session, id).await?;
        found.and_then(label).ok_or(NO_LABEL)
    }

    /// Waits a while until what was done has come back, so that what follows finds it. It has been done in any case.
    async fn heard(
        &self,
        mut told: Subscription,
        (session, id): (SessionId, &str),
        is_so: impl Fn(Option<&labels::Model>) -> bool,
    ) -> Result<(), Error> {
        let waiting = async {
            loop {
                let found = db::labels::find(&self.running.db, session, id).await?;
                if is_so(found.as_ref()) {
                    return Ok(());
                }
                match told.next().await {
                    Ok(_) | Err(Missed::Lagged) => {}
                    Err(Missed::Closed) => return Ok(()),
                }
            }
        };
        let heard = tokio::time::timeout(MAX_WAIT, waiting).await;
        heard.unwrap_or(Ok(()))
    }
}

fn label(row: labels::Model) -> Option<Label> {
    let labels::Model {
        id,
        name,
        color,
        deleted,
        ..
    } = row;
    let name = name.filter(|_| !deleted)?;
    Some(Label {
        id,
        name,
        color: color.unwrap_or(0),
    })
}

fn check(name: Option<&str>, color: Option<i32>) -> Result<(), Error> {
    let mut faults = Vec::new();
    if let Some(name) = name
        && (name.trim().is_empty()
            || name.chars().count() > MAX_NAME
            || name.chars().any(char::is_control))
    {
        let detail = format!("is one line of 1 to {MAX_NAME} characters");
        faults.push(Fault::new("/name", detail));
    }
    if color.is_some_and(|color| !(0..=MAX_COLOR).contains(&color)) {
        faults.push(Fault::new("/color", format!("is 0 to {MAX_COLOR}")));
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid {
        code: "validation_failed",
        faults,
    })
}
