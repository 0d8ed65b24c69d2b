//! The verbs about a message that is there: react, edit, delete, vote, forward; what marks one is in [`marks`].
//!
//! They are messages of their own: stored first, sent whatever happens, acked. What they change is shown
//! with the message once the server has them.

use std::{sync::Arc, time::Duration};

use entity::ids::MessageRowId;

use super::{Messages, NewMessage, Sent, Target, able, check_caption, check_text, refused};
use crate::{
    db,
    domain::{
        address::{Address, ChatKind, Party},
        clock::{from_rfc3339, rfc3339},
        message::{Ack, Content, Context, Edit, Message, Reaction, Revoke, Text, Vote},
        principal::Scope,
    },
    protocol::{Client, Writer, compose_about, message_id},
    service::{Ctx, Error, running::connected},
    session::Outgoing,
};

mod marks;

/// How long after it was written a message can be edited: WhatsApp's own time.
const EDIT_MS: i64 = 15 * 60 * 1000;
/// How long after it was written a message can be deleted for everybody: two days and a half.
const REVOKE_MS: i64 = 60 * 60 * 60 * 1000;
/// The longest emoji is a family of several people with the tones of their skins.
const MAX_EMOJI: usize = 32;

/// What a message is to say instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wording {
    /// A text.
    Text(Text),
    /// What is written below a file; empty takes it away.
    Caption(String),
}

impl Messages {
    /// Reacts to a message; an empty emoji takes the reaction back.
    pub async fn react(
        &self,
        ctx: &Ctx,
        (session, reference): (&str, &str),
        emoji: String,
        wait: Duration,
    ) -> Result<Sent, Error> {
        check_emoji(&emoji)?;
        let mut target = self.any_target(ctx, session, reference).await?;
        match target.message.chat.kind {
            ChatKind::Newsletter => target.number().await?,
            ChatKind::Status if target.message.from_me => {
                let detail = "one does not react to one's own status";
                return Err(Error::conflict("own_message", detail));
            }
            _ => {}
        }
        let message_id = target.message.message_id.clone();
        let reaction = Reaction { message_id, emoji };
        self.write_about(target, Content::Reaction { reaction }, wait)
            .await
    }

    /// Gives an own text, or what stands below an own file, another wording.
    pub async fn edit(
        &self,
        ctx: &Ctx,
        (session, reference): (&str, &str),
        wording: Wording,
        wait: Duration,
    ) -> Result<Sent, Error> {
        match &wording {
            Wording::Text(text) => check_text(&text.body)?,
            Wording::Caption(caption) => check_caption(Some(caption), "/caption")?,
        }
        let mut target = self.target(ctx, session, reference).await?;
        target.require_words()?;
        if !target.message.from_me {
            return Err(Error::conflict(
                "not_own_message",
                "only one's own can be edited",
            ));
        }
        let has_caption = target.message.content.caption_mut().is_some();
        let fits = match wording {
            Wording::Text(_) => matches!(target.message.content, Content::Text { .. }),
            Wording::Caption(_) => has_caption,
        };
        if !fits {
            return Err(match wording {
                Wording::Text(_) if has_caption => {
                    Error::conflict("not_a_text", "of a file the caption is edited")
                }
                Wording::Text(_) => {
                    Error::conflict("not_a_text", "only a text has another wording")
                }
                Wording::Caption(_) => {
                    let detail = "pictures, films and documents have a caption";
                    Error::conflict("no_caption", detail)
                }
            });
        }
        if target.message.context.view_once {
            let detail = "what can be opened once is not edited";
            return Err(Error::conflict("view_once_not_edited", detail));
        }
        if self.age(&target.message) > EDIT_MS {
            let detail = "WhatsApp takes edits for 15 minutes";
            return Err(Error::conflict("edit_window_closed", detail));
        }
        let message_id = target.message.message_id.clone();
        let edit = match wording {
            Wording::Text(text) => Edit::of_text(message_id, text),
            Wording::Caption(caption) => Edit::of_caption(message_id, caption),
        };
        self.write_about(target, Content::Edit { edit }, wait).await
    }

    /// Deletes a message for everybody: one's own, or as an admin one of the group's.
    pub async fn revoke(
        &self,
        ctx: &Ctx,
        (session, reference): (&str, &str),
        wait: Duration,
    ) -> Result<Sent, Error> {
        let target = self.any_target(ctx, session, reference).await?;
        match target.message.chat.kind {
            ChatKind::Status => target.require_audience()?,
            ChatKind::Newsletter => return Err(not_for_channels()),
            _ => {}
        }
        let message = &target.message;
        if !message.from_me && message.chat.kind != ChatKind::Group {
            let detail = "only one's own can be deleted for everybody";
            return Err(Error::conflict("not_own_message", detail));
        }
        if self.age(message) > REVOKE_MS {
            let detail = "WhatsApp deletes messages for everybody for 60 hours";
            return Err(Error::conflict("revoke_window_closed", detail));
        }
        if !message.from_me {
            self.require_admin(&target).await?;
        }
        let message_id = message.message_id.clone();
        let revoke = Revoke { message_id };
        self.write_about(target, Content::Revoke { revoke }, wait)
            .await
    }

    /// Chooses in a poll; no option takes the choice back.
    pub async fn vote(
        &self,
        ctx: &Ctx,
        (session, reference): (&str, &str),
        options: Vec<String>,
        wait: Duration,
    ) -> Result<Sent, Error> {
        let target = self.target(ctx, session, reference).await?;
        target.require_words()?;
        let Content::Poll { poll } = &target.message.content else {
            return Err(Error::conflict("not_a_poll", "one votes in polls only"));
        };
        for (index, option) in options.iter().enumerate() {
            let pointer = format!("/options/{index}");
            if !poll.options.contains(option) {
                let detail = "the poll has no such option";
                return Err(refused("vote_option_unknown", pointer, detail));
            }
            if options[..index].contains(option) {
                return Err(refused("vote_option_twice", pointer, "stands there twice"));
            }
        }
        if options.len() > 1 && !poll.multi {
            let detail = "this poll takes one option";
            return Err(refused("vote_is_single", "/options", detail));
        }
        let message_id = target.message.message_id.clone();
        let vote = Vote {
            message_id,
            options: Some(options),
        };
        self.write_about(target, Content::Vote { vote }, wait).await
    }

    /// Hands a message on to another chat.
    pub async fn forward(
        &self,
        ctx: &Ctx,
        (session, reference): (&str, &str),
        to: Address,
        wait: Duration,
    ) -> Result<Sent, Error> {
        let target = self.any_target(ctx, session, reference).await?;
        target.require_words()?;
        if target.message.context.view_once {
            let detail = "what can be opened once cannot be handed on";
            return Err(Error::conflict("view_once_not_forwarded", detail));
        }
        let mut new = NewMessage::of(to, target.message.content);
        new.link_preview = target.message.context.link_preview;
        new.forwarded = true;
        new.wait = wait;
        self.send(ctx, session, new).await
    }

    /// The same for what can be done neither to a post of a channel nor to a status.
    async fn target(&self, ctx: &Ctx, session: &str, reference: &str) -> Result<Target, Error> {
        let target = self.any_target(ctx, session, reference).await?;
        match target.message.chat.kind {
            ChatKind::Newsletter => Err(not_for_channels()),
            ChatKind::Status => Err(not_for_status()),
            _ => Ok(target),
        }
    }

    /// A message of one of the caller's sessions that something can be written about.
    async fn any_target(&self, ctx: &Ctx, session: &str, reference: &str) -> Result<Target, Error> {
        let session = self.running.find(ctx, Scope::MessagesSend, session).await?;
        let found = db::messages::find(&self.db, session.id, reference).await?;
        let not_found = || Error::NotFound { what: "message" };
        let row = found.ok_or_else(not_found)?;
        let stored = self.stored(session.id, vec![row]).await?;
        let stored = stored.into_iter().next().ok_or_else(not_found)?;
        if stored.message.content.target().is_some() {
            return Err(not_found());
        }
        if stored.ack == Ack::Error {
            let detail = "the message was never sent";
            return Err(Error::conflict("message_failed", detail));
        }
        if stored.became.deleted.is_some() {
            return Err(Error::conflict(
                "message_deleted",
                "the message was deleted",
            ));
        }
        Ok(Target {
            id: stored.id,
            message: stored.message,
            handle: able(session.handle)?,
            turn: ctx.turn.clone(),
        })
    }

    async fn write_about(
        &self,
        target: Target,
        content: Content,
        wait: Duration,
    ) -> Result<Sent, Error> {
        let Target {
            id,
            message,
            handle,
            turn,
        } = target;
        let to = message.chat.party.id.parse().map_err(Error::internal)?;
        let now = self.clock.now_ms();
        let account = handle.snapshot().account;
        let own = Party::person(account.phone, account.lid);
        let secrets = match content {
            Content::Vote { .. } => {
                db::message_secrets::of(&self.db, handle.session, &[id]).await?
            }
            _ => Vec::new(),
        };
        let row_id = id.0.as_bytes();
        let open = |sealed: &Vec<u8>| {
            let keys = &handle.keys;
            keys.open(db::message_secrets::TABLE, row_id, sealed)
        };
        let secret = secrets.first().and_then(|row| open(&row.secret).ok());
        let file = match content {
            Content::Edit { .. } => self.media.reference(&handle, &message.content).await?,
            _ => None,
        };
        let writer = Writer {
            file: file.as_ref(),
            own: &own,
            now_ms: now,
            secret: secret.as_ref().map(|plain| plain.as_slice()),
        };
        let payload = compose_about(&content, &message, writer)
            .ok_or_else(|| Error::conflict("secret_unknown", "the poll came without its secret"))?;
        let outgoing = Outgoing {
            id: MessageRowId::new(),
            to,
            message: Message {
                message_id: message_id(),
                chat: message.chat,
                sender: own,
                from_me: true,
                push_name: account.push_name,
                timestamp: rfc3339(now),
                content,
                context: Context {
                    // What is written about a status goes to those who got it.
                    recipients: message.context.recipients,
                    ..Context::default()
                },
                private: None,
            },
            payload: Some(payload.clone()),
            sent_at: now,
        };
        self.let_out((&turn, &handle), outgoing, payload, wait)
            .await
    }

    fn age(&self, message: &Message) -> i64 {
        let written = from_rfc3339(&message.timestamp).unwrap_or_default();
        self.clock.now_ms() - written
    }

    /// WhatsApp would drop the deletion of somebody who may not without a word.
    async fn require_admin(&self, target: &Target) -> Result<(), Error> {
        let client = target.client()?;
        let group = target.message.chat.party.id.parse();
        let group = group.map_err(Error::internal)?;
        let is_admin = client.is_admin(&group).await.map_err(super::send_error)?;
        if is_admin {
            return Ok(());
        }
        let detail = "only an admin can delete what others wrote";
        Err(Error::conflict("not_an_admin", detail))
    }
}

impl Target {
    /// Refuses what cannot be done without knowing what the message says.
    fn require_words(&self) -> Result<(), Error> {
        if matches!(self.message.content, Content::NotKept { .. }) {
            let detail = "what it says was not kept: `log_messages` was off";
            return Err(Error::conflict("message_not_kept", detail));
        }
        Ok(())
    }

    /// For what is of no use later.
    fn client(&self) -> Result<Arc<Client>, Error> {
        connected(Some(&self.handle))
    }
}

fn not_for_channels() -> Error {
    let detail = "posts of channels can be reacted to and forwarded, no more";
    Error::conflict("not_for_channels", detail)
}

fn not_for_status() -> Error {
    let detail = "a status can be read, reacted to, answered, forwarded and taken back, no more";
    Error::conflict("not_for_status", detail)
}

fn check_emoji(emoji: &str) -> Result<(), Error> {
    if emoji.is_empty() {
        return Ok(());
    }
    let is_emoji = emoji.len() <= MAX_EMOJI * 4
        && emoji.chars().count() <= MAX_EMOJI
        && !emoji.is_ascii()
        && !emoji
            .chars()
            .any(|one| one.is_control() || one.is_whitespace() || one.is_ascii_alphabetic());
    if is_emoji {
        Ok(())
    } else {
        let detail = "must be one emoji, or empty to take the reaction back";
        Err(refused("invalid_emoji", "/emoji", detail))
    }
}
