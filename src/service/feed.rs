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

/// Entries of the first read of a log. The next ones are as long as what was read before lets fit.
const PAGE: u64 = 16;

/// How many times as long as the last one a read may be.
const GROWTH: u64 = 4;

const PAGE_MAX: u64 = 500;

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
    /// How many entries to read next.
    page_len: u64,
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
            page_len: PAGE,
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
            page_len: PAGE,
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
            if let Some(told) = self.read_already() {
                return Ok(Some(told));
            }
            if self.lost {
                self.find_behind().await?;
            } else if let Some(&session) = self.behind.last() {
                self.read(session).await?;
            } else {
                return Ok(None);
            }
        }
    }

    /// What is next of the past, if it has been read.
    pub fn read_already(&mut self) -> Option<Told> {
        while let Some(read) = self.page.pop_front() {
            match read {
                Read::Entry(entry) if self.take(&entry) => return Some(Told::Event(entry.into())),
                Read::Entry(_) => {}
                Read::Gap(gap) => {
                    self.reached.insert(gap.session, gap.to);
                    return Some(Told::Gap(gap));
                }
            }
        }
        // An idle reader keeps no room for a page.
        self.page = VecDeque::new();
        None
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
                Err(missed) if self.is_over(missed) => return Ok(None),
                Err(_) => {}
            }
        }
    }

    /// What comes next, if it is here already; [`Feed::next`] has the rest.
    pub fn at_hand(&mut self) -> Option<Told> {
        if self.is_behind() {
            return self.read_already();
        }
        loop {
            match self.live.at_hand() {
                Ok(live) => {
                    if let Some(live) = self.hear(live?) {
                        return Some(Told::Event(live));
                    }
                    if self.is_behind() {
                        return None;
                    }
                }
                Err(missed) => {
                    self.is_over(missed);
                    return None;
                }
            }
        }
    }

    /// Hears nothing live from now on, so that nothing is kept for a reader that does not take it.
    pub fn pause(&mut self) {
        self.live.pause();
    }

    /// Hears what comes live again; what came meanwhile is read from the log.
    pub fn listen(&mut self) {
        self.live.listen();
        self.lost = true;
    }

    /// Whether there is nothing live any more; otherwise the logs have to be read.
    const fn is_over(&mut self, missed: Missed) -> bool {
        match missed {
            Missed::Lagged => {
                self.lost = true;
                false
            }
            Missed::Closed => true,
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
        let limit = self.page_len;
        match self.log.past(&self.ctx, session, after, limit).await {
            Ok(past) => {
                self.page_len = next_len(limit, &past.entries);
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

/// How many entries to read after these, which were up to `limit`: so many as fit if they are no larger.
fn next_len(limit: u64, entries: &[Arc<LogEntry>]) -> u64 {
    let largest = entries.iter().map(|entry| entry.data.len()).max();
    let fit = largest.map_or(PAGE, |largest| (PAGE_BYTES / largest.max(1)) as u64);
    fit.clamp(1, (limit * GROWTH).min(PAGE_MAX))
}
