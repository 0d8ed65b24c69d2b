//! What a transaction changes about labels, and about the chats that have them.

use std::collections::BTreeMap;

use entity::{chat_labels, ids::SessionId, labels};

use super::plan::Plan;
use crate::{
    db::{self, Script},
    domain::event::{ChatUpdateData, LabelUpdateData},
};

/// The longest id of a label: WhatsApp counts them.
const LONGEST_ID: usize = 64;

/// Rows of `labels` and `chat_labels` to be written.
#[derive(Debug, Default)]
pub(super) struct Labels {
    rows: BTreeMap<String, labels::Model>,
    /// By label and chat: whether it has it.
    chats: BTreeMap<(String, String), bool>,
}

impl Plan {
    /// A label was made, changed or deleted.
    pub(super) fn change_label(&mut self, session: SessionId, update: &LabelUpdateData, now: i64) {
        if update.id.len() > LONGEST_ID {
            return;
        }
        let labels = &mut self.labels;
        let row = labels.rows.entry(update.id.clone());
        let row = row.or_insert_with(|| labels::Model {
            session_id: session,
            id: update.id.clone(),
            name: None,
            color: None,
            deleted: false,
            updated_at: now,
        });
        row.deleted = update.deleted;
        if update.name.is_some() {
            row.name.clone_from(&update.name);
        }
        row.color = update.color.or(row.color);
        if update.deleted {
            labels.chats.retain(|(label, _), _| *label != update.id);
        }
    }

    /// A label was put on a chat, or taken from it; the chat may be one that nothing was said in yet.
    pub(super) fn label_chat(&mut self, change: &ChatUpdateData) {
        if let Some(label) = &change.changes.label
            && label.id.len() <= LONGEST_ID
        {
            let party = &change.chat.party;
            let key = (label.id.clone(), party.id.clone());
            self.labels.chats.insert(key, label.labeled);
            // It may be kept by the address that was known alone when it was put there.
            let other = party.lid.as_ref().filter(|lid| **lid != party.id);
            if let Some(lid) = other {
                let key = (label.id.clone(), lid.clone());
                self.labels.chats.insert(key, false);
            }
        }
    }
}

impl Labels {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.chats.is_empty()
    }

    /// Has `script` write them.
    pub(super) fn write(self, script: &mut Script, session: SessionId, now: i64) {
        for row in self.rows.values().filter(|row| row.deleted) {
            db::labels::clear(script, session, &row.id);
        }
        db::labels::upsert(script, self.rows.into_values().collect());
        let mut put = Vec::new();
        for ((label, chat), labeled) in self.chats {
            if !labeled {
                db::labels::take(script, session, &label, &chat);
                continue;
            }
            put.push(chat_labels::Model {
                session_id: session,
                label,
                chat,
                created_at: now,
            });
        }
        db::labels::put(script, put);
    }
}
