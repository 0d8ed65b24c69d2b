//! What a client hears of others: from the library's events to ours.
//!
//! Owns the list of what is worth telling. The numbers that belong together are looked up here, off the bus's thread.
//! The session actor calls it.

use std::sync::Arc;

use wacore::types::{
    call::CallAction,
    events::{Event as WaEvent, EventKind},
    presence::{ChatPresence, ChatPresenceMedia},
};
use wacore_binary::{Jid, Server};

use super::client::Client;
use crate::domain::{
    address::{Chat, ChatKind},
    channel::{ChannelReactionsData, PostReactions, ReactionCount},
    clock::rfc3339,
    event::{
        CallData, CallStatus, ChatChanges, ChatLabel, ChatUpdateData, ContactChanges,
        ContactUpdateData, Event, GroupChanges, GroupUpdateData, LabelUpdateData, PresenceData,
        PresenceState,
    },
};

mod groups;

/// What is taken as news.
pub(super) const INTEREST: &[EventKind] = &[
    EventKind::GroupUpdate,
    EventKind::PictureUpdate,
    EventKind::UserAboutUpdate,
    EventKind::ContactUpdate,
    EventKind::ArchiveUpdate,
    EventKind::PinUpdate,
    EventKind::MuteUpdate,
    EventKind::MarkChatAsReadUpdate,
    EventKind::ClearChatUpdate,
    EventKind::DeleteChatUpdate,
    EventKind::LabelEditUpdate,
    EventKind::LabelAssociationUpdate,
    EventKind::Presence,
    EventKind::ChatPresence,
    EventKind::IncomingCall,
    EventKind::MissedCall,
    EventKind::CallEndedElsewhere,
    EventKind::NewsletterLiveUpdate,
];

/// What WhatsApp tells once and forgets when it is confirmed: it is written first. What is left out is worth nothing later,
/// or is part of the app state, whose place the library notes before it tells.
const OWED: &[EventKind] = &[
    EventKind::GroupUpdate,
    EventKind::PictureUpdate,
    EventKind::UserAboutUpdate,
    EventKind::IncomingCall,
    EventKind::MissedCall,
    EventKind::CallEndedElsewhere,
];

/// Something that a client has heard, as the library gives it; [`Client::read`] makes an event of it.
#[derive(Debug, Clone)]
pub struct News(pub(super) Arc<WaEvent>);

impl News {
    /// Whether no frame leaves before it is written.
    pub fn is_owed(&self) -> bool {
        OWED.contains(&self.0.kind())
    }
}

impl Client {
    /// The event that tells of `news`, if one does.
    pub async fn read(&self, news: &News) -> Option<Event> {
        match &*news.0 {
            WaEvent::GroupUpdate(update) => self.group_news(update).await,
            WaEvent::PictureUpdate(update) => {
                let id = update.picture_id.clone().unwrap_or_default();
                let picture_id = Some(if update.removed { String::new() } else { id });
                if update.jid.server != Server::Group {
                    let changes = ContactChanges {
                        picture_id,
                        ..ContactChanges::default()
                    };
                    return self.contact_news(&update.jid, changes).await;
                }
                let by = match &update.author {
                    Some(author) => Some(self.person(author, None).await),
                    None => None,
                };
                Some(Event::GroupUpdate(Box::new(GroupUpdateData {
                    chat: self.chat(&update.jid).await,
                    by,
                    timestamp: rfc3339(update.timestamp.timestamp_millis()),
                    changes: GroupChanges {
                        picture_id,
                        ..GroupChanges::default()
                    },
                })))
            }
            WaEvent::UserAboutUpdate(update) => {
                let changes = ContactChanges {
                    about: Some(update.status.clone()),
                    ..ContactChanges::default()
                };
                self.contact_news(&update.jid, changes).await
            }
            WaEvent::ContactUpdate(update) => {
                let changes = ContactChanges {
                    name: update.action.full_name.clone(),
                    ..ContactChanges::default()
                };
                Some(Event::ContactUpdate(ContactUpdateData {
                    party: self.person(&update.jid, None).await,
                    changes,
                    initial: update.from_full_sync,
                }))
            }
            WaEvent::LabelEditUpdate(update) => {
                let deleted = update.action.deleted.unwrap_or_default();
                Some(Event::LabelUpdate(LabelUpdateData {
                    id: update.label_id.clone(),
                    name: update.action.name.clone().filter(|_| !deleted),
                    color: update.action.color.filter(|_| !deleted),
                    deleted,
                    initial: update.from_full_sync,
                }))
            }
            WaEvent::Presence(update) => {
                let chat = self.chat(&update.from).await;
                Some(Event::Presence(PresenceData {
                    sender: chat.party.clone(),
                    chat,
                    state: if update.unavailable {
                        PresenceState::Offline
                    } else {
                        PresenceState::Online
                    },
                    last_seen: update.last_seen.map(|at| rfc3339(at.timestamp_millis())),
                }))
            }
            WaEvent::ChatPresence(update) => {
                let source = &update.source;
                Some(Event::Presence(PresenceData {
                    chat: self.chat(&source.chat).await,
                    sender: self
                        .person(&source.sender, source.sender_alt.as_ref())
                        .await,
                    state: match (update.state, update.media) {
                        (ChatPresence::Composing, ChatPresenceMedia::Text) => PresenceState::Typing,
                        (ChatPresence::Composing, ChatPresenceMedia::Audio) => {
                            PresenceState::Recording
                        }
                        (ChatPresence::Paused, _) => PresenceState::Paused,
                    },
                    last_seen: None,
                }))
            }
            WaEvent::NewsletterLiveUpdate(update) => {
                let posts = update.messages.iter().map(|post| PostReactions {
                    server_id: post.server_id,
                    reactions: post
                        .reactions
                        .iter()
                        .map(|one| ReactionCount {
                            emoji: one.code.clone(),
                            count: one.count,
                        })
                        .collect(),
                });
                Some(Event::ChannelReactions(ChannelReactionsData {
                    chat: self.chat(&update.newsletter_jid).await,
                    posts: posts.collect(),
                }))
            }
            other => match self.chat_news(other).await {
                Some(event) => Some(event),
                None => self.call_news(other).await,
            },
        }
    }

    /// A chat by its address.
    pub(super) async fn chat(&self, jid: &Jid) -> Chat {
        let kind = match jid.server {
            Server::Group => ChatKind::Group,
            Server::Newsletter => ChatKind::Newsletter,
            Server::Broadcast => ChatKind::Status,
            _ => ChatKind::User,
        };
        Chat {
            party: self.person(jid, None).await,
            kind,
        }
    }

    async fn contact_news(&self, jid: &Jid, changes: ContactChanges) -> Option<Event> {
        Some(Event::ContactUpdate(ContactUpdateData {
            party: self.person(jid, None).await,
            changes,
            initial: false,
        }))
    }

    async fn chat_news(&self, event: &WaEvent) -> Option<Event> {
        let mut changes = ChatChanges::default();
        let (jid, initial) = match event {
            WaEvent::ArchiveUpdate(update) => {
                changes.archived = update.action.archived;
                (&update.jid, update.from_full_sync)
            }
            WaEvent::PinUpdate(update) => {
                changes.pinned = update.action.pinned;
                (&update.jid, update.from_full_sync)
            }
            WaEvent::MuteUpdate(update) => {
                changes.muted = update.action.muted;
                let until = update.action.mute_end_timestamp.filter(|until| *until > 0);
                changes.muted_until = until.map(rfc3339);
                (&update.jid, update.from_full_sync)
            }
            WaEvent::MarkChatAsReadUpdate(update) => {
                changes.read = update.action.read;
                (&update.jid, update.from_full_sync)
            }
            WaEvent::ClearChatUpdate(update) => {
                changes.cleared = Some(true);
                (&update.jid, update.from_full_sync)
            }
            WaEvent::LabelAssociationUpdate(update) => {
                changes.label = Some(ChatLabel {
                    id: update.label_id.clone(),
                    labeled: update.action.labeled.unwrap_or_default(),
                });
                (&update.chat_jid, update.from_full_sync)
            }
            WaEvent::DeleteChatUpdate(update) => {
                changes.deleted = Some(true);
                (&update.jid, update.from_full_sync)
            }
            _ => return None,
        };
        if changes == ChatChanges::default() {
            return None;
        }
        Some(Event::ChatUpdate(ChatUpdateData {
            chat: self.chat(jid).await,
            changes,
            initial,
        }))
    }

    async fn call_news(&self, event: &WaEvent) -> Option<Event> {
        let mut is_video = false;
        let mut group = None;
        let mut pn = None;
        let (from, call_id, at, status) = match event {
            WaEvent::IncomingCall(call) => {
                let status = match &call.action {
                    CallAction::Offer {
                        is_video: video,
                        group_jid,
                        caller_pn,
                        ..
                    } => {
                        is_video = *video;
                        group = group_jid.as_ref();
                        pn = caller_pn.as_ref();
                        CallStatus::Ringing
                    }
                    CallAction::OfferNotice {
                        is_video: video, ..
                    } => {
                        is_video = *video;
                        CallStatus::Ringing
                    }
                    CallAction::Terminate { .. } => CallStatus::Ended,
                    _ => return None,
                };
                let from = call.action.call_creator();
                (from, call.action.call_id(), call.timestamp, status)
            }
            WaEvent::MissedCall(call) => {
                let status = CallStatus::Missed;
                (&call.from, &*call.call_id, call.timestamp, status)
            }
            WaEvent::CallEndedElsewhere(call) => {
                let status = CallStatus::Elsewhere;
                (&call.from, &*call.call_id, call.timestamp, status)
            }
            _ => return None,
        };
        let sender = self.person(from, pn).await;
        let chat = match group {
            Some(group) => self.chat(group).await,
            None => Chat {
                party: sender.clone(),
                kind: ChatKind::User,
            },
        };
        Some(Event::Call(CallData {
            call_id: call_id.to_owned(),
            chat,
            sender,
            status,
            is_video,
            timestamp: rfc3339(at.timestamp_millis()),
        }))
    }
}
