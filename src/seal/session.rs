//! The keys of one session: one seals its values, one hashes what its rows are looked up by.

use std::fmt;

use entity::ids::SessionId;
use zeroize::Zeroizing;

use super::{Key, SealError, hmac};

/// Bytes of a [`Tag`].
pub const TAG_LEN: usize = 16;

/// A keyed hash that stands in a row for what would name a contact.
///
/// Half of an HMAC-SHA256: short in every index, and still no two texts of a session ever meet.
pub type Tag = [u8; TAG_LEN];

/// What one session seals and hashes with.
pub struct SessionKeys {
    session: SessionId,
    seal: Key,
    lookup: Key,
}

impl SessionKeys {
    pub(super) fn new(session: SessionId, key: &Key) -> Self {
        Self {
            session,
            seal: key.derive(b"seal"),
            lookup: key.derive(b"lookup"),
        }
    }

    /// The keyed hash of `parts`. `of` names the kind of value, so that equal texts of two kinds differ.
    pub fn tag(&self, of: &str, parts: &[&[u8]]) -> Tag {
        let mut all = Vec::with_capacity(parts.len() + 1);
        all.push(of.as_bytes());
        all.extend_from_slice(parts);
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&hmac(&self.lookup.bytes, &all)[..TAG_LEN]);
        tag
    }

    /// Seal `plain` for the row `row` of `table`.
    pub fn seal(&self, table: &str, row: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal.seal(&self.place(table, row), plain)
    }

    /// Open what was sealed for the row `row` of `table`.
    pub fn open(
        &self,
        table: &str,
        row: &[u8],
        blob: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.seal.open(&self.place(table, row), blob)
    }

    fn place<'a>(&'a self, table: &'a str, row: &'a [u8]) -> [&'a [u8]; 3] {
        [table.as_bytes(), self.session.0.as_bytes(), row]
    }
}

impl fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKeys({}, secret)", self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Master;

    #[test]
    fn the_keys_of_a_session_survive_wrapping() {
        let master = Master::from_bytes([1; 32]);
        let session = SessionId::new();
        let (fresh, wrapped) = master.new_session_keys(session).unwrap();
        let again = master.session_keys(session, &wrapped).unwrap();
        let blob = fresh.seal("t", b"row", b"value").unwrap();
        assert_eq!(*again.open("t", b"row", &blob).unwrap(), b"value");
        assert_eq!(fresh.tag("a", &[b"1"]), again.tag("a", &[b"1"]));
        assert!(matches!(
            Master::from_bytes([2; 32]).session_keys(session, &wrapped),
            Err(SealError::WrongKey)
        ));
        assert!(master.session_keys(SessionId::new(), &wrapped).is_err());
    }

    #[test]
    fn tags_tell_kinds_and_parts_apart() {
        let master = Master::from_bytes([1; 32]);
        let (keys, _) = master.new_session_keys(SessionId::new()).unwrap();
        let tag = keys.tag("chat", &[b"ab", b"c"]);
        assert_ne!(tag, keys.tag("chat", &[b"a", b"bc"]));
        assert_ne!(tag, keys.tag("user", &[b"ab", b"c"]));
        let (other, _) = master.new_session_keys(SessionId::new()).unwrap();
        assert_ne!(tag, other.tag("chat", &[b"ab", b"c"]), "another session");
    }
}
