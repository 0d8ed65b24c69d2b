//! The data folder: private, and held by one process at a time.
//!
//! Owns the folder's mode, its lock and the secrets that are generated into it (the master key is made by `seal`).
//! Must never replace a secret that is there. `cli` opens it for `serve` and holds it for the life of the process.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rand::{
    TryRng,
    rngs::{SysError, SysRng},
};
use secrecy::SecretString;

use super::Config;

const LOCK_FILE: &str = "wharf.lock";
const JWT_SECRET_FILE: &str = "jwt.secret";
const SECRET_BYTES: usize = 32;
/// The longest owner's note that is read from the lock file.
const NOTE_BYTES: u64 = 256;

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process serves from it.
    #[error("the data folder {} is held by {holder}", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
        /// `process 123 on host dock`, as that process wrote it.
        holder: String,
    },
    /// The disk said no.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// `create`, `read`, …
        what: &'static str,
        /// The folder or the file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random(#[source] SysError),
}

/// The data folder, held by this process until it is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    // The lock ends with the process, also when it is killed.
    lock: File,
}

impl DataDir {
    /// Creates the folder if need be and takes it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        create_private(path)?;
        let lock_path = path.join(LOCK_FILE);
        let failed = |what| {
            let path = lock_path.clone();
            move |source| DataDirError::Io { what, path, source }
        };
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(failed("open"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::Held {
                    path: path.to_owned(),
                    holder: holder(&mut lock),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        let note = format!("process {} on host {}\n", std::process::id(), host_name());
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| lock.write_all(note.as_bytes()))
            .map_err(failed("write"))?;
        Ok(Self {
            path: path.to_owned(),
            lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives `config` the secrets that it lacks: from this folder, or new ones that are kept here.
    pub fn fill_secrets(&self, config: &mut Config) -> Result<(), DataDirError> {
        if config.auth.jwt_secret.is_none() {
            config.auth.jwt_secret = Some(secret_file(&self.path.join(JWT_SECRET_FILE))?);
        }
        Ok(())
    }
}

impl Drop for DataDir {
    /// A child that is just born has the lock as well until it runs its program: the end of ours has to be
    /// the end of both.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot let go of the data folder"
            );
        }
    }
}

/// Creates the folder, readable by its owner alone. One that is there keeps its mode.
pub fn create_private(path: &Path) -> Result<(), DataDirError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| DataDirError::Io {
            what: "create",
            path: path.to_owned(),
            source,
        })
}

fn holder(lock: &mut File) -> String {
    let mut note = String::new();
    match lock.take(NOTE_BYTES).read_to_string(&mut note) {
        Ok(_) if !note.trim().is_empty() => note.trim().to_owned(),
        _ => "another process".to_owned(),
    }
}

/// The name of this machine, as the kernel knows it.
pub fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The secret in `path`. A new one is written whole or not at all: a crash leaves no half of it.
fn secret_file(path: &Path) -> Result<SecretString, DataDirError> {
    let failed = |what| {
        move |source| DataDirError::Io {
            what,
            path: path.to_owned(),
            source,
        }
    };
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().into()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("read")(error)),
    }
    let mut bytes = zeroize::Zeroizing::new([0; SECRET_BYTES]);
    SysRng
        .try_fill_bytes(bytes.as_mut_slice())
        .map_err(DataDirError::Random)?;
    let text = zeroize::Zeroizing::new(hex::encode(bytes.as_slice()));
    let draft = path.with_extension("new");
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(failed("write"))?;
    Ok(text.as_str().into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_second_process_on_a_data_folder_is_told_who_holds_it() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let first = DataDir::open(&path).unwrap();
        let told = DataDir::open(&path).unwrap_err().to_string();
        assert!(
            told.contains(&format!("held by process {}", std::process::id())),
            "{told}"
        );
        // What a fork has until it runs its program.
        let inherited = first.lock.try_clone().unwrap();
        drop(first);
        DataDir::open(&path).unwrap();
        drop(inherited);
    }

    #[test]
    fn the_folder_and_its_secrets_are_for_their_owner_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let data = DataDir::open(&path).unwrap();
        data.fill_secrets(&mut Config::default()).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join(JWT_SECRET_FILE)), 0o600);
        assert_eq!(mode(&path.join(LOCK_FILE)), 0o600);
    }

    #[test]
    fn a_generated_secret_is_the_same_after_a_restart_and_never_beats_a_given_one() {
        let parent = tempfile::tempdir().unwrap();
        let data = DataDir::open(parent.path()).unwrap();
        let secret_of = |mut config: Config| {
            data.fill_secrets(&mut config).unwrap();
            config.auth.jwt_secret.unwrap().expose_secret().to_owned()
        };
        let first = secret_of(Config::default());
        assert_eq!(first.len(), 2 * SECRET_BYTES);
        assert_eq!(secret_of(Config::default()), first);
        let mut given = Config::default();
        given.auth.jwt_secret = Some("given".into());
        assert_eq!(secret_of(given), "given");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let told = DataDir::open(&file.path().join("data")).unwrap_err();
        assert!(told.to_string().contains("cannot create"), "{told}");
    }
}
