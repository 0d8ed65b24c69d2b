//! Messages whose key is used up and which nobody has: their sender is asked for them again.
//!
//! The library writes its ratchets some milliseconds later, all at once, and with them those of messages that it has
//! decrypted and not handed over yet. A process that is killed right then has lost such a message: WhatsApp sends it
//! again, it passes for one that was seen, and the library confirms it. It looks for a copy in the store first, though.
//! Must never wait for WhatsApp there: the library holds the chat meanwhile. Called by the store alone.

use std::sync::{Arc, Weak};

use entity::ids::SessionId;
use wacore_binary::{JidExt as _, Node, Server, builder::NodeBuilder};
use whatsapp_rust::{Client, Jid, features::RetryRequestOptions};

use super::{Inbox, convert};
use crate::lifecycle::Tasks;

/// Looks after the messages of one client.
pub(super) struct Lost {
    pub(super) session: SessionId,
    pub(super) client: Weak<Client>,
    pub(super) inbox: Arc<dyn Inbox>,
    pub(super) tasks: Tasks,
}

impl std::fmt::Debug for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lost").finish_non_exhaustive()
    }
}

impl Lost {
    /// A message that cannot be decrypted twice has come again, and the store has no copy of it.
    ///
    /// What is not kept as a message (a key, a setting) is asked for needlessly, and taken once more. In doubt it is
    /// asked for.
    pub(super) async fn look(&self, chat: &str, sender: &str, id: &str) {
        let (Ok(chat), Ok(sender)) = (chat.parse::<Jid>(), sender.parse()) else {
            return;
        };
        let Some(kind) = convert::kind(chat.server) else {
            return;
        };
        if matches!(self.inbox.has(kind, id).await, Ok(true)) {
            return;
        }
        let Some(client) = self.client.upgrade() else {
            return;
        };
        let stanza = stanza(chat, sender, id);
        let session = self.session;
        self.tasks.spawn("client.lost", async move {
            let options = RetryRequestOptions::new();
            let stanza = stanza.as_node_ref();
            match client.request_message_retry(&stanza, options).await {
                Ok(_) => tracing::info!(session.id = %session, "a message that was decrypted and not kept is asked for again"),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(session.id = %session, error, "a message that was decrypted and not kept could not be asked for again");
                }
            }
        });
    }
}

/// What the message came in, as far as it takes to ask for it.
fn stanza(chat: Jid, sender: Jid, id: &str) -> Node {
    let stanza = NodeBuilder::new("message").attr("id", id);
    let stanza = if chat.is_group() || chat.server == Server::Broadcast {
        stanza.attr("from", chat).attr("participant", sender)
    } else if chat.is_same_user_as(&sender) {
        stanza.attr("from", sender)
    } else {
        // Another device of the account has written it.
        stanza.attr("from", sender).attr("recipient", chat)
    };
    stanza.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(chat: &str, sender: &str) -> Vec<(String, String)> {
        let stanza = stanza(chat.parse().unwrap(), sender.parse().unwrap(), "1");
        let attrs = stanza.attrs.iter();
        let attrs = attrs.map(|(key, value)| (key.to_string(), value.to_string()));
        let mut attrs: Vec<_> = attrs.filter(|(key, _)| key != "id").collect();
        attrs.sort();
        attrs
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        of.iter().map(owned).collect()
    }

    #[test]
    fn it_is_asked_of_whoever_wrote_it_where_it_was_written() {
        assert_eq!(
            attributes("7@lid", "7:3@lid"),
            pairs(&[("from", "7:3@lid")])
        );
        assert_eq!(
            attributes("7@lid", "1@lid"),
            pairs(&[("from", "1@lid"), ("recipient", "7@lid")])
        );
        assert_eq!(
            attributes("9@g.us", "7:3@lid"),
            pairs(&[("from", "9@g.us"), ("participant", "7:3@lid")])
        );
    }
}
