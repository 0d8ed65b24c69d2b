//! The event log's entries and the live bus.
//!
//! Owns how an entry looks on the wire and who hears of it at once. Must never be the truth: the log in the database
//! is, and a reader that missed something reads it there. `session` publishes, `http` subscribes.

use std::{fmt::Write as _, sync::Arc};

use bytes::Bytes;
use dashmap::DashMap;
use entity::ids::{EventId, SessionId, UserId};
use tokio::sync::broadcast::{
    self,
    error::{RecvError, TryRecvError},
};

use crate::domain::clock::rfc3339;

pub mod retention;

/// Entries that a live reader may lag behind; beyond that it reads the log.
const LIVE: usize = 256;

/// What a frame has besides its `data`, at most as a rule.
const FRAME_HEAD: usize = 224;

/// One event of one session's log, as every reader gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Whose log.
    pub session: SessionId,
    /// Who owns the session.
    pub owner: UserId,
    /// Its place in the log.
    pub seq: i64,
    /// Its id.
    pub id: EventId,
    /// Its name.
    pub kind: Arc<str>,
    /// When it was written, in milliseconds since 1970.
    pub at: i64,
    /// Its `data`, as JSON text.
    pub data: Arc<str>,
}

impl LogEntry {
    /// The entry as one text frame: `{"type","seq","id","session","at","data"}`.
    pub fn frame(&self) -> String {
        let mut frame = String::with_capacity(self.data.len() + FRAME_HEAD);
        // Every part but `data` is made of characters that JSON needs no escape for; `data` is JSON already. Writing to a
        // String cannot fail.
        write!(
            frame,
            r#"{{"type":"{}","seq":{},"id":"{}","session":"{}","at":"{}","data":{}}}"#,
            self.kind,
            self.seq,
            self.id,
            self.session,
            rfc3339(self.at),
            self.data
        )
        .ok();
        frame
    }
}

impl From<&LogEntry> for entity::events::Model {
    fn from(entry: &LogEntry) -> Self {
        Self {
            session_id: entry.session,
            seq: entry.seq,
            id: entry.id,
            owner_id: entry.owner,
            event_type: entry.kind.to_string(),
            payload: entry.data.to_string(),
            created_at: entry.at,
        }
    }
}

impl From<entity::events::Model> for LogEntry {
    fn from(row: entity::events::Model) -> Self {
        Self {
            session: row.session_id,
            owner: row.owner_id,
            seq: row.seq,
            id: row.id,
            kind: row.event_type.into(),
            at: row.created_at,
            data: row.payload.into(),
        }
    }
}

/// What a subscriber gets: an entry, with its frame made once for all of them.
#[derive(Debug, Clone)]
pub struct Live {
    /// The entry.
    pub entry: Arc<LogEntry>,
    /// [`LogEntry::frame`], shared: UTF-8.
    pub frame: Bytes,
}

impl From<Arc<LogEntry>> for Live {
    fn from(entry: Arc<LogEntry>) -> Self {
        let frame = entry.frame().into();
        Self { entry, frame }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Topic {
    Session(SessionId),
    Owner(UserId),
}

/// Carries entries to whoever listens right now. A topic exists only while somebody does.
#[derive(Debug, Clone, Default)]
pub struct Bus {
    topics: Arc<DashMap<Topic, broadcast::Sender<Live>>>,
}

/// A live reader; forgets its topic when it was the last.
#[derive(Debug)]
pub struct Subscription {
    topic: Topic,
    bus: Bus,
    receiver: Option<broadcast::Receiver<Live>>,
}

/// Why there is no next entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// More came than this reader took; it has to read the log from its last number.
    Lagged,
    /// The bus is gone.
    Closed,
}

impl Bus {
    /// Hears everything of one session.
    pub fn session(&self, session: SessionId) -> Subscription {
        self.subscribe(Topic::Session(session))
    }

    /// Hears everything of all sessions of one owner.
    pub fn owner(&self, owner: UserId) -> Subscription {
        self.subscribe(Topic::Owner(owner))
    }

    /// Tells everybody who listens. Call it after the commit, in the order of the numbers.
    pub fn publish(&self, entries: &[Arc<LogEntry>]) {
        for entry in entries {
            let mut live: Option<Live> = None;
            for topic in [Topic::Session(entry.session), Topic::Owner(entry.owner)] {
                if let Some(sender) = self.topics.get(&topic) {
                    let live = live.get_or_insert_with(|| Arc::clone(entry).into());
                    // No receiver left is no fault: the last one is just leaving.
                    drop(sender.send(live.clone()));
                }
            }
        }
    }

    fn listen(&self, topic: Topic) -> broadcast::Receiver<Live> {
        self.topics
            .entry(topic)
            .or_insert_with(|| broadcast::channel(LIVE).0)
            .subscribe()
    }

    fn subscribe(&self, topic: Topic) -> Subscription {
        Subscription {
            topic,
            bus: self.clone(),
            receiver: Some(self.listen(topic)),
        }
    }
}

impl Subscription {
    /// The next entry.
    pub async fn next(&mut self) -> Result<Live, Missed> {
        let receiver = self.receiver.as_mut().ok_or(Missed::Lagged)?;
        receiver.recv().await.map_err(|error| match error {
            RecvError::Lagged(_) => Missed::Lagged,
            RecvError::Closed => Missed::Closed,
        })
    }

    /// The next entry, if it has come already.
    pub fn at_hand(&mut self) -> Result<Option<Live>, Missed> {
        let receiver = self.receiver.as_mut().ok_or(Missed::Lagged)?;
        match receiver.try_recv() {
            Ok(live) => Ok(Some(live)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Lagged(_)) => Err(Missed::Lagged),
            Err(TryRecvError::Closed) => Err(Missed::Closed),
        }
    }

    /// Hears nothing until [`Subscription::listen`]; what comes meanwhile is kept for nobody. Until then the next entry is
    /// [`Missed::Lagged`].
    pub fn pause(&mut self) {
        self.forget();
    }

    /// Hears again what comes from now on.
    pub fn listen(&mut self) {
        if self.receiver.is_none() {
            self.receiver = Some(self.bus.listen(self.topic));
        }
    }

    fn forget(&mut self) {
        drop(self.receiver.take());
        self.bus
            .topics
            .remove_if(&self.topic, |_, sender| sender.receiver_count() == 0);
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(session: SessionId, owner: UserId, seq: i64) -> Arc<LogEntry> {
        Arc::new(LogEntry {
            session,
            owner,
            seq,
            id: EventId::new(),
            kind: "message".into(),
            at: 0,
            data: r#"{"a":1}"#.into(),
        })
    }

    #[tokio::test]
    async fn a_listener_hears_its_own_session_and_an_owner_all_of_theirs() {
        let bus = Bus::default();
        let (owner, mine, other) = (UserId::new(), SessionId::new(), SessionId::new());
        let mut one = bus.session(mine);
        let mut all = bus.owner(owner);
        bus.publish(&[entry(other, owner, 1), entry(mine, owner, 1)]);
        assert_eq!(one.next().await.unwrap().entry.session, mine);
        assert_eq!(all.next().await.unwrap().entry.session, other);
        let frame: serde_json::Value =
            serde_json::from_slice(&all.next().await.unwrap().frame).unwrap();
        assert_eq!(frame["data"]["a"], 1);
        assert_eq!(frame["session"], mine.to_string());
    }

    #[tokio::test]
    async fn a_reader_that_lags_is_told_to_read_the_log() {
        let bus = Bus::default();
        let (owner, session) = (UserId::new(), SessionId::new());
        let mut slow = bus.session(session);
        for seq in 0..=i64::try_from(LIVE).unwrap() {
            bus.publish(&[entry(session, owner, seq)]);
        }
        assert_eq!(slow.next().await.unwrap_err(), Missed::Lagged);
    }

    #[tokio::test]
    async fn a_reader_that_pauses_keeps_nothing_and_has_to_read_the_log() {
        let bus = Bus::default();
        let (owner, session) = (UserId::new(), SessionId::new());
        let mut reader = bus.session(session);
        reader.pause();
        assert_eq!(bus.topics.len(), 0);
        bus.publish(&[entry(session, owner, 1)]);
        assert_eq!(reader.next().await.unwrap_err(), Missed::Lagged);
        reader.listen();
        bus.publish(&[entry(session, owner, 2)]);
        assert_eq!(reader.next().await.unwrap().entry.seq, 2);
    }

    #[test]
    fn a_topic_goes_with_its_last_listener() {
        let bus = Bus::default();
        let session = SessionId::new();
        let (one, two) = (bus.session(session), bus.session(session));
        drop(one);
        assert_eq!(bus.topics.len(), 1);
        drop(two);
        assert_eq!(bus.topics.len(), 0);
    }
}
