//! How fast a session sends, and how long it types first, while `account_protection` is on.
//!
//! Owns the rate and the switch. Must never hold a message: `sends` asks before it lets one out, and keeps it otherwise.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::domain::message::Content;

/// How fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// The time between two messages.
    pub every: Duration,
    /// Messages that go out one after the other after a rest.
    pub burst: u32,
    /// How long a character takes to type.
    pub per_character: Duration,
    /// How long a text takes to type at most.
    pub typing_max: Duration,
}

impl Pacing {
    /// How long `content` takes to type.
    fn typing(&self, content: &Content) -> Duration {
        let Content::Text { text } = content else {
            return Duration::ZERO;
        };
        let characters = u32::try_from(text.body.chars().count()).unwrap_or(u32::MAX);
        let typing = self.per_character.saturating_mul(characters);
        typing.min(self.typing_max)
    }
}

/// Counts what goes out: one moment is all that it remembers.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    /// When the messages so far would have gone out, had there been no burst, and the next one may.
    next: Option<Instant>,
}

impl Pacer {
    /// Counts a message, or says when it may go.
    pub(super) fn admit(&mut self, pacing: &Pacing, now: Instant) -> Result<(), Instant> {
        let next = self.next.map_or(now, |next| next.max(now));
        let ahead = pacing.every.saturating_mul(pacing.burst.saturating_sub(1));
        if next > now + ahead {
            return Err(next - ahead);
        }
        self.next = Some(next + pacing.every);
        Ok(())
    }
}

/// The switch of one session.
#[derive(Debug)]
pub(super) struct Pace {
    pacing: Arc<Pacing>,
    on: AtomicBool,
    /// Wakes who types, when there is no use in it any more.
    lifted: Notify,
}

impl Pace {
    pub(super) fn new(pacing: Arc<Pacing>, on: bool) -> Self {
        Self {
            pacing,
            on: AtomicBool::new(on),
            lifted: Notify::new(),
        }
    }

    /// Switched off, it lets go whoever types.
    pub(super) fn set(&self, on: bool) {
        self.on.store(on, Ordering::Release);
        if !on {
            self.lifted.notify_waiters();
        }
    }

    /// How fast, while it is on.
    pub(super) fn get(&self) -> Option<&Pacing> {
        self.on.load(Ordering::Acquire).then_some(&*self.pacing)
    }

    /// How long to type `content` first; none when it is off or there is nothing to type.
    pub(super) fn typing(&self, content: &Content) -> Option<Duration> {
        let typing = self.get()?.typing(content);
        (!typing.is_zero()).then_some(typing)
    }

    /// Waits for so long, or until it is switched off.
    pub(super) async fn wait(&self, typing: Duration) {
        let lifted = self.lifted.notified();
        tokio::pin!(lifted);
        // From here on it hears of it; what came before is seen in the switch.
        lifted.as_mut().enable();
        if self.get().is_none() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(typing) => {}
            () = lifted => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::Unknown;

    const SECOND: Duration = Duration::from_secs(1);
    const PACING: Pacing = Pacing {
        every: Duration::from_secs(3),
        burst: 3,
        per_character: Duration::from_millis(50),
        typing_max: Duration::from_secs(4),
    };

    /// When each of `count` messages that wait from the start goes out, in seconds.
    fn paced(pacer: &mut Pacer, start: Instant, count: usize) -> Vec<u64> {
        let mut now = start;
        let mut out = Vec::new();
        while out.len() < count {
            match pacer.admit(&PACING, now) {
                Ok(()) => out.push((now - start).as_secs()),
                Err(until) => {
                    assert!(until > now, "time goes on");
                    now = until;
                }
            }
        }
        out
    }

    #[test]
    fn ten_messages_take_the_time_of_seven_after_a_burst_of_three() {
        let start = Instant::now();
        let out = paced(&mut Pacer::default(), start, 10);
        assert_eq!(out, [0, 0, 0, 3, 6, 9, 12, 15, 18, 21]);
    }

    #[test]
    fn in_no_minute_go_more_out_than_the_rate_and_the_burst() {
        let out = paced(&mut Pacer::default(), Instant::now(), 200);
        for (index, first) in out.iter().enumerate() {
            let in_minute = out[index..].iter().take_while(|at| **at < first + 60);
            assert!(in_minute.count() <= 20 + 2);
        }
    }

    #[test]
    fn a_rest_gives_the_burst_back_and_no_more() {
        let (mut pacer, start) = (Pacer::default(), Instant::now());
        paced(&mut pacer, start, 5);
        let later = start + Duration::from_hours(1);
        assert_eq!(paced(&mut pacer, later, 5), [0, 0, 0, 3, 6]);
    }

    #[test]
    fn a_longer_text_takes_longer_to_type_up_to_a_limit() {
        let text = |count: usize| Content::text("ü".repeat(count));
        assert_eq!(PACING.typing(&text(20)), SECOND);
        assert_eq!(PACING.typing(&text(60_000)), 4 * SECOND);
        let pace = Pace::new(Arc::new(PACING), false);
        assert_eq!(pace.typing(&text(20)), None, "it is off");
        pace.set(true);
        assert_eq!(pace.typing(&text(20)), Some(SECOND));
        let unknown = Content::Unknown {
            unknown: Unknown::default(),
        };
        assert_eq!(pace.typing(&unknown), None, "nobody types a picture");
    }

    #[tokio::test]
    async fn who_types_is_let_go_when_it_is_switched_off() {
        let pace = Pace::new(Arc::new(PACING), true);
        let typing = pace.wait(Duration::from_hours(1));
        let off = async {
            tokio::task::yield_now().await;
            pace.set(false);
        };
        tokio::time::timeout(10 * SECOND, async { tokio::join!(typing, off) })
            .await
            .expect("it is let go");
        pace.wait(Duration::from_hours(1)).await;
    }
}
