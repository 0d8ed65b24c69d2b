//! A reader of event logs without a seam: the past first, then live, and the log again whenever it fell behind.
//!
//! Owns the place it has reached in each log. Gives every entry after it, or says which are missing because retention was
//! faster. Holds no buffer of its own but one page: a slow reader reads the database at its own pace. Sockets and SSE
//! call it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use entity::ids::SessionId;

use super::{
    Ctx, Error,
    event_log::{EventLog, Gap},
    sessions::Sessions,
};
use crate::events::{LogEntry, Missed, Subscription};

pub mod cursors;

pub use crate::events::Live;

/// Entries of one read of the log.
const PAGE: u64 = 100;

/// What is kept of one read while a reader takes it.
const PAGE_BYTES: usize = 256 * 1024;

/// What a reader wants to hear.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// These sessions; empty means all.
    pub sessions: Vec<SessionId>,
    /// These types; empty means all.
    pub types: Vec<String>,
}

/// What a reader is told next.
#[derive(Debug, Clone)]
pub enum Told {
    /// An entry.
    Event(Live),
    /// What would have come, but is not in the log any more.
    Gap(Gap),
}

/// What was read from a log and not told yet.
#[derive(Debug)]
enum Read {
    Gap(Gap),
    Entry(Arc<LogEntry>),
}

impl Wanted {
    fn session(&self, session: SessionId) -> bool {
        self.sessions.is_empty() || self.sessions.contains(&session)
    }

    /// Whether events of this name are wanted.
    pub fn kind(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|wanted| wanted == kind)
    }
}

/// Reads the logs of one session, or of all of one's own.
#[derive(Debug)]
pub struct Feed {
    ctx: Ctx,
    log: EventLog,
    /// Of a feed of all sessions: where to look which ones there are.
    all: Option<Sessions>,
    live: Subscription,
    wanted: Wanted,
    /// The last number taken from each log.
    reached: HashMap<SessionId, i64>,
    /// Logs that have to be read before anything live.
    behind: Vec<SessionId>,
    /// Whether it is not known which logs are behind.
    lost: bool,
    page: VecDeque<Read>,
}

impl Feed {
    /// Of one session, on `live`, which was subscribed before `reached` was read.
    pub fn of_session(
        ctx: Ctx,
        log: EventLog,
        (session, live): (SessionId, Subscription),
        wanted: Wanted,
        reached: i64,
    ) -> Self {
        Self {
            ctx,
            log,
            all: None,
            live,
            wanted,
            reached: HashMap::from([(session, reached)]),
            behind: Vec::new(),
            lost: false,
            page: VecDeque::new(),
        }
    }

    /// Of all sessions of the caller, on `live`, which was subscribed before it is told where to [`Feed::resume`].
    pub fn of_all(
        ctx: Ctx,
        log: EventLog,
        sessions: Sessions,
        live: Subscription,
        wanted: Wanted,
    ) -> Self {
        Self {
            ctx,
            log,
            all: Some(sessions),
            live,
            wanted,
            reached: HashMap::new(),
            behind: Vec::new(),
            lost: false,
            page: VecDeque::new(),
        }
    }

    /// Reads the log of `session` from where it stands before anything live.
    pub fn replay(&mut self, session: SessionId) {
        self.behind.push(session);
    }

    /// Reads the log of `session`, which goes up to `last`, from `since` on before anything live; without it, starts live.
    pub fn resume(&mut self, session: SessionId, since: Option<i64>, last: i64) {
        let since = since.map_or(last, |since| since.clamp(0, last));
        self.reached.insert(session, since);
        if since < last {
            self.replay(session);
        }
    }

    /// The last number taken from the log of `session`.
    fn reached(&self, session: SessionId) -> i64 {
        self.reached.get(&session).copied().unwrap_or(0)
    }

    /// What comes next of the past; none when all of it is read. Dropping the future loses nothing.
    pub async fn past(&mut self) -> Result<Option<Told>, Error> {
        loop {
            match self.page.pop_front() {
                Some(Read::Entry(entry)) if self.take(&entry) => {
                    let frame = entry.frame().into();
                    return Ok(Some(Told::Event(Live { entry, frame })));
                }
                Some(Read::Gap(gap)) => {
                    self.reached.insert(gap.session, gap.to);
                    return Ok(Some(Told::Gap(gap)));
                }
                Some(Read::Entry(_)) => {}
                None if self.lost => self.find_behind().await?,
                None => match self.behind.last() {
                    Some(&session) => self.read(session).await?,
                    None => return Ok(None),
                },
            }
        }
    }

    /// What comes next; none when the service is going away. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Told>, Error> {
        loop {
            // Boxed: it runs seldom, and its size would be in every idle connection.
            if self.is_behind()
                && let Some(told) = Box::pin(self.past()).await?
            {
                return Ok(Some(told));
            }
            match self.live.next().await {
                Ok(live) => {
                    if let Some(live) = self.hear(live) {
                        return Ok(Some(Told::Event(live)));
                    }
                }
                Err(Missed::Lagged) => self.lost = true,
                Err(Missed::Closed) => return Ok(None),
            }
        }
    }

    fn is_behind(&self) -> bool {
        self.lost || !self.page.is_empty() || !self.behind.is_empty()
    }

    /// Takes a live entry, unless it was read already or others before it are missing.
    fn hear(&mut self, live: Live) -> Option<Live> {
        let (session, seq) = (live.entry.session, live.entry.seq);
        if !self.wanted.session(session) {
            return None;
        }
        // A session made after this feed began starts its log with it.
        let reached = self.reached(session);
        if seq > reached + 1 {
            self.behind.push(session);
            return None;
        }
        self.take(&live.entry).then_some(live)
    }

    /// Moves on to this entry; tells whether it is one to give.
    fn take(&mut self, entry: &LogEntry) -> bool {
        let reached = self.reached.entry(entry.session).or_insert(0);
        if entry.seq <= *reached {
            return false;
        }
        *reached = entry.seq;
        self.wanted.session(entry.session) && self.wanted.kind(&entry.kind)
    }

    async fn read(&mut self, session: SessionId) -> Result<(), Error> {
        let after = self.reached(session);
        match self.log.past(&self.ctx, session, after, PAGE).await {
            Ok(past) => {
                // What does not fit is read again when it is its turn; the first always fits.
                let mut bytes = 0;
                let fits = |entry: &&Arc<LogEntry>| {
                    let first = bytes == 0;
                    bytes += entry.data.len();
                    first || bytes <= PAGE_BYTES
                };
                let fitting = past.entries.iter().take_while(fits).count();
                if past.ends && fitting == past.entries.len() {
                    // What comes now is heard: the subscription is older than this read.
                    self.behind.retain(|behind| *behind != session);
                }
                self.page.extend(past.gap.map(Read::Gap));
                let entries = past.entries.into_iter().take(fitting);
                self.page.extend(entries.map(Read::Entry));
            }
            // It was deleted meanwhile; the others go on.
            Err(Error::NotFound { .. }) if self.all.is_some() => {
                self.behind.retain(|behind| *behind != session);
                self.reached.remove(&session);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// After a lag: every log that has grown meanwhile is behind.
    async fn find_behind(&mut self) -> Result<(), Error> {
        let behind = match &self.all {
            None => self.reached.keys().copied().collect(),
            Some(sessions) => {
                let now = sessions.all(&self.ctx).await?.into_iter();
                now.filter(|session| {
                    self.wanted.session(session.id)
                        && session.last_event_seq > self.reached(session.id)
                })
                .map(|session| session.id)
                .collect()
            }
        };
        self.behind = behind;
        self.lost = false;
        Ok(())
    }
}
