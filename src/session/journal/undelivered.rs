//! The own messages of a session that are not delivered yet, so that an ack need not ask the database for them.
//!
//! A copy of rows that nobody else writes at this epoch: it is dropped as soon as a write fails. Bounded; what is not here
//! is asked for. Called by [`super::commit`] alone.

use std::collections::{HashSet, VecDeque};

use super::plan::Plan;
use crate::{db::messages::Own, domain::message::Ack};

/// Messages that are remembered; the oldest is forgotten first.
const MOST: usize = 64;

/// The messages last sent, oldest first.
#[derive(Debug, Default)]
pub(super) struct Undelivered(VecDeque<Own>);

impl Undelivered {
    /// The messages of `ids`, if all of them are here.
    pub(super) fn all(&self, ids: &[&str]) -> Option<Vec<Own>> {
        let wanted: HashSet<&str> = ids.iter().copied().collect();
        let found = self.0.iter();
        let found = found.filter(|own| wanted.contains(own.message_id.as_str()));
        let found: Vec<Own> = found.cloned().collect();
        (found.len() == wanted.len()).then_some(found)
    }

    /// Takes over what `plan` writes.
    pub(super) fn follow(&mut self, plan: &Plan) {
        for own in &mut self.0 {
            let raised = plan.acks.iter().find(|(_, rows)| rows.contains(&own.id));
            if let Some((ack, _)) = raised {
                own.ack = *ack;
                own.outgoing = None;
            }
        }
        self.0.retain(|own| is_under_way(own.ack));
        for out in &plan.outgoing {
            let row = plan.messages.iter().find(|row| row.id == out.id);
            self.0.extend(row.map(|row| Own {
                id: row.id,
                message_id: row.message_id.clone(),
                chat: row.chat.clone(),
                kind: row.kind.clone(),
                ack: row.ack,
                outgoing: Some(out.id),
            }));
        }
        let surplus = self.0.len().saturating_sub(MOST);
        self.0.drain(..surplus);
    }
}

fn is_under_way(ack: i16) -> bool {
    (Ack::Pending.number()..Ack::Device.number()).contains(&ack)
}

#[cfg(test)]
mod tests {
    use entity::ids::{MessageRowId, SessionId};

    use super::*;
    use crate::{
        domain::{
            address::{Chat, ChatKind, Party},
            message::{Content, Context, Message},
        },
        session::journal::{Outgoing, Write, plan::Before},
    };

    /// A plan that stores a message to be sent under `id`.
    fn sending(id: &str) -> Plan {
        let party = Party::person(Some("491700300001".to_owned()), None);
        let message = Message {
            message_id: id.to_owned(),
            chat: Chat {
                party: party.clone(),
                kind: ChatKind::User,
            },
            sender: party,
            from_me: true,
            push_name: None,
            timestamp: "2026-01-01T00:00:00Z".to_owned(),
            content: Content::text("Ahoy"),
            context: Context::default(),
            private: None,
        };
        let out = Outgoing {
            id: MessageRowId::new(),
            to: "491700300001".parse().unwrap(),
            message,
            payload: None,
            sent_at: 0,
        };
        let writes = [Write::Outgoing(Box::new(out))];
        Plan::of((SessionId::new(), true), &writes, Before::default(), 0).unwrap()
    }

    /// A plan that raises `own` to `ack`.
    fn raising(own: &Own, ack: Ack) -> Plan {
        let mut plan = Plan::new((SessionId::new(), true), 0);
        plan.acks.insert(ack.number(), vec![own.id]);
        plan
    }

    #[test]
    fn a_message_is_remembered_with_its_ack_until_it_is_delivered() {
        let mut undelivered = Undelivered::default();
        undelivered.follow(&sending("A"));
        let own = undelivered.all(&["A"]).unwrap().remove(0);
        assert_eq!((own.ack, own.outgoing), (0, Some(own.id)));

        undelivered.follow(&raising(&own, Ack::Server));
        let at_server = undelivered.all(&["A"]).unwrap().remove(0);
        assert_eq!((at_server.ack, at_server.outgoing), (1, None));

        undelivered.follow(&raising(&own, Ack::Device));
        assert_eq!(undelivered.all(&["A"]), None);
    }

    #[test]
    fn a_question_for_one_that_is_not_here_is_not_answered_in_part() {
        let mut undelivered = Undelivered::default();
        undelivered.follow(&sending("A"));
        assert_eq!(undelivered.all(&["A", "B"]), None);
    }

    #[test]
    fn the_oldest_is_forgotten_when_there_are_too_many() {
        let mut undelivered = Undelivered::default();
        for index in 0..=MOST {
            undelivered.follow(&sending(&index.to_string()));
        }
        assert_eq!(undelivered.all(&["0"]), None);
        assert!(undelivered.all(&["1"]).is_some());
    }
}
