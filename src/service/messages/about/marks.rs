//! What marks a message: pinned, kept, read, starred.
//!
//! The first two are messages of their own, for everybody; the others change nothing of what is shown to others.

use std::time::Duration;

use super::{Messages, Sent, not_for_channels, refused};
use crate::{
    domain::{
        address::ChatKind,
        message::{Content, Keep, Pin},
    },
    service::{Ctx, Error, messages::send_error},
};

/// How long a message can be pinned: a day, a week, 30 days.
const PINS: [u32; 3] = [86_400, PIN_DEFAULT_S, 2_592_000];
const PIN_DEFAULT_S: u32 = 604_800;

impl Messages {
    /// Puts a message at the top of its chat for everybody, or takes it away from there.
    pub async fn pin(
        &self,
        ctx: &Ctx,
        (session, reference): (&str, &str),
        pinned: bool,
        expires_in_s: Option<u32>,
        wait: Duration,
    ) -> Result<Sent, Error> {
        let seconds = expires_in_s.unwrap_or(PIN_DEFAULT_S);
        if !PINS.contains(&seconds) {
            let detail = format!("WhatsApp offers {PINS:?} seconds");
            return Err(refused("expiry_not_offered", "/expires_in_s", detail));
        }
        let target = self.target(ctx, session, reference).await?;
        let pin = Pin {
            message_id: target.message.message_id.clone(),
            pinned,
            expires_in_s: pinned.then_some(seconds),
        };
        self.write_about(target, Content::Pin { pin }, wait).await
    }

    /// Keeps a message that would disappear, for everybody, or lets it go.
    pub async fn keep(
        &self,
        ctx: &Ctx,
        (session, reference): (&str, &str),
        kept: bool,
        wait: Duration,
    ) -> Result<Sent, Error> {
        let target = self.target(ctx, session, reference).await?;
        if target.message.context.expires_in_s.is_none() {
            let detail = "only what would disappear is kept";
            return Err(Error::conflict("message_does_not_expire", detail));
        }
        let message_id = target.message.message_id.clone();
        let keep = Keep { message_id, kept };
        self.write_about(target, Content::Keep { keep }, wait).await
    }

    /// Tells whoever wrote a message that it was read.
    pub async fn read(&self, ctx: &Ctx, session: &str, reference: &str) -> Result<(), Error> {
        let target = self.any_target(ctx, session, reference).await?;
        if target.message.chat.kind == ChatKind::Newsletter {
            return Err(not_for_channels());
        }
        if target.message.from_me {
            return Err(Error::conflict(
                "own_message",
                "one's own is not marked as read",
            ));
        }
        let client = target.client()?;
        let read = client.mark_as_read(&target.message).await;
        read.map_err(send_error)?;
        let ids = vec![target.message.message_id];
        let noted = target.handle.journal.record_read(ids).await;
        noted.map_err(Error::internal)
    }

    /// Puts a star at a message, for this account alone, or takes it away.
    pub async fn star(
        &self,
        ctx: &Ctx,
        (session, reference): (&str, &str),
        starred: bool,
    ) -> Result<(), Error> {
        let target = self.target(ctx, session, reference).await?;
        let client = target.client()?;
        let star = client.star(&target.message, starred).await;
        star.map_err(send_error)
    }
}
