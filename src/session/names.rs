//! What people call themselves, as their messages say it: kept once for each name, not once for each message.
//!
//! Owns what a run has seen. Must never grow with the number of messages, nor without an end with that of people.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::domain::{
    event::{ContactChanges, ContactUpdateData},
    message::Message,
};

/// Names that a run remembers; then it begins anew, which costs a write for each.
const REMEMBERED: usize = 2_000;

/// The names that were seen, by address.
#[derive(Debug, Default)]
pub(super) struct Names(Mutex<HashMap<String, String>>);

/// Names that this run sees for the first time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fresh {
    /// To be kept.
    pub(super) all: Vec<ContactUpdateData>,
    /// Those of people who had another name before.
    pub(super) renamed: Vec<ContactUpdateData>,
}

impl Names {
    /// Who goes by a name in `batch` that was not seen before.
    pub(super) fn fresh(&self, batch: &[Message]) -> Fresh {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fresh = Fresh::default();
        for message in batch.iter().filter(|message| !message.from_me) {
            let (sender, Some(name)) = (&message.sender, &message.push_name) else {
                continue;
            };
            if names.get(&sender.id) == Some(name) {
                continue;
            }
            if names.len() >= REMEMBERED {
                names.clear();
            }
            let before = names.insert(sender.id.clone(), name.clone());
            let update = ContactUpdateData {
                party: sender.clone(),
                changes: ContactChanges {
                    push_name: Some(name.clone()),
                    ..ContactChanges::default()
                },
                initial: false,
            };
            if before.is_some() {
                fresh.renamed.push(update.clone());
            }
            fresh.all.push(update);
        }
        fresh
    }

    /// What was seen was not kept after all.
    pub(super) fn forget(&self) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        names.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        address::{Chat, ChatKind, Party},
        message::{Content, Context},
    };

    fn message(phone: &str, name: &str) -> Message {
        let party = Party::person(Some(phone.to_owned()), None);
        Message {
            message_id: "3EB0".to_owned(),
            chat: Chat {
                party: party.clone(),
                kind: ChatKind::User,
            },
            sender: party,
            from_me: false,
            push_name: Some(name.to_owned()),
            timestamp: String::new(),
            content: Content::text("hi"),
            context: Context::default(),
            private: None,
        }
    }

    #[test]
    fn a_name_is_fresh_once_and_another_one_renames() {
        let names = Names::default();
        let twice = [message("49170", "Bob"), message("49170", "Bob")];
        let fresh = names.fresh(&twice);
        assert_eq!((fresh.all.len(), fresh.renamed.len()), (1, 0));
        assert_eq!(names.fresh(&twice), Fresh::default());
        let fresh = names.fresh(&[message("49170", "Bobby")]);
        assert_eq!((fresh.all.len(), fresh.renamed.len()), (1, 1));
        names.forget();
        assert_eq!(names.fresh(&twice).all.len(), 1);
    }
}
