//! The files of messages: where WhatsApp has them, sealed in the transaction that stores the message.

use entity::media;

use super::{Inner, JournalError, plan::Plan};
use crate::{
    db::{self, Script},
    domain::{
        clock::from_rfc3339,
        message::{Attached, CameWith, Content, Message, Private, Reference},
    },
};

/// The file of a message.
#[derive(Debug)]
pub(super) struct Filed {
    pub(super) media: Attached,
    pub(super) filename: Option<String>,
    pub(super) reference: Reference,
    /// When it was written, in milliseconds since 1970: what is old, or only quoted, is not fetched before it is read.
    pub(super) written_at: i64,
    /// It came with the message; else it was here before, and WhatsApp has it now, too.
    pub(super) is_new: bool,
}

impl Plan {
    pub(super) fn file(&mut self, message: &Message, is_new: bool) {
        let reply = message.context.reply_to.as_deref();
        if let Some(reply) = reply.filter(|_| is_new)
            && let Some(content) = reply.content.as_deref()
            && let (Some(media), Some(file)) = (content.media(), &reply.file)
        {
            // Whoever answers says where the file is that they answer; what it came with may not be stored here.
            self.files.push(Filed {
                media: media.clone(),
                filename: filename(content),
                reference: (**file).clone(),
                written_at: 0,
                is_new,
            });
        }
        if let Some(Private::Media(reference)) = message.private.as_deref()
            && let Some(media) = message.content.media()
        {
            let mut reference = reference.clone();
            reference.came_with = Some(Box::new(CameWith::of(message)));
            self.files.push(Filed {
                media: media.clone(),
                filename: filename(&message.content),
                written_at: from_rfc3339(&message.timestamp).unwrap_or(0),
                reference,
                is_new,
            });
        }
    }
}

fn filename(content: &Content) -> Option<String> {
    match content {
        Content::Document { document, .. } => document.filename.clone(),
        _ => None,
    }
}

impl Inner {
    /// Has `script` write where WhatsApp has the files of messages, sealed.
    pub(super) fn files(
        &self,
        script: &mut Script,
        files: Vec<Filed>,
        now: i64,
    ) -> Result<(), JournalError> {
        let session = self.config.session;
        for file in files {
            let id = file.media.id;
            let plain = serde_json::to_vec(&file.reference)?;
            let sealed = self
                .config
                .keys
                .seal(db::media::TABLE, id.0.as_bytes(), &plain)?;
            if !file.is_new {
                db::media::refer(script, (session, id), sealed);
                continue;
            }
            db::media::add(
                script,
                media::Model {
                    session_id: session,
                    id,
                    mimetype: file.media.mimetype,
                    filename: file.filename,
                    size: i64::try_from(file.media.size).unwrap_or(i64::MAX),
                    sha256: file.media.sha256,
                    stored: false,
                    reference_sealed: Some(sealed),
                    created_at: file.written_at,
                    used_at: now,
                },
            );
        }
        Ok(())
    }
}
