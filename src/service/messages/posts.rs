//! What is different about messages to channels: who may post, and what.

use super::{NewMessage, Target, refused};
use crate::{
    domain::{
        address::Address,
        message::{Content, Context},
    },
    protocol::AskError,
    service::{Error, running::ask_error},
    session::Handle,
};

/// Posts among which one without its number is looked for: all that WhatsApp gives at once.
const LOOKED_AT: u32 = 100;

/// Refuses what is nothing for a channel.
pub(super) fn check(new: &NewMessage) -> Result<(), Error> {
    let is_posted = matches!(
        new.content,
        Content::Text { .. }
            | Content::Image { .. }
            | Content::Video { .. }
            | Content::Audio { .. }
            | Content::Voice { .. }
            | Content::Document { .. }
            | Content::Sticker { .. }
    );
    if !is_posted {
        let detail = "channels take texts and files";
        return Err(refused("kind_not_for_channels", "/type", detail));
    }
    for (is_given, pointer) in [
        (new.reply_to.is_some(), "/reply_to"),
        (!new.mentions.is_empty(), "/mentions"),
        (new.view_once, "/view_once"),
        (new.expires_in_s.is_some(), "/expires_in_s"),
    ] {
        if is_given {
            return Err(refused(
                "not_for_channels",
                pointer,
                "channels do not have this",
            ));
        }
    }
    Ok(())
}

/// WhatsApp would refuse the post of anybody else, after it was stored. One who is cut off for now is not asked.
pub(super) async fn require_admin(handle: &Handle, channel: &str) -> Result<(), Error> {
    let Some(client) = handle.client() else {
        return Ok(());
    };
    match client.channel(channel).await {
        Ok(found) if found.role.is_admin() => Ok(()),
        Ok(_) => Err(Error::Denied {
            code: "not_channel_admin",
            detail: "only those who run the channel post in it".to_owned(),
        }),
        Err(AskError::Denied(404)) => Err(Error::NotFound { what: "channel" }),
        Err(error) => Err(ask_error(error)),
    }
}

impl Target {
    /// Sees to it that a post has its number: an own one is told none when it is sent.
    pub(super) async fn number(&mut self) -> Result<(), Error> {
        let Context { server_id, .. } = &mut self.message.context;
        if server_id.is_some() {
            return Ok(());
        }
        let unknown = || Error::conflict("post_not_found", "the channel has no such post any more");
        let Ok(Address::Newsletter(channel)) = self.message.chat.party.id.parse() else {
            return Err(unknown());
        };
        let client = crate::service::running::connected(Some(&self.handle))?;
        let posts = client.posts(self.handle.session, &channel, (LOOKED_AT, None));
        let posts = posts.await.map_err(ask_error)?;
        let mut posts = posts.into_iter().map(|post| post.message);
        let found = posts.find(|post| post.message_id == self.message.message_id);
        *server_id = found.and_then(|post| post.context.server_id);
        server_id.map(drop).ok_or_else(unknown)
    }
}
