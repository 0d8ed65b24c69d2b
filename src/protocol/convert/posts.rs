//! Posts of channels. A channel speaks for itself: whoever has posted is not told.

use entity::ids::SessionId;
use wacore::types::message::MessageInfo;
use wacore_binary::Jid;
use waproto::whatsapp as wa;

use super::incoming;
use crate::domain::{
    address::{Chat, ChatKind, Party},
    channel::{Post, ReactionCount},
    clock::rfc3339,
    message::{Attached, Message},
    session::Account,
};

/// A post as a channel gives it.
#[derive(Debug)]
pub(in crate::protocol) struct Posted {
    pub(in crate::protocol) message_id: String,
    pub(in crate::protocol) server_id: u64,
    /// Seconds since 1970.
    pub(in crate::protocol) at_s: i64,
    pub(in crate::protocol) is_own: bool,
    pub(in crate::protocol) views: u64,
    pub(in crate::protocol) reactions: Vec<ReactionCount>,
    pub(in crate::protocol) message: wa::Message,
}

/// The post as a user sees it, or none when there is nothing to see.
pub(in crate::protocol) fn post(
    posted: Posted,
    channel: &Jid,
    own: &Account,
    session: SessionId,
) -> Option<Post> {
    let mut read = incoming::read(&posted.message)?;
    if let Some(media) = read.content.media_mut() {
        media.url = Attached::url(session, media.id);
    }
    read.context.server_id = Some(posted.server_id);
    let party = Party {
        id: channel.to_non_ad_string(),
        phone: None,
        lid: None,
    };
    let message = Message {
        message_id: incoming::id(&posted.message_id)?,
        sender: party.clone(),
        chat: Chat {
            party,
            kind: ChatKind::Newsletter,
        },
        from_me: posted.is_own,
        push_name: own.push_name.clone().filter(|_| posted.is_own),
        timestamp: rfc3339(posted.at_s.checked_mul(1000)?),
        content: read.content,
        context: read.context,
        private: read.private,
    };
    Some(Post {
        message,
        views: posted.views,
        reactions: posted.reactions,
    })
}

/// The number of an incoming post in its channel.
pub(super) fn number(info: &MessageInfo) -> Option<u64> {
    let number = u64::try_from(info.server_id).ok();
    number.filter(|number| *number > 0)
}
