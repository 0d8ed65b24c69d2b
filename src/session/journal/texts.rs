//! By which words messages are found: by those of their last wording, and by none once they are deleted.

use std::collections::BTreeMap;

use entity::{
    ids::{MessageRowId, SessionId},
    message_texts::Model,
};

use super::{about::Targets, plan::Plan};
use crate::{
    db::{self, Script},
    domain::message::{Content, Message},
};

impl Plan {
    /// The words of a new message.
    pub(super) fn index(&mut self, session: SessionId, id: MessageRowId, message: &Message) {
        let text = message.content.searchable().filter(|_| self.keeps(message));
        let row = text.and_then(|text| db::message_texts::row(session, id, text));
        self.texts.extend(row);
    }

    /// The words of what an edit or a deletion is about.
    pub(super) fn reword(&mut self, session: SessionId, message: &Message, targets: &Targets) {
        let edit = match &message.content {
            Content::Edit { edit } => Some(edit),
            Content::Revoke { .. } => None,
            _ => return,
        };
        let keeps = self.keeps(message);
        // A file without a caption is found by its name: what is left of a wording depends on what it was.
        let words = |id, before: &Content| {
            let mut content = before.clone();
            let edit = edit.filter(|_| keeps);
            edit.is_some_and(|edit| content.reword(edit))
                .then_some(())?;
            db::message_texts::row(session, id, content.searchable()?)
        };
        let about = message.content.target();
        let beside = self.messages.iter().filter(|row| {
            about == Some(row.message_id.as_str()) && row.chat == message.chat.party.id
        });
        let beside: Vec<(MessageRowId, Option<Content>)> =
            beside.map(|row| (row.id, said(&row.body))).collect();
        self.texts
            .retain(|row| beside.iter().all(|(id, _)| *id != row.id));
        let beside = beside.into_iter();
        self.texts
            .extend(beside.filter_map(|(id, before)| words(id, &before?)));
        for (id, before) in targets.rows(message) {
            self.reworded.insert(id, words(id, before));
        }
    }
}

/// What a message says that is about to be written.
fn said(body: &str) -> Option<Content> {
    let message: Message = serde_json::from_str(body).ok()?;
    Some(message.content)
}

/// Has `script` write the words of new messages and of those that were reworded; how many.
pub(super) fn write(
    script: &mut Script,
    session: SessionId,
    new: Vec<Model>,
    reworded: BTreeMap<MessageRowId, Option<Model>>,
) -> usize {
    let mut count = new.len();
    db::message_texts::insert(script, new);
    let mut silent = Vec::new();
    for (id, wording) in reworded {
        match wording {
            Some(row) => {
                count += 1;
                db::message_texts::put(script, row);
            }
            None => silent.push(id),
        }
    }
    if !silent.is_empty() {
        db::message_texts::remove(script, session, &silent);
    }
    count
}
