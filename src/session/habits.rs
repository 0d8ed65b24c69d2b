//! What a session does by itself, as its owner has set it: rejects calls, is there or not, reads, looks away.
//!
//! Owns the settings of a run; a change acts at once. Must never hold anybody up: what it says to WhatsApp goes out in
//! tasks of their own, and is worth nothing later.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::{ArcSwap, ArcSwapOption};

use super::journal::Journal;
use crate::{
    domain::{
        address::{Address, ChatKind},
        event::{CallData, CallStatus, Event},
        message::Message,
        session::{Download, Settings},
    },
    lifecycle::Tasks,
    protocol::Client,
};

/// Clones are the same habits.
#[derive(Debug, Clone)]
pub struct Habits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: ArcSwap<Settings>,
    client: Arc<ArcSwapOption<Client>>,
    journal: Journal,
    tasks: Tasks,
    /// Whether files may have come that were not fetched. At the start of a run nobody knows.
    files: AtomicBool,
}

impl Habits {
    pub(super) fn new(
        settings: Settings,
        client: Arc<ArcSwapOption<Client>>,
        journal: Journal,
        tasks: Tasks,
    ) -> Self {
        journal.keep_words(settings.log_messages);
        Self(Arc::new(Inner {
            settings: ArcSwap::from_pointee(settings),
            client,
            journal,
            tasks,
            files: AtomicBool::new(true),
        }))
    }

    /// From now on as `settings` say.
    pub fn set(&self, settings: Settings) {
        let online = settings.always_online;
        self.await_files();
        self.0.journal.keep_words(settings.log_messages);
        let before = self.0.settings.swap(Arc::new(settings));
        if before.always_online != online {
            self.show_online(online);
        }
    }

    /// The library shows every new connection as being there.
    pub(super) fn connected(&self) {
        if !self.0.settings.load().always_online {
            self.show_online(false);
        }
    }

    /// Leaves out what the owner does not want to hear.
    pub(super) fn wanted(&self, mut batch: Vec<Message>) -> Vec<Message> {
        let settings = self.0.settings.load();
        batch.retain(|message| is_wanted(&settings, message.chat.kind));
        batch
    }

    /// Whether anything of such a chat is wanted.
    pub(super) fn wants(&self, kind: ChatKind) -> bool {
        is_wanted(&self.0.settings.load(), kind)
    }

    /// Whether the past is wanted.
    pub fn takes_history(&self) -> bool {
        self.0.settings.load().sync_history
    }

    /// Whether what happens in such a chat is told.
    pub(super) fn hears(&self, event: &Event) -> bool {
        let kind = match event {
            Event::GroupUpdate(_) | Event::GroupParticipants(_) => ChatKind::Group,
            Event::Presence(data) => data.chat.kind,
            Event::ChatUpdate(data) => data.chat.kind,
            Event::ChannelReactions(_) => ChatKind::Newsletter,
            _ => return true,
        };
        self.wants(kind)
    }

    /// Messages are stored, some of which may have files.
    pub(super) fn stored(&self, with_files: bool) {
        if with_files {
            self.await_files();
        }
    }

    /// Whether files are to be fetched that nobody has asked for yet.
    pub fn awaits_files(&self) -> bool {
        let is_eager = self.0.settings.load().download_media == Download::Eager;
        is_eager && self.0.files.load(Ordering::Acquire)
    }

    /// Somebody looks for them now: what comes from here on awaits its own turn.
    pub fn look_for_files(&self) {
        self.0.files.store(false, Ordering::Release);
    }

    /// There may be more of them.
    pub fn await_files(&self) {
        self.0.files.store(true, Ordering::Release);
    }

    /// What to tell the senders of stored messages, if the owner wants them to count as read.
    pub(super) fn received(&self, batch: &[Message]) -> Option<Receipts> {
        if !self.0.settings.load().read_incoming_messages {
            return None;
        }
        let mut read: BTreeMap<(String, Option<String>), Vec<String>> = BTreeMap::new();
        for message in batch.iter().filter(|message| !message.from_me) {
            let known =
                |lid: &Option<String>, id: &str| lid.clone().unwrap_or_else(|| id.to_owned());
            let chat = &message.chat.party;
            let chat = known(&chat.lid, &chat.id);
            let sender = match message.chat.kind {
                ChatKind::User => None,
                ChatKind::Group => Some(known(&message.sender.lid, &message.sender.id)),
                ChatKind::Newsletter | ChatKind::Status => continue,
            };
            let ids = read.entry((chat, sender)).or_default();
            ids.push(message.message_id.clone());
        }
        Some(Receipts(read))
    }

    /// Says that messages were read. Not before they are stored.
    pub(super) fn confirm(&self, Receipts(read): Receipts) {
        let journal = self.0.journal.clone();
        self.say(async move |client| {
            for ((chat, sender), ids) in read {
                let Ok(chat) = chat.parse::<Address>() else {
                    continue;
                };
                let sender = sender.and_then(|sender| sender.parse().ok());
                let named: Vec<&str> = ids.iter().map(String::as_str).collect();
                if let Err(error) = client.mark_read(&chat, sender.as_ref(), &named).await {
                    unsaid(&error);
                } else if let Err(error) = journal.record_read(ids).await {
                    unsaid(&error);
                }
            }
        });
    }

    /// What to answer people by itself.
    pub(super) fn auto_reply(&self) -> Option<String> {
        let settings = self.0.settings.load();
        settings
            .auto_reply_text
            .clone()
            .filter(|text| !text.is_empty())
    }

    /// Somebody calls.
    pub(super) fn on_call(&self, call: &CallData) {
        let wanted = self.0.settings.load().auto_reject_calls;
        if !wanted || call.status != CallStatus::Ringing {
            return;
        }
        let (call, journal) = (call.clone(), self.0.journal.clone());
        self.say(
            async move |client| match client.reject_call(&call.call_id).await {
                Ok(true) => {
                    let rejected = Event::Call(CallData {
                        status: CallStatus::Rejected,
                        ..call
                    });
                    if let Err(error) = journal.record_events(vec![rejected]).await {
                        unsaid(&error);
                    }
                }
                Ok(false) => {}
                Err(error) => unsaid(&error),
            },
        );
    }

    fn show_online(&self, online: bool) {
        self.say(async move |client| {
            if let Err(error) = client.show_online(online).await {
                unsaid(&error);
            }
        });
    }

    fn say<W>(&self, what: impl FnOnce(Arc<Client>) -> W)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let client = self.0.client.load_full();
        if let Some(client) = client.filter(|client| client.is_ready()) {
            self.0.tasks.spawn("session.habit", what(client));
        }
    }
}

const fn is_wanted(settings: &Settings, kind: ChatKind) -> bool {
    match kind {
        ChatKind::User => true,
        ChatKind::Group => !settings.ignore_groups,
        ChatKind::Newsletter => !settings.ignore_channels,
        ChatKind::Status => !settings.ignore_broadcasts,
    }
}

/// Messages that were read: by chat and, in a group, by sender.
#[derive(Debug)]
pub(super) struct Receipts(BTreeMap<(String, Option<String>), Vec<String>>);

fn unsaid(error: &(dyn std::error::Error + 'static)) {
    tracing::debug!(error, "a session could not do what it does by itself");
}
