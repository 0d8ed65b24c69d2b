//! What WhatsApp is asked and told about channels, and what is posted in them.
//!
//! Called by `service` on a borrowed client, and by [`Client::send`]. Nothing here is encrypted: WhatsApp reads posts.
//! Must never decide who may do what: WhatsApp does, and `service` names its refusals.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entity::ids::SessionId;
use serde_json::{Value, json};
use wacore::{
    iq::mex_operations::{
        create_newsletter, delete_newsletter, fetch_all_newsletters_metadata, fetch_newsletter,
        join_newsletter, leave_newsletter, update_newsletter, update_newsletter_user_setting,
    },
    send::{media_type_from_message, stanza_type_from_message},
};
use wacore_binary::{Jid, Node, Server, builder::NodeBuilder};
use waproto::whatsapp as wa;
use whatsapp_rust::SendError as WaError;

use super::{
    AskError,
    client::{Client, QUESTION},
    convert::{self, Payload},
    handed::{Handed, Waiting},
    send_error::SendError,
};
use crate::domain::channel::{Channel, ChannelChange, ChannelRole, Post};

mod asked;

use asked::{Live, Posts};

fn jid_of(id: &str) -> Jid {
    Jid::new(id, Server::Newsletter)
}

impl Client {
    /// The channels that this account owns or follows.
    pub async fn channels(&self) -> Result<Vec<Channel>, AskError> {
        use fetch_all_newsletters_metadata::{DOC_ID, NAME};
        let data = self.mex((NAME, DOC_ID), &json!({})).await?;
        let found = data["xwa2_newsletter_subscribed"].as_array();
        let found = found.ok_or(AskError::Denied(500))?;
        Ok(found.iter().filter_map(channel).collect())
    }

    /// One channel, whether this account follows it or not.
    pub async fn channel(&self, id: &str) -> Result<Channel, AskError> {
        self.look_up(&jid_of(id).to_string(), "JID").await
    }

    /// The channel behind an invite.
    pub async fn invited_to_channel(&self, code: &str) -> Result<Channel, AskError> {
        self.look_up(code, "INVITE").await
    }

    async fn look_up(&self, key: &str, kind: &str) -> Result<Channel, AskError> {
        use fetch_newsletter::{DOC_ID, NAME};
        let variables = json!({
            "input": { "key": key, "type": kind, "view_role": "GUEST" },
            "fetch_viewer_metadata": true,
            "fetch_full_image": true,
            "fetch_creation_time": true,
        });
        let data = self.mex((NAME, DOC_ID), &variables).await?;
        channel(&data["xwa2_newsletter"]).ok_or(AskError::Denied(404))
    }

    /// Makes a channel.
    pub async fn create_channel(&self, new: ChannelChange) -> Result<Channel, AskError> {
        use create_newsletter::{DOC_ID, NAME};
        let variables = json!({ "input": changes(new) });
        let data = self.mex((NAME, DOC_ID), &variables).await?;
        channel(&data["xwa2_newsletter_create"]).ok_or(AskError::Denied(500))
    }

    /// Changes what a channel shows of itself.
    pub async fn change_channel(&self, id: &str, change: ChannelChange) -> Result<(), AskError> {
        use update_newsletter::{DOC_ID, NAME};
        let id = jid_of(id).to_string();
        let variables = json!({ "newsletter_id": id, "updates": changes(change) });
        self.mex((NAME, DOC_ID), &variables).await.map(drop)
    }

    /// Ends a channel.
    pub async fn delete_channel(&self, id: &str) -> Result<(), AskError> {
        use delete_newsletter::{DOC_ID, NAME};
        let variables = json!({ "newsletter_id": jid_of(id).to_string() });
        self.mex((NAME, DOC_ID), &variables).await.map(drop)
    }

    /// Follows a channel, or no longer.
    pub async fn follow_channel(&self, id: &str, follows: bool) -> Result<(), AskError> {
        let variables = json!({ "newsletter_id": jid_of(id).to_string() });
        let query = if follows {
            (join_newsletter::NAME, join_newsletter::DOC_ID)
        } else {
            (leave_newsletter::NAME, leave_newsletter::DOC_ID)
        };
        self.mex(query, &variables).await.map(drop)
    }

    /// Mutes a channel, or no longer. There is a switch for those who post in it, and one for those who follow it.
    pub async fn mute_channel(
        &self,
        id: &str,
        role: ChannelRole,
        muted: bool,
    ) -> Result<(), AskError> {
        use update_newsletter_user_setting::{DOC_ID, NAME};
        let switch = if role.is_admin() {
            "MUTE_ADMIN_ACTIVITY"
        } else {
            "MUTE_FOLLOWER_ACTIVITY"
        };
        let input = json!({
            "newsletter_id": jid_of(id).to_string(),
            "type": switch,
            "value": if muted { "ON" } else { "OFF" },
        });
        let variables = json!({ "input": input });
        self.mex((NAME, DOC_ID), &variables).await.map(drop)
    }

    /// The last `count` posts before a number, the newest first.
    pub async fn posts(
        &self,
        session: SessionId,
        id: &str,
        (count, before): (u32, Option<u64>),
    ) -> Result<Vec<Post>, AskError> {
        let channel = jid_of(id);
        let question = Posts {
            channel: channel.clone(),
            count,
            before,
        };
        let mut found = self.ask(self.inner.execute(question)).await?;
        found.sort_unstable_by_key(|post| std::cmp::Reverse(post.server_id));
        let own = self.account();
        let posts = found.into_iter();
        Ok(posts
            .filter_map(|post| convert::post(post, &channel, &own, session))
            .collect())
    }

    /// Has the reactions to posts of a channel told as they come; for how many seconds.
    pub async fn watch_channel(&self, id: &str) -> Result<u64, AskError> {
        let channel = jid_of(id);
        self.ask(self.inner.execute(Live { channel })).await
    }

    /// Puts a post or a reaction on the socket under `message_id`.
    pub(super) async fn publish(
        &self,
        to: Jid,
        message_id: &str,
        payload: &Payload,
    ) -> Result<Handed<'_>, SendError> {
        let (handle, message) = payload.decode_post().ok_or(SendError::Unsupported)?;
        if !self.is_ready() {
            return Err(SendError::NotConnected);
        }
        let stanza = stanza(&to, message_id, &message, handle);
        let stanza = stanza.ok_or(SendError::Unsupported)?;
        let waiting = Waiting::on(&self.bridge, message_id);
        match tokio::time::timeout(QUESTION, self.inner.send_node(stanza)).await {
            Ok(Ok(())) => Ok(Handed(waiting)),
            Ok(Err(error)) => Err(WaError::Client(error).into()),
            Err(_) => Err(SendError::TimedOut),
        }
    }
}

/// As WhatsApp Web puts it. The library's own leaves out what WhatsApp calls the file of a post.
fn stanza(
    to: &Jid,
    message_id: &str,
    message: &wa::Message,
    handle: Option<String>,
) -> Option<Node> {
    let mut stanza = NodeBuilder::new("message")
        .attr("to", to)
        .attr("id", message_id);
    if let Some(reaction) = message.reaction_message.as_option() {
        let number = reaction.key.as_option()?.id.as_ref()?;
        let code = reaction.text.as_deref().unwrap_or_default();
        let reaction = NodeBuilder::new("reaction").attr("code", code).build();
        stanza = stanza
            .attr("type", "reaction")
            .attr("server_id", number.as_str());
        return Some(stanza.children([reaction]).build());
    }
    stanza = stanza.attr("type", stanza_type_from_message(message));
    if let Some(handle) = handle {
        stanza = stanza.attr("media_id", handle);
    }
    let mut plaintext = NodeBuilder::new("plaintext");
    if let Some(kind) = media_type_from_message(message) {
        plaintext = plaintext.attr("mediatype", kind);
    }
    let plaintext = plaintext.bytes(waproto::codec::message_to_vec(message));
    Some(stanza.children([plaintext.build()]).build())
}

fn changes(change: ChannelChange) -> Value {
    let mut changes = serde_json::Map::new();
    let picture = change.picture.map(|jpeg| STANDARD.encode(jpeg));
    for (name, value) in [
        ("name", change.name),
        ("description", change.description),
        ("picture", picture),
    ] {
        if let Some(value) = value {
            changes.insert(name.to_owned(), Value::String(value));
        }
    }
    Value::Object(changes)
}

/// Numbers come as texts, words in either case.
fn channel(told: &Value) -> Option<Channel> {
    let id = told["id"].as_str()?;
    let thread = &told["thread_metadata"];
    let viewer = &told["viewer_metadata"];
    let text = |value: &Value| {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let word = |value: &Value| value.as_str().unwrap_or_default().to_ascii_lowercase();
    let state = word(&told["state"]["type"]);
    let role = match word(&viewer["role"]).as_str() {
        "owner" => ChannelRole::Owner,
        "admin" => ChannelRole::Admin,
        "subscriber" => ChannelRole::Follower,
        _ => ChannelRole::Guest,
    };
    let mut switches = viewer["settings"].as_array().into_iter().flatten();
    let is_muted =
        |switch: &Value| word(&switch["type"]).starts_with("mute") && switch["value"] == "ON";
    let muted = word(&viewer["mute"]) == "on" || switches.any(is_muted);
    Some(Channel {
        id: id.to_owned(),
        name: text(&thread["name"]["text"]).unwrap_or_default(),
        description: text(&thread["description"]["text"]),
        picture_id: text(&thread["picture"]["id"]),
        invite: text(&thread["invite"]),
        followers: number(&thread["subscribers_count"]).unwrap_or(0),
        verified: word(&thread["verification"]) == "verified",
        suspended: state.contains("suspended"),
        role,
        muted,
        created_at: number(&thread["creation_time"])
            .and_then(|at| i64::try_from(at).ok())
            .map(|at| crate::domain::clock::rfc3339(at.saturating_mul(1000))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_read_with_numbers_as_texts_and_words_in_either_case() {
        let told = json!({
            "id": "120363000000000001@newsletter",
            "state": {"type": "ACTIVE"},
            "thread_metadata": {
                "name": {"text": "Boats"}, "description": {"text": ""},
                "subscribers_count": "7", "creation_time": "1700000000", "verification": "VERIFIED",
            },
            "viewer_metadata": {
                "role": "SUBSCRIBER",
                "settings": [{"type": "MUTE_FOLLOWER_ACTIVITY", "value": "ON"}],
            },
        });
        let read = channel(&told).unwrap();
        assert_eq!((read.followers, read.role), (7, ChannelRole::Follower));
        assert!(read.muted && read.verified && !read.suspended);
        assert_eq!(read.description, None);
        assert!(channel(&json!({})).is_none());
    }
}
