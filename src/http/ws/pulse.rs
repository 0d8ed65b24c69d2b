//! The pulse of one socket: when to ping it, when it is dead, and how much it may say.
//!
//! Pure: it is told the time and owns no timer. [`super::conversation`] acts on it.

use std::time::Duration;

use tokio::time::Instant;

use super::frames::HEARTBEAT_MS;

/// How long the answer to a ping may take.
const PONG_WITHIN: Duration = Duration::from_secs(10);

const HEARTBEAT: Duration = Duration::from_millis(HEARTBEAT_MS);

/// What a client may say in one second; a page says a ping now and then.
pub(super) const MESSAGES: u32 = 20;

/// What the falling timer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ring {
    /// Ping it.
    Ping,
    /// Not yet.
    Early,
    /// It did not answer the last ping.
    Silent,
    /// Its credential has ended.
    Expired,
}

/// One timer for three things: the next ping, the answer to the last one, the end of the credential.
#[derive(Debug)]
pub(super) struct Heartbeat {
    next: Instant,
    /// Whether a ping waits for its answer.
    asked: bool,
    expires: Option<Instant>,
}

impl Heartbeat {
    pub(super) fn new(now: Instant, expires: Option<Instant>) -> Self {
        Self {
            next: now + HEARTBEAT,
            asked: false,
            expires,
        }
    }

    /// When the timer falls next.
    pub(super) fn due(&self) -> Instant {
        self.expires.map_or(self.next, |end| end.min(self.next))
    }

    /// Anything that is heard proves that the other end is there.
    pub(super) fn heard(&mut self, now: Instant) {
        if self.asked {
            self.asked = false;
            self.next = now + HEARTBEAT;
        }
    }

    /// The timer fell.
    pub(super) fn ring(&mut self, now: Instant) -> Ring {
        if self.expires.is_some_and(|end| end <= now) {
            return Ring::Expired;
        }
        if now < self.next {
            return Ring::Early;
        }
        if self.asked {
            return Ring::Silent;
        }
        self.asked = true;
        self.next = now + PONG_WITHIN;
        Ring::Ping
    }
}

/// Counts what a client says, second by second.
#[derive(Debug)]
pub(super) struct Talk {
    since: Instant,
    said: u32,
}

impl Talk {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            since: now,
            said: 0,
        }
    }

    /// One more message, ping or pong.
    pub(super) fn is_too_much(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        self.said += 1;
        self.said > MESSAGES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_say_twenty_things_a_second_and_no_more() {
        let mut now = Instant::now();
        let mut talk = Talk::new(now);
        for _ in 0..3 {
            for _ in 0..MESSAGES {
                assert!(!talk.is_too_much(now));
            }
            now += Duration::from_secs(1);
        }
        for _ in 0..MESSAGES {
            assert!(!talk.is_too_much(now));
        }
        assert!(talk.is_too_much(now));
    }

    #[test]
    fn a_ping_without_an_answer_ends_the_socket_and_any_answer_keeps_it() {
        let mut now = Instant::now();
        let mut heartbeat = Heartbeat::new(now, None);
        now += HEARTBEAT;
        assert_eq!(heartbeat.ring(now), Ring::Ping);
        heartbeat.heard(now);
        now += HEARTBEAT;
        assert_eq!(heartbeat.ring(now), Ring::Ping);
        now += PONG_WITHIN;
        assert_eq!(heartbeat.ring(now), Ring::Silent);
    }

    #[test]
    fn the_end_of_the_credential_comes_before_the_next_ping() {
        let now = Instant::now();
        let end = now + Duration::from_secs(3);
        let mut heartbeat = Heartbeat::new(now, Some(end));
        assert_eq!(heartbeat.due(), end);
        assert_eq!(heartbeat.ring(end), Ring::Expired);
    }
}
