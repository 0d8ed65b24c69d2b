//! A file under a name that opens it: for whoever has the name, for a while, without a credential.
//!
//! Owns that no name can be made up or bent to another file: it is sealed. A file that is gone, or whose session is, opens under
//! none.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entity::ids::{MediaId, SessionId};
use uuid::Uuid;

use super::{Error, File, Media};
use crate::db;

/// The longest name that is looked at.
const NAME_MAX: usize = 256;

const NO_FILE: Error = Error::NotFound { what: "media" };

impl Media {
    /// A name of a file that the caller was shown, good until `until_ms`.
    pub fn share(&self, file: &File, until_ms: i64) -> Result<String, Error> {
        let mut plain = Vec::with_capacity(40);
        plain.extend_from_slice(file.session.uuid().as_bytes());
        plain.extend_from_slice(file.id.uuid().as_bytes());
        plain.extend_from_slice(&until_ms.to_be_bytes());
        let sealed = self.parts.names.seal(Uuid::nil(), &plain);
        Ok(URL_SAFE_NO_PAD.encode(sealed.map_err(Error::internal)?))
    }

    /// The file of a name. One that was good and is no longer is told from one that never was.
    pub async fn shared(&self, name: &str) -> Result<File, Error> {
        let (session, id, until) = self.read_name(name).ok_or(NO_FILE)?;
        if until <= self.parts.clock.now_ms() {
            return Err(Error::conflict(
                "link_expired",
                "the link is no longer good",
            ));
        }
        let row = db::media::find(&self.parts.db, session, id).await?;
        row.map(File::from).ok_or(NO_FILE)
    }

    fn read_name(&self, name: &str) -> Option<(SessionId, MediaId, i64)> {
        let sealed = (name.len() <= NAME_MAX)
            .then(|| URL_SAFE_NO_PAD.decode(name).ok())
            .flatten()?;
        let plain = self.parts.names.open(Uuid::nil(), &sealed).ok()?;
        let (session, rest) = plain.split_first_chunk::<16>()?;
        let (id, until) = rest.split_first_chunk::<16>()?;
        let until = i64::from_be_bytes(until.try_into().ok()?);
        let (session, id) = (Uuid::from_bytes(*session), Uuid::from_bytes(*id));
        Some((SessionId(session), MediaId(id), until))
    }
}
