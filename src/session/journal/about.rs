//! What incoming messages that are about others are about: reactions, edits, deletions, votes and answers.
//!
//! Asked for only when such a message is among the writes. Owns who may change what: WhatsApp's servers cannot see what a
//! message is about, so each receiver has to judge.

use std::borrow::Cow;

use entity::{
    ids::{MessageRowId, SessionId},
    message_marks,
};
use sea_orm::ConnectionTrait;

use super::{JournalError, Write};
use crate::{
    db,
    domain::{
        address::ChatKind,
        message::{Content, Message, Private},
    },
    protocol::{Sealed, open_response, open_vote},
    seal::SessionKeys,
};

/// The messages that others are about.
#[derive(Debug, Default)]
pub(super) struct Targets(Vec<Target>);

#[derive(Debug)]
struct Target {
    /// Of one that is stored.
    row: Option<MessageRowId>,
    message: Message,
    secret: Option<Vec<u8>>,
}

impl Targets {
    /// Those of the incoming messages of `writes`: from the database, and from the writes themselves.
    pub(super) async fn of(
        db: &impl ConnectionTrait,
        (session, keys): (SessionId, &SessionKeys),
        writes: &[Write],
    ) -> Result<Self, JournalError> {
        let incoming = || {
            writes.iter().flat_map(|write| match write {
                Write::Incoming(batch) => batch.as_slice(),
                _ => &[],
            })
        };
        let ids: Vec<&str> = incoming().filter_map(|one| one.content.target()).collect();
        let mut targets = Self::stored(db, (session, keys), &ids).await?;
        let beside = incoming().filter(|one| ids.contains(&one.message_id.as_str()));
        targets.0.extend(beside.map(|message| Target {
            row: None,
            secret: match message.private.as_deref() {
                Some(Private::Secret(secret)) => Some(secret.clone()),
                _ => None,
            },
            message: message.clone(),
        }));
        Ok(targets)
    }

    /// The stored messages with these ids of WhatsApp's.
    pub(super) async fn stored(
        db: &impl ConnectionTrait,
        (session, keys): (SessionId, &SessionKeys),
        ids: &[&str],
    ) -> Result<Self, JournalError> {
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let rows = db::messages::with_ids(db, session, ids).await?;
        let asks = |kind: &str| kind == "poll" || kind == "event";
        let asking = rows.iter().filter(|row| asks(&row.kind));
        let asking: Vec<MessageRowId> = asking.map(|row| row.id).collect();
        let mut secrets = if asking.is_empty() {
            Vec::new()
        } else {
            db::message_secrets::of(db, session, &asking).await?
        };
        let mut targets = Vec::new();
        for row in rows {
            let secret = secrets.iter().position(|secret| secret.id == row.id);
            let secret = secret.map(|index| secrets.swap_remove(index).secret);
            // What does not open leaves a vote that cannot be read: no reason to lose the vote, or what comes after it.
            let open = |sealed: Vec<u8>| {
                let opened = keys.open(db::message_secrets::TABLE, row.id.0.as_bytes(), &sealed);
                opened.ok().map(|plain| plain.to_vec())
            };
            targets.push(Target {
                row: Some(row.id),
                message: serde_json::from_str(&row.body)?,
                secret: secret.and_then(open),
            });
        }
        Ok(Self(targets))
    }

    /// The rows of the stored messages that `message` is about.
    pub(super) fn rows(&self, message: &Message) -> impl Iterator<Item = (MessageRowId, &Content)> {
        let about = self.0.iter().filter(|target| {
            message.content.target() == Some(&target.message.message_id)
                && target.message.chat.party.is(&message.chat.party)
        });
        about.filter_map(|target| Some((target.row?, &target.message.content)))
    }

    /// The message as it is told; none if whoever wrote it may not do that.
    pub(super) fn judge<'a>(&self, message: &'a Message) -> Option<Cow<'a, Message>> {
        let Some(id) = message.content.target() else {
            return Some(Cow::Borrowed(message));
        };
        let targets = self.0.iter().filter(|target| {
            target.message.message_id == id && target.message.chat.party.is(&message.chat.party)
        });
        let targets: Vec<&Target> = targets.collect();
        let is_own = targets
            .iter()
            .any(|target| target.message.sender.is(&message.sender));
        let may = match &message.content {
            Content::Edit { .. } => is_own || targets.is_empty(),
            Content::Revoke { .. } => is_own || targets.is_empty() || by_admin(message),
            _ => true,
        };
        may.then(|| opened(message, &targets))
    }
}

/// Whether WhatsApp's server has let an admin of the group do it.
fn by_admin(message: &Message) -> bool {
    message.chat.kind == ChatKind::Group
        && matches!(message.private.as_deref(), Some(Private::ByAdmin))
}

/// The message with what was encrypted in it.
fn opened<'a>(message: &'a Message, targets: &[&Target]) -> Cow<'a, Message> {
    let Some(Private::Sealed { payload, iv }) = message.private.as_deref() else {
        return Cow::Borrowed(message);
    };
    let sealed = Sealed {
        payload,
        iv,
        sender: &message.sender,
    };
    let content = targets.iter().find_map(|target| {
        let secret = target.secret.as_deref()?;
        match (&message.content, &target.message.content) {
            (Content::Vote { vote }, Content::Poll { poll }) => {
                let mut vote = vote.clone();
                vote.options = Some(open_vote(sealed, &target.message, poll, secret)?);
                Some(Content::Vote { vote })
            }
            (Content::Response { response }, Content::Event { .. }) => {
                let mut response = response.clone();
                let (answer, guests) = open_response(sealed, &target.message, secret)?;
                response.answer = Some(answer);
                response.extra_guests = guests;
                Some(Content::Response { response })
            }
            _ => None,
        }
    });
    match content {
        Some(content) => Cow::Owned(Message {
            content,
            private: None,
            ..message.clone()
        }),
        None => Cow::Borrowed(message),
    }
}

/// The row that shows `message` with the one that it is about; `data` is the message as JSON. None for what is about none, or
/// says nothing any more.
pub(super) fn mark(
    session: SessionId,
    message: &Message,
    data: String,
    now: i64,
) -> Option<message_marks::Model> {
    if matches!(message.content, Content::NotKept { .. }) {
        return None;
    }
    Some(message_marks::Model {
        session_id: session,
        target: message.content.target()?.to_owned(),
        chat: message.chat.party.id.clone(),
        kind: message.content.kind().to_owned(),
        sender: message.sender.id.clone(),
        body: data,
        created_at: now,
    })
}
