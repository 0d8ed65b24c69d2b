//! Start and stop of everything that runs: the stop tokens and named, owned tasks.
//!
//! Owns the order of nothing: `app` stops the parts in their order, this module gives it the means. Must never know
//! what a task does. Every spawn of the service goes through [`Tasks::spawn`].

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// *Soft* asks everybody to finish what is under way, *hard* ends it. *Adrift* says that the database is out of reach
/// for too long: nobody need wait for it any more.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    soft: CancellationToken,
    hard: CancellationToken,
    adrift: CancellationToken,
}

impl Stop {
    /// Asks everybody to finish.
    pub fn soft(&self) {
        self.soft.cancel();
    }

    /// Ends what did not finish.
    pub fn hard(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Asks everybody to finish without the database.
    pub fn adrift(&self) {
        self.adrift.cancel();
        self.soft.cancel();
    }

    /// The token to give up waiting for the database on.
    pub fn adrift_token(&self) -> CancellationToken {
        self.adrift.clone()
    }

    /// The token to finish on.
    pub fn soft_token(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// The token to end on.
    pub fn hard_token(&self) -> CancellationToken {
        self.hard.clone()
    }

    /// Whether the stop has begun.
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }
}

/// The tasks of one owner. Clones share the same set.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    hard: CancellationToken,
    died: CancellationToken,
}

impl Tasks {
    /// An empty set whose tasks end at `stop`'s hard token.
    pub fn new(stop: &Stop) -> Self {
        Self {
            tracker: TaskTracker::new(),
            hard: stop.hard_token(),
            died: CancellationToken::new(),
        }
    }

    /// Runs `task` until it ends or the hard token falls. A panic in it is logged with its name.
    pub fn spawn<F>(&self, name: &'static str, task: F) -> tokio::task::JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let hard = self.hard.clone();
        let guard = Named { name };
        // What waits in the block below is in it twice: as what it was given, and as what it waits for.
        let task = Box::pin(task);
        self.tracker.spawn(async move {
            let guard = guard;
            tokio::select! {
                biased;
                () = hard.cancelled() => {}
                () = task => {}
            }
            drop(guard);
        })
    }

    /// Runs a task without which the service is of no use: if it ends before the stop, [`Tasks::died`] falls.
    pub fn spawn_critical<F>(&self, name: &'static str, stop: &Stop, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let fell = Fell {
            died: self.died.clone(),
            soft: stop.soft_token(),
            name,
        };
        self.spawn(name, async move {
            let fell = fell;
            task.await;
            drop(fell);
        });
    }

    /// Falls when a critical task has ended before the stop.
    pub fn died(&self) -> CancellationToken {
        self.died.clone()
    }

    /// Waits until every task has ended, at most `deadline`; tells whether they all did.
    pub async fn join(&self, deadline: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(deadline, self.tracker.wait())
            .await
            .is_ok()
    }

    /// How many tasks are alive.
    pub fn len(&self) -> usize {
        self.tracker.len()
    }

    /// Whether no task is alive.
    pub fn is_empty(&self) -> bool {
        self.tracker.is_empty()
    }
}

struct Named {
    name: &'static str,
}

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task.name = self.name, "task {} panicked", self.name);
        }
    }
}

struct Fell {
    died: CancellationToken,
    soft: CancellationToken,
    name: &'static str,
}

impl Drop for Fell {
    fn drop(&mut self) {
        if !self.soft.is_cancelled() {
            tracing::error!(
                task.name = self.name,
                "critical task {} ended; the service stops",
                self.name
            );
            self.died.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_hard_token_ends_a_task_that_would_never_end() {
        let stop = Stop::default();
        let tasks = Tasks::new(&stop);
        tasks.spawn("forever", std::future::pending());
        assert!(!tasks.join(Duration::from_millis(20)).await);
        stop.hard();
        assert!(tasks.join(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_critical_task_that_dies_is_noticed_and_a_stopped_one_is_not() {
        let stop = Stop::default();
        let tasks = Tasks::new(&stop);
        tasks.spawn_critical("short", &stop, async {});
        tokio::time::timeout(Duration::from_secs(5), tasks.died().cancelled())
            .await
            .unwrap();

        let stop = Stop::default();
        let tasks = Tasks::new(&stop);
        let soft = stop.soft_token();
        tasks.spawn_critical("waits", &stop, async move { soft.cancelled().await });
        stop.soft();
        assert!(tasks.join(Duration::from_secs(5)).await);
        assert!(!tasks.died().is_cancelled());
    }
}
