//! Whether a session that says it is connected still hears anything.
//!
//! Owns the decision: what was heard when, what was asked when, and what follows. Pure: the actor brings the time and
//! the count of stanzas, asks, and reconnects; it carries the one timer that this needs.
//!
//! The library pings as well, but not while an answer to something else is outstanding, and it tells nobody when it
//! gives a dead connection up: a session whose next login is swallowed would stay `connected` for ever. So silence is
//! judged here, by stanzas alone: a handshake is none.

use std::time::Duration;

use tokio::time::Instant;

/// The times of a probe. The defaults find silence within 50 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeTimes {
    /// How often is looked whether anything was heard, as long as something was.
    pub look: Duration,
    /// How long a question may stay without an answer. There are [`QUESTIONS`] of them.
    pub answer: Duration,
    /// How long the first new connection may take to log in; each further one twice as long, …
    pub heal_min: Duration,
    /// … up to this.
    pub heal_max: Duration,
}

impl Default for ProbeTimes {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(15),
            answer: Duration::from_secs(10),
            heal_min: Duration::from_secs(15),
            heal_max: Duration::from_mins(2),
        }
    }
}

/// Questions without an answer, one after the other, that make a session deaf. More than one, because a process that
/// was paused finds the time of the first gone by with the answer still in its socket.
const QUESTIONS: u32 = 2;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing; look again when it is due.
    Wait,
    /// Ask the server whether it is there.
    Ask,
    /// The session hears nothing: say so, and connect anew.
    Deaf,
    /// It has still not logged in: connect anew once more.
    Reconnect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The session does not say that it is connected.
    Off,
    Watching,
    /// This many questions are without an answer.
    Asking(u32),
    /// This many new connections have not logged in.
    Healing(u32),
}

/// The probe of one run of a session.
#[derive(Debug)]
pub(super) struct Probe {
    times: ProbeTimes,
    state: State,
    /// Stanzas that had come in at the last look.
    heard: u64,
    due: Instant,
}

impl Probe {
    /// One that is off.
    pub(super) const fn new(times: ProbeTimes, now: Instant) -> Self {
        Self {
            times,
            state: State::Off,
            heard: 0,
            due: now,
        }
    }

    /// When to look next; none while it is off.
    pub(super) fn due(&self) -> Option<Instant> {
        (self.state != State::Off).then_some(self.due)
    }

    /// How long an answer may take.
    pub(super) const fn patience(&self) -> Duration {
        self.times.answer
    }

    /// The session is connected from now on. `unit`, in `0.0..1.0`, spreads the looks of sessions that connect together.
    pub(super) fn connected(&mut self, now: Instant, heard: u64, unit: f64) {
        self.heard = heard;
        self.watch(now, self.times.look.mul_f64(1.0 - unit / 2.0));
    }

    /// The session is not connected any more, and says so: whoever said it brings it back.
    pub(super) const fn off(&mut self) {
        self.state = State::Off;
    }

    /// A question was answered.
    pub(super) fn answered(&mut self, now: Instant) {
        if matches!(self.state, State::Asking(_)) {
            self.watch(now, self.times.look);
        }
    }

    /// It is due; `heard` stanzas have come in so far.
    pub(super) fn look(&mut self, now: Instant, heard: u64) -> Step {
        let silent = std::mem::replace(&mut self.heard, heard) == heard;
        match self.state {
            State::Off => Step::Wait,
            State::Watching | State::Asking(_) if !silent => {
                self.watch(now, self.times.look);
                Step::Wait
            }
            State::Watching => self.ask(now, 1),
            State::Asking(asked) if asked < QUESTIONS => self.ask(now, asked + 1),
            State::Asking(_) => {
                self.heal(now, 0);
                Step::Deaf
            }
            State::Healing(tried) => {
                self.heal(now, tried.saturating_add(1));
                Step::Reconnect
            }
        }
    }

    fn watch(&mut self, now: Instant, wait: Duration) {
        self.state = State::Watching;
        self.due = now + wait;
    }

    fn ask(&mut self, now: Instant, asked: u32) -> Step {
        self.state = State::Asking(asked);
        self.due = now + self.times.answer;
        Step::Ask
    }

    fn heal(&mut self, now: Instant, tried: u32) {
        self.state = State::Healing(tried);
        let wait = self.times.heal_min.saturating_mul(1 << tried.min(16));
        self.due = now + wait.min(self.times.heal_max);
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const DAY: Duration = Duration::from_hours(24);

    /// A server, a probe, and an hour-glass that is turned by a tenth of a second.
    struct World {
        start: Instant,
        now: Instant,
        probe: Probe,
        heard: u64,
        asked: u32,
        /// Nothing comes in, whatever is asked and whoever connects.
        deaf: bool,
        /// How long the server takes to answer.
        trip: Duration,
        /// Answers and logins on their way.
        answer_at: Option<Instant>,
        login_at: Option<Instant>,
        told: Vec<(Duration, Step)>,
    }

    impl World {
        fn new(unit: f64) -> Self {
            let start = Instant::now();
            let mut probe = Probe::new(ProbeTimes::default(), start);
            assert_eq!(probe.due(), None, "nothing is due before the login");
            probe.connected(start, 0, unit);
            Self {
                start,
                now: start,
                probe,
                heard: 0,
                asked: 0,
                deaf: false,
                trip: SECOND / 10,
                answer_at: None,
                login_at: None,
                told: Vec::new(),
            }
        }

        fn is_healing(&self) -> bool {
            matches!(self.probe.state, State::Healing(_))
        }

        fn since_start(&self) -> Duration {
            self.now - self.start
        }

        fn turn(&mut self) {
            self.now += SECOND / 10;
            let reached = |at: Option<Instant>| at.is_some_and(|at| at <= self.now);
            let (answered, logged_in) = (reached(self.answer_at), reached(self.login_at));
            if answered {
                self.answer_at = None;
                if !self.deaf {
                    self.heard += 1;
                    self.probe.answered(self.now);
                }
            }
            if logged_in {
                self.login_at = None;
                if !self.deaf && self.is_healing() {
                    self.heard += 1;
                    self.probe.connected(self.now, self.heard, 0.5);
                }
            }
            if self.probe.due().is_none_or(|due| due > self.now) {
                return;
            }
            match self.probe.look(self.now, self.heard) {
                Step::Wait => {}
                Step::Ask => {
                    self.asked += 1;
                    self.answer_at = Some(self.now + self.trip);
                }
                step => {
                    self.told.push((self.since_start(), step));
                    self.login_at = Some(self.now + 3 * self.trip);
                }
            }
        }

        fn turn_until(&mut self, end: Duration) {
            while self.since_start() < end {
                self.turn();
            }
        }
    }

    #[test]
    fn a_healthy_but_quiet_session_is_never_called_deaf_in_24_hours() {
        for seed in 0..4 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut world = World::new(rng.random());
            while world.since_start() < DAY {
                // Up to the slowest line that the probe puts up with.
                world.trip = Duration::from_millis(rng.random_range(1..9_900));
                // Something comes in by itself now and then.
                world.heard += u64::from(rng.random_bool(0.000_5));
                world.turn();
            }
            assert_eq!(world.told, [], "seed {seed}");
            assert!(world.asked > 0, "it was quiet enough to be asked");
        }
    }

    #[test]
    fn a_busy_session_is_never_asked() {
        let mut world = World::new(0.0);
        while world.since_start() < Duration::from_hours(1) {
            world.heard += 1;
            world.turn();
        }
        assert_eq!((world.asked, world.told), (0, Vec::new()));
    }

    #[test]
    fn whenever_it_turns_deaf_it_is_found_within_a_minute_and_healed_once_that_ends() {
        for seed in 0..200 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut world = World::new(rng.random());
            let turns_deaf = Duration::from_millis(rng.random_range(1..600_000));
            let lasts = Duration::from_millis(rng.random_range(61_000..3_600_000));
            while world.since_start() < turns_deaf {
                world.heard += u64::from(rng.random_bool(0.01));
                world.turn();
            }
            let at = world.since_start();
            world.deaf = true;
            world.turn_until(at + lasts);
            let (found, step) = world.told[0];
            assert_eq!(step, Step::Deaf);
            let took = found.saturating_sub(at);
            assert!(took <= 60 * SECOND, "seed {seed}: {took:?}");
            assert!(
                world.told[1..]
                    .iter()
                    .all(|(_, step)| *step == Step::Reconnect),
                "it is said once"
            );
            let lifted = world.since_start();
            world.deaf = false;
            let most = ProbeTimes::default().heal_max + SECOND;
            while world.is_healing() {
                world.turn();
                assert!(world.since_start() <= lifted + most, "seed {seed}");
            }
            let told = world.told.len();
            world.turn_until(lifted + most + DAY / 24);
            assert_eq!(world.told.len(), told, "seed {seed}: it is well again");
        }
    }

    #[test]
    fn it_connects_anew_less_and_less_often_but_never_gives_up() {
        let mut world = World::new(0.0);
        world.deaf = true;
        world.turn_until(Duration::from_mins(15));
        let waits: Vec<u64> = world
            .told
            .windows(2)
            .map(|pair| pair[1].0.saturating_sub(pair[0].0).as_secs())
            .collect();
        assert_eq!(waits[..5], [15, 30, 60, 120, 120]);
        assert!(world.told.len() > 8);
    }

    #[test]
    fn a_process_that_was_paused_asks_again_before_it_says_anything() {
        let mut world = World::new(0.0);
        while world.asked == 0 {
            world.turn();
        }
        // It sleeps with the question on the wire, and looks before it reads the answer.
        world.now += Duration::from_hours(8);
        let heard = world.heard;
        assert_eq!(world.probe.look(world.now, heard), Step::Ask);
        world.heard += 1;
        world.probe.answered(world.now);
        world.turn_until(world.since_start() + DAY / 24);
        assert_eq!(world.told, []);
    }

    #[test]
    fn a_session_that_says_itself_that_it_is_cut_off_is_left_alone() {
        let mut world = World::new(0.0);
        world.deaf = true;
        world.turn_until(20 * SECOND);
        world.probe.off();
        assert_eq!(world.probe.due(), None);
        world.turn_until(DAY / 24);
        assert_eq!(world.told, []);
    }
}
