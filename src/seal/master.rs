//! The master key: where it comes from, and what it seals itself.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use entity::ids::SessionId;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Key, SealError, SessionKeys};

/// Where the master key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A file of 64 hexadecimal digits; written at the first run.
    File(PathBuf),
    /// 64 hexadecimal digits from the configuration.
    Given(SecretString),
}

/// The key that wraps all others; and another, while keys are changed: it opens and never seals.
pub struct Master {
    key: Key,
    other: Option<Key>,
}

impl Master {
    /// The key in `bytes`.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self::of(Key::new(Zeroizing::new(bytes)))
    }

    const fn of(key: Key) -> Self {
        Self { key, other: None }
    }

    /// Opens with this key, too: 64 hexadecimal digits.
    pub fn with_other(mut self, other: &SecretString) -> Result<Self, SealError> {
        self.other = Some(parse(other.expose_secret())?);
        Ok(self)
    }

    /// Whether there is another key.
    pub const fn is_changing(&self) -> bool {
        self.other.is_some()
    }

    /// Whether a value was sealed with the other key; none of what is no sealed value.
    pub(super) fn is_of_other(&self, blob: &[u8]) -> bool {
        self.other
            .as_ref()
            .is_some_and(|other| other.has_sealed(blob) && !self.key.has_sealed(blob))
    }

    /// The key that `source` holds; `None` if its file does not exist yet.
    pub fn load(source: &KeySource) -> Result<Option<Self>, SealError> {
        let key = match source {
            KeySource::Given(text) => Some(parse(text.expose_secret())?),
            KeySource::File(path) => read(path)?.map(|text| parse(text.trim_end())).transpose()?,
        };
        Ok(key.map(Self::of))
    }

    /// A new key in a new file at `path`, or the key there if another process was faster.
    pub fn create(path: &Path) -> Result<Self, SealError> {
        let key = Key::generate()?;
        let mut text = Zeroizing::new(hex::encode(key.bytes.as_slice()));
        text.push('\n');
        match write_new(path, text.as_bytes()) {
            Ok(()) => Ok(Self::of(key)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::load(&KeySource::File(path.to_owned()))?
                    .ok_or_else(|| SealError::MissingKey(path.to_owned()))
            }
            Err(source) => Err(file_error(path, source)),
        }
    }

    /// Fresh keys for `session`, and their wrapped form for the database.
    pub fn new_session_keys(
        &self,
        session: SessionId,
    ) -> Result<(SessionKeys, Vec<u8>), SealError> {
        let key = Key::generate()?;
        let wrapped = self.seal("session_keys", session.uuid(), key.bytes.as_slice())?;
        Ok((SessionKeys::new(session, &key), wrapped))
    }

    /// The keys of `session` from their wrapped form.
    pub fn session_keys(
        &self,
        session: SessionId,
        wrapped: &[u8],
    ) -> Result<SessionKeys, SealError> {
        let plain = self.open("session_keys", session.uuid(), wrapped)?;
        let mut bytes = Zeroizing::new([0; 32]);
        if plain.len() != bytes.len() {
            return Err(SealError::NotInPlace);
        }
        bytes.copy_from_slice(&plain);
        Ok(SessionKeys::new(session, &Key::new(bytes)))
    }

    pub(super) fn seal(
        &self,
        purpose: &str,
        row: Uuid,
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.key.seal(&[purpose.as_bytes(), row.as_bytes()], plain)
    }

    pub(super) fn open(
        &self,
        purpose: &str,
        row: Uuid,
        blob: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let key = match &self.other {
            Some(other) if self.is_of_other(blob) => other,
            _ => &self.key,
        };
        key.open(&[purpose.as_bytes(), row.as_bytes()], blob)
    }
}

fn parse(text: &str) -> Result<Key, SealError> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, bytes.as_mut_slice()).map_err(|_| SealError::NotAKey)?;
    Ok(Key::new(bytes))
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Master(secret)")
    }
}

/// Seals secrets that belong to no session: one purpose, such as `webhook_endpoints.secret`, and a row each.
#[derive(Debug, Clone)]
pub struct Sealer {
    master: Arc<Master>,
    purpose: &'static str,
}

impl Sealer {
    /// A sealer for `purpose`: the table and the column.
    pub const fn new(master: Arc<Master>, purpose: &'static str) -> Self {
        Self { master, purpose }
    }

    /// Seal `plain` for `row`.
    pub fn seal(&self, row: Uuid, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.master.seal(self.purpose, row, plain)
    }

    /// Open what was sealed for `row`.
    pub fn open(&self, row: Uuid, blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.master.open(self.purpose, row, blob)
    }
}

fn read(path: &Path) -> Result<Option<Zeroizing<String>>, SealError> {
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(file_error(path, source)),
    };
    // A group is allowed: that is how orchestrators hand a secret to a process of another user.
    if mode & 0o007 != 0 {
        return Err(SealError::Exposed(path.to_owned()));
    }
    fs::read_to_string(path)
        .map(|text| Some(Zeroizing::new(text)))
        .map_err(|source| file_error(path, source))
}

/// Write `text` to a file that appears complete, durable and only if there was none.
fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let draft = folder.join(format!(".master-{}", Uuid::now_v7().simple()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        })
        .and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    written.and(removed)?;
    fs::File::open(folder)?.sync_all()
}

fn file_error(path: &Path, source: io::Error) -> SealError {
    SealError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_created_key_is_private_and_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data").join("master.key");
        assert!(
            Master::load(&KeySource::File(path.clone()))
                .unwrap()
                .is_none()
        );
        let first = Master::create(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let again = Master::create(&path).unwrap();
        assert_eq!(first.key.bytes, again.key.bytes, "the first one wins");
        let kept = Master::load(&KeySource::File(path.clone()))
            .unwrap()
            .unwrap();
        assert_eq!(first.key.bytes, kept.key.bytes);
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no draft stays behind");
    }

    #[test]
    fn a_key_file_that_everybody_reads_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        Master::create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = Master::load(&KeySource::File(path)).unwrap_err();
        assert!(matches!(refused, SealError::Exposed(_)), "{refused}");
    }

    #[test]
    fn a_text_that_is_no_key_is_refused_without_being_shown() {
        for text in ["", "secret-key", &"0".repeat(63), &"g".repeat(64)] {
            let refused = Master::load(&KeySource::Given(text.into())).unwrap_err();
            assert!(matches!(refused, SealError::NotAKey));
            assert!(text.is_empty() || !refused.to_string().contains(text));
        }
        assert!(
            Master::load(&KeySource::Given("0f".repeat(32).into()))
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn a_secret_opens_for_its_own_row_and_purpose() {
        let master = Arc::new(Master::from_bytes([7; 32]));
        let sealer = Sealer::new(Arc::clone(&master), "webhook_endpoints.secret");
        let row = Uuid::now_v7();
        let blob = sealer.seal(row, b"whsec").unwrap();
        assert_eq!(*sealer.open(row, &blob).unwrap(), b"whsec");
        assert!(sealer.open(Uuid::now_v7(), &blob).is_err());
        let other = Sealer::new(master, "webhook_endpoints.headers");
        assert!(other.open(row, &blob).is_err());
    }

    #[test]
    fn another_key_opens_what_it_has_sealed_and_seals_nothing() {
        let (old, new) = ("0a".repeat(32), "0b".repeat(32));
        let load = |key: &str| {
            let source = KeySource::Given(key.into());
            Master::load(&source).unwrap().unwrap()
        };
        let row = Uuid::now_v7();
        let before = load(&old).seal("p", row, b"secret").unwrap();
        let changing = load(&new).with_other(&old.as_str().into()).unwrap();
        assert!(changing.is_changing() && changing.is_of_other(&before));
        assert_eq!(*changing.open("p", row, &before).unwrap(), b"secret");
        let after = changing.seal("p", row, b"secret").unwrap();
        assert!(!changing.is_of_other(&after));
        assert!(matches!(
            load(&old).open("p", row, &after),
            Err(SealError::WrongKey)
        ));
        assert!(load(&new).with_other(&"x".into()).is_err());
    }
}
