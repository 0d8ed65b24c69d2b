//! One's own messages for faces that number them, list them by what became of them, and send a failed one again.

use std::time::Duration;

use super::{Messages, NewMessage, Sent, StoredMessage, refused};
use crate::{
    db::{self, messages::Filter},
    domain::{
        address::Address,
        message::{Ack, Content},
        principal::Scope,
    },
    service::{Ctx, Error, numbers, sessions::find},
};

/// What became of one's own message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// WhatsApp has it.
    Sent,
    /// It will not come to WhatsApp any more.
    Failed,
    /// It is on its way.
    UnderWay,
}

impl Outcome {
    /// What `ack` says of an own message.
    pub const fn of(ack: Ack) -> Self {
        match ack {
            Ack::Error => Self::Failed,
            Ack::Pending => Self::UnderWay,
            Ack::Server | Ack::Device | Ack::Read | Ack::Played => Self::Sent,
        }
    }

    fn acks(self) -> std::ops::RangeInclusive<i16> {
        match self {
            Self::Sent => Ack::Server.number()..=Ack::Played.number(),
            Self::Failed => Ack::Error.number()..=Ack::Error.number(),
            Self::UnderWay => Ack::Pending.number()..=Ack::Pending.number(),
        }
    }
}

impl Messages {
    /// The message of this number, as [`numbers::of_message`] gives it.
    pub async fn numbered(
        &self,
        ctx: &Ctx,
        session: &str,
        number: i64,
    ) -> Result<StoredMessage, Error> {
        const NONE: Error = Error::NotFound { what: "message" };
        ctx.require(Scope::MessagesRead)?;
        let row = find(&self.db, ctx, session).await?;
        let at = numbers::millisecond(number).ok_or(NONE)?;
        let mut found = db::messages::in_millisecond(&self.db, row.id, at).await?;
        found.retain(|one| numbers::of_message(one.id) == number);
        if found.len() > 1 {
            let detail = "two messages have this number; name yours by WhatsApp's id";
            return Err(Error::conflict("message_not_clear", detail));
        }
        let mut stored = self.stored(row.id, found).await?;
        stored.pop().ok_or(NONE)
    }

    /// A page of the account's own messages with this outcome, newest first after `skip` of them, and how many there are.
    pub async fn outcomes(
        &self,
        ctx: &Ctx,
        session: &str,
        outcome: Option<Outcome>,
        (skip, limit): (u64, u64),
    ) -> Result<(Vec<StoredMessage>, u64), Error> {
        ctx.require(Scope::MessagesRead)?;
        let row = find(&self.db, ctx, session).await?;
        let filter = Filter {
            from_me: Some(true),
            acks: outcome.map(Outcome::acks),
            ..Filter::default()
        };
        let total = db::messages::count(&self.db, row.id, &filter).await?;
        let rows = db::messages::page_from(&self.db, row.id, &filter, (skip, limit)).await?;
        Ok((self.stored(row.id, rows).await?, total))
    }

    /// Sends what could not be sent anew, as a message of its own.
    pub async fn send_again(
        &self,
        ctx: &Ctx,
        (session, reference): (&str, &str),
        wait: Duration,
    ) -> Result<Sent, Error> {
        ctx.require(Scope::MessagesSend)?;
        let stored = self.get(ctx, session, reference).await?;
        if !stored.message.from_me || stored.ack != Ack::Error {
            let detail = "only a message that failed is sent again";
            return Err(Error::conflict("message_not_failed", detail));
        }
        let message = stored.message;
        if matches!(message.content, Content::NotKept { .. }) {
            let detail = "what it says was not kept: `log_messages` was off";
            return Err(Error::conflict("message_not_kept", detail));
        }
        let to = message.chat.party.id.parse();
        let to: Address =
            to.map_err(|fault| refused("invalid_recipient", "/to", format!("{fault}")))?;
        let context = message.context;
        let mut new = NewMessage::of(to, message.content);
        new.recipients = context.audience();
        let mentioned = context.mentions.iter().map(|one| one.id.parse());
        new.mentions = mentioned.filter_map(Result::ok).collect();
        new.reply_to = context.reply_to.map(|reply| reply.message_id);
        new.link_preview = context.link_preview;
        new.expires_in_s = context.expires_in_s;
        new.view_once = context.view_once;
        new.forwarded = context.forwarded;
        new.wait = wait;
        self.send(ctx, session, new).await
    }
}
