//! Passwords: argon2id behind a short queue, so that a flood of sign-ins cannot take the machine.
//!
//! Owns hashing, checking and the rules of a new password. Must never log or keep one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::{Semaphore, oneshot};

use super::{Error, Fault};
use crate::domain::sample::is_sample;

/// OWASP's second choice: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Checked against when the user is unknown, so that both refusals take the same time: made as [`Passwords::hash`] does.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$zptzMlynE6WChyV6Rny41A$iFhGA26L5xktKYNicBIGBZEooHqR6Msd+IXAao3iNBk";

/// The most hashes that run at once.
const AT_ONCE: usize = 4;

/// How many callers may wait. The next is sent away: waiting longer than this helps nobody.
const QUEUE: usize = 20;

/// How far hashing stands back, of 19: it gets a tenth of a core that everything else wants too, and no request waits for it.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

const MIN_LEN: usize = 8;
const MAX_LEN: usize = 256;

/// Hashes and checks passwords.
#[derive(Debug, Clone)]
pub struct Passwords {
    slots: Arc<Semaphore>,
    /// How many callers may be waited for or served.
    places: usize,
    waiting: Arc<AtomicUsize>,
    argon2: Argon2<'static>,
}

impl Passwords {
    /// The one hasher of the process.
    pub fn new() -> Result<Self, Error> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Error::internal)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let at_once = at_once();
        Ok(Self {
            slots: Arc::new(Semaphore::new(at_once)),
            places: at_once + QUEUE,
            waiting: Arc::default(),
            argon2,
        })
    }

    /// Hashes a password.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        let argon2 = self.argon2.clone();
        let password = password.to_owned();
        self.run(move || {
            argon2
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
        })
        .await?
        .map_err(Error::internal)
    }

    /// Whether `password` is the one behind `hash`; without a hash it takes as long and says no.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Error> {
        // A longer one was never accepted, and would only cost time.
        if password.len() > MAX_LEN {
            return Ok(false);
        }
        let known = hash.is_some();
        let argon2 = self.argon2.clone();
        let password = password.to_owned();
        let hash = hash.unwrap_or(NOBODYS).to_owned();
        let matches = self
            .run(move || {
                PasswordHash::new(&hash)
                    .is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(known && matches)
    }

    async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let _place = Place::take(&self.waiting, self.places).ok_or(Error::RateLimited {
            retry_after: Duration::from_secs(2),
        })?;
        let slot = self
            .slots
            .clone()
            .acquire_owned()
            .await
            .map_err(Error::internal)?;
        let (answer, answered) = oneshot::channel();
        // A thread of its own: what stands back stays there, and tokio's threads do other work too.
        let hashing = move || {
            // Held by the work and not by the caller, who may go away while it runs.
            let _slot = slot;
            stand_back();
            // The caller may have gone away.
            drop(answer.send(work()));
        };
        thread::Builder::new()
            .name("password".to_owned())
            .spawn(hashing)
            .map_err(Error::internal)?;
        answered.await.map_err(Error::internal)
    }
}

/// How many hashes run at once; each takes a core and 19 MiB. Half of the cores stay free of them, whoever guesses.
fn at_once() -> usize {
    thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).clamp(1, AT_ONCE))
}

/// The calling thread comes after the others from now on.
fn stand_back() {
    // Elsewhere it would be the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::debug!(%error, "hashing does not stand back");
    }
}

/// A place in the queue.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>, places: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting.clone());
        (before < places).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Checks a new password that was given in the field at `pointer`. Samples are allowed on loopback alone.
pub fn check_new(pointer: &str, password: &str, loopback: bool) -> Result<(), Error> {
    let fault = |detail: String| {
        Err(Error::Invalid {
            code: "weak_password",
            faults: vec![Fault::new(pointer, detail)],
        })
    };
    if !(MIN_LEN..=MAX_LEN).contains(&password.len()) {
        return fault(format!("must have {MIN_LEN} to {MAX_LEN} bytes"));
    }
    if !loopback && is_sample(password) {
        return fault("stands in documentation; choose one that nobody else knows".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let passwords = Passwords::new().unwrap();
        let hash = passwords.hash("correct horse").await.unwrap();
        let cost = "$argon2id$v=19$m=19456,t=2,p=1$";
        assert!(hash.starts_with(cost), "{hash}");
        assert!(NOBODYS.starts_with(cost));
        assert_eq!(NOBODYS.len(), hash.len());
        assert!(
            passwords
                .verify("correct horse", Some(&hash))
                .await
                .unwrap()
        );
        assert!(!passwords.verify("wrong horse", Some(&hash)).await.unwrap());
        assert!(
            !passwords
                .verify("nobody has this password", None)
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn a_flood_is_sent_away_and_the_queue_empties_again() {
        let passwords = Passwords::new().unwrap();
        let flood = (0..40).map(|_| passwords.verify("x", None));
        let answers = futures_util::future::join_all(flood).await;
        let refused = answers.iter().filter(|answer| answer.is_err()).count();
        assert_eq!(refused, 40 - QUEUE - at_once());
        assert!(passwords.verify("x", None).await.is_ok());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_comes_after_everything_else() {
        let passwords = Passwords::new().unwrap();
        let before = rustix::process::nice(0).unwrap();
        let hashing = passwords.run(|| rustix::process::nice(0).unwrap()).await;
        assert_eq!(hashing.unwrap(), (before + NICE).min(19));
        assert_eq!(rustix::process::nice(0).unwrap(), before);
    }

    #[test]
    fn a_sample_of_the_documentation_is_refused_off_loopback() {
        assert!(check_new("/password", "admin123", false).is_err());
        assert!(check_new("/password", "Admin123", false).is_err());
        assert!(check_new("/password", "admin123", true).is_ok());
        assert!(check_new("/password", "short", true).is_err());
        assert!(check_new("/password", "a long one of one's own", false).is_ok());
    }
}
