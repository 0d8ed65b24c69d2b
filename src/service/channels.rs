//! The verbs of channels.
//!
//! Owns what may be asked, and in which order: who may not do something is refused before anything is sent. `http` and the
//! dialects call it.

use std::{collections::HashMap, sync::Arc};

use super::{
    Ctx, Error, Fault,
    picture::check_picture,
    running::{Found, Running, address, ask_error, invalid_address},
    sessions::Sessions,
};
use crate::{
    db,
    domain::{
        address::{Address, ChatKind},
        channel::{Channel, ChannelChange, ChannelRole, Post},
        history::{Past, PastChat, PastMessage},
        message::{Ack, Message},
        principal::Scope,
    },
    protocol::{AskError, Client},
};

mod check;

pub use check::ChannelPatch;
use check::{check_new, invite_code};

/// Posts of one answer: WhatsApp gives no more at once.
pub const MAX_POSTS: u32 = 100;

/// The verbs. Clones share everything.
#[derive(Debug, Clone)]
pub struct Channels {
    running: Running,
}

impl Channels {
    /// Verbs over the same sessions.
    pub fn new(sessions: &Sessions) -> Self {
        let running = sessions.finder();
        Self { running }
    }

    async fn reading(&self, ctx: &Ctx, session: &str) -> Result<Found, Error> {
        self.running.find(ctx, Scope::MessagesRead, session).await
    }

    async fn writing(&self, ctx: &Ctx, session: &str) -> Result<Found, Error> {
        self.running.find(ctx, Scope::MessagesSend, session).await
    }

    /// The channels that the account owns or follows, by id.
    pub async fn list(&self, ctx: &Ctx, session: &str) -> Result<Vec<Channel>, Error> {
        let found = self.reading(ctx, session).await?;
        let mut channels = found.client()?.channels().await.map_err(ask_error)?;
        channels.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Ok(channels)
    }

    /// One channel, followed or not.
    pub async fn get(&self, ctx: &Ctx, session: &str, id: &str) -> Result<Channel, Error> {
        let found = self.reading(ctx, session).await?;
        let id = channel_id(id)?;
        let client = found.client()?;
        show(&client, &id).await
    }

    /// The channel behind an invite.
    pub async fn preview(&self, ctx: &Ctx, session: &str, invite: &str) -> Result<Channel, Error> {
        let found = self.reading(ctx, session).await?;
        let code = invite_code("/code", invite)?;
        let client = found.client()?;
        match client.invited_to_channel(code).await {
            Err(AskError::Denied(400 | 404 | 406 | 410)) => Err(Error::NotFound { what: "invite" }),
            shown => shown.map_err(ask_error),
        }
    }

    /// Makes a channel.
    pub async fn create(
        &self,
        ctx: &Ctx,
        session: &str,
        name: String,
        description: Option<String>,
    ) -> Result<Channel, Error> {
        let found = self.writing(ctx, session).await?;
        let new = check_new(name, description)?;
        let client = found.client()?;
        client.create_channel(new).await.map_err(ask_error)
    }

    /// Changes name and description.
    pub async fn update(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
        patch: ChannelPatch,
    ) -> Result<Channel, Error> {
        let found = self.writing(ctx, session).await?;
        let id = channel_id(id)?;
        let change = patch.change()?;
        let client = found.client()?;
        require(&client, &id, ChannelRole::is_admin, NOT_ADMIN).await?;
        if change != ChannelChange::default() {
            let changing = client.change_channel(&id, change);
            changing.await.map_err(channel_error)?;
        }
        show(&client, &id).await
    }

    /// Changes the picture, a JPEG; none removes it.
    pub async fn set_picture(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
        jpeg: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        let found = self.writing(ctx, session).await?;
        let id = channel_id(id)?;
        let picture = match jpeg {
            Some(jpeg) => check_picture("/base64", jpeg).await?,
            None => Vec::new(),
        };
        let client = found.client()?;
        require(&client, &id, ChannelRole::is_admin, NOT_ADMIN).await?;
        let change = ChannelChange {
            picture: Some(picture),
            ..ChannelChange::default()
        };
        let changing = client.change_channel(&id, change);
        changing.await.map_err(channel_error)
    }

    /// Ends a channel of one's own.
    pub async fn delete(&self, ctx: &Ctx, session: &str, id: &str) -> Result<(), Error> {
        let found = self.writing(ctx, session).await?;
        let id = channel_id(id)?;
        let client = found.client()?;
        require(&client, &id, |role| role == ChannelRole::Owner, NOT_OWNER).await?;
        client.delete_channel(&id).await.map_err(channel_error)
    }

    /// Follows a channel; whoever follows already goes on following.
    pub async fn follow(&self, ctx: &Ctx, session: &str, id: &str) -> Result<Channel, Error> {
        let found = self.writing(ctx, session).await?;
        let id = channel_id(id)?;
        let client = found.client()?;
        let channel = show(&client, &id).await?;
        refuse_own(&channel)?;
        if channel.role == ChannelRole::Follower {
            return Ok(channel);
        }
        let following = client.follow_channel(&id, true);
        following.await.map_err(channel_error)?;
        show(&client, &id).await
    }

    /// Follows a channel no longer.
    pub async fn unfollow(&self, ctx: &Ctx, session: &str, id: &str) -> Result<(), Error> {
        let found = self.writing(ctx, session).await?;
        let id = channel_id(id)?;
        let client = found.client()?;
        let channel = show(&client, &id).await?;
        refuse_own(&channel)?;
        require_followed(&channel)?;
        let leaving = client.follow_channel(&id, false);
        leaving.await.map_err(channel_error)
    }

    /// Mutes a channel that is owned or followed, or no longer.
    pub async fn set_muted(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
        muted: bool,
    ) -> Result<(), Error> {
        let found = self.writing(ctx, session).await?;
        let id = channel_id(id)?;
        let client = found.client()?;
        let channel = show(&client, &id).await?;
        require_followed(&channel)?;
        let muting = client.mute_channel(&id, channel.role, muted);
        muting.await.map_err(channel_error)
    }

    /// Has the reactions to posts told as they come; for how many seconds.
    pub async fn watch(&self, ctx: &Ctx, session: &str, id: &str) -> Result<u64, Error> {
        let found = self.writing(ctx, session).await?;
        let id = channel_id(id)?;
        let client = found.client()?;
        client.watch_channel(&id).await.map_err(channel_error)
    }

    /// The posts before a number, the newest first. They are stored, so that their files can be read.
    pub async fn posts(
        &self,
        ctx: &Ctx,
        session: &str,
        id: &str,
        (limit, before): (u32, Option<u64>),
    ) -> Result<Vec<Post>, Error> {
        let found = self.reading(ctx, session).await?;
        let id = channel_id(id)?;
        let client = found.client()?;
        let asked = client.posts(found.id, &id, (limit.min(MAX_POSTS), before));
        let mut posts = asked.await.map_err(channel_error)?;
        let (Some(first), Some(handle)) = (posts.first(), &found.handle) else {
            return Ok(posts);
        };
        let past = Past {
            chat: PastChat {
                chat: first.message.chat.clone(),
                name: None,
                archived: false,
                pinned: false,
                muted_until: None,
                ephemeral_s: None,
                marked_unread: false,
            },
            messages: posts.iter().rev().map(seen).collect(),
        };
        let stored = handle.journal.record_past(past).await;
        stored.map_err(Error::internal)?;
        // One that was here before has its file under another id.
        let ids: Vec<&str> = posts.iter().map(|post| &*post.message.message_id).collect();
        let rows = db::messages::with_ids(&self.running.db, found.id, &ids).await?;
        let mut known = HashMap::with_capacity(rows.len());
        for row in rows {
            let message: Message = serde_json::from_str(&row.body).map_err(Error::internal)?;
            if message.chat.kind == ChatKind::Newsletter {
                known.insert(message.message_id.clone(), message);
            }
        }
        for post in &mut posts {
            if let Some(message) = known.remove(&post.message.message_id) {
                let number = post.message.context.server_id;
                post.message = message;
                post.message.context.server_id = number;
            }
        }
        Ok(posts)
    }
}

/// Nobody has to be told that a post of the past was read.
fn seen(post: &Post) -> PastMessage {
    PastMessage {
        message: post.message.clone(),
        ack: if post.message.from_me {
            Ack::Server
        } else {
            Ack::Read
        },
    }
}

/// The part of a channel's address before the `@`.
fn channel_id(text: &str) -> Result<String, Error> {
    match address("/channel", text)? {
        Address::Newsletter(id) => Ok(id),
        _ => Err(invalid_address(
            "/channel",
            "this is not the address of a channel",
        )),
    }
}

async fn show(client: &Client, id: &str) -> Result<Channel, Error> {
    client.channel(id).await.map_err(channel_error)
}

type Refusal = (&'static str, &'static str);

const NOT_ADMIN: Refusal = (
    "not_channel_admin",
    "only those who run the channel may do this",
);
const NOT_OWNER: Refusal = (
    "not_channel_owner",
    "only whoever made the channel may do this",
);

async fn require(
    client: &Arc<Client>,
    id: &str,
    may: impl Fn(ChannelRole) -> bool,
    (code, detail): Refusal,
) -> Result<(), Error> {
    let channel = show(client, id).await?;
    if may(channel.role) {
        return Ok(());
    }
    let detail = detail.to_owned();
    Err(Error::Denied { code, detail })
}

fn refuse_own(channel: &Channel) -> Result<(), Error> {
    if channel.role.is_admin() {
        let detail = "whoever runs a channel does not follow it";
        return Err(Error::conflict("is_channel_admin", detail));
    }
    Ok(())
}

fn require_followed(channel: &Channel) -> Result<(), Error> {
    if channel.role == ChannelRole::Guest {
        let detail = "this account does not follow the channel";
        return Err(Error::conflict("channel_not_followed", detail));
    }
    Ok(())
}

fn channel_error(error: AskError) -> Error {
    match error {
        AskError::Denied(404) => Error::NotFound { what: "channel" },
        AskError::Denied(401 | 403) => {
            let (code, detail) = NOT_ADMIN;
            let detail = detail.to_owned();
            Error::Denied { code, detail }
        }
        other => ask_error(other),
    }
}

fn invalid(code: &'static str, pointer: &str, detail: String) -> Error {
    let faults = vec![Fault::new(pointer, detail)];
    Error::Invalid { code, faults }
}
