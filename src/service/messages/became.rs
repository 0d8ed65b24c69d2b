//! What became of stored messages: reactions, another wording, their end, votes and answers.

use std::collections::HashMap;

use entity::{ids::SessionId, message_marks};
use sea_orm::DatabaseConnection;

use super::Error;
use crate::{
    db,
    domain::{
        address::{ChatKind, Party},
        message::{Answer, Content, Message},
    },
};

/// A reaction that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Reacted {
    /// The emoji.
    pub emoji: String,
    /// Who reacted.
    pub sender: Party,
    /// When, RFC 3339.
    pub at: String,
}

/// The end of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Deleted {
    /// Who deleted it.
    pub by: Party,
    /// When, RFC 3339.
    pub at: String,
}

/// A pin that stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Pinned {
    /// Who pinned it.
    pub by: Party,
    /// When, RFC 3339.
    pub at: String,
}

/// An option of a poll and who chose it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// The option.
    pub option: String,
    /// Who.
    pub voters: Vec<Party>,
}

/// An answer to a calendar event.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// Whether they come; none when it could not be decrypted.
    pub answer: Option<Answer>,
    /// How many they bring.
    pub extra_guests: Option<u32>,
    /// Who answered.
    pub sender: Party,
    /// When, RFC 3339.
    pub at: String,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Became {
    /// Of each person the last, if it was not taken back.
    pub reactions: Vec<Reacted>,
    /// When it got another wording, RFC 3339; the message has that wording.
    pub edited_at: Option<String>,
    /// Whether it is gone for everybody.
    pub deleted: Option<Deleted>,
    /// Who put it at the top of the chat.
    pub pinned: Option<Pinned>,
    /// Somebody keeps it from disappearing.
    pub kept: bool,
    /// Of a poll: each option.
    pub votes: Option<Vec<Tally>>,
    /// Of a calendar event.
    pub responses: Option<Vec<Answered>>,
}

/// The marks at some messages, by WhatsApp's ids of those.
#[derive(Debug, Default)]
pub(super) struct Marks(HashMap<String, Vec<Message>>);

impl Marks {
    pub(super) async fn at(
        db: &DatabaseConnection,
        session: SessionId,
        targets: &[&str],
    ) -> Result<Self, Error> {
        let mut marks = Self::default();
        if targets.is_empty() {
            return Ok(marks);
        }
        for row in db::message_marks::at(db, session, targets).await? {
            let message_marks::Model { target, body, .. } = row;
            let mark = serde_json::from_str(&body).map_err(Error::internal)?;
            marks.0.entry(target).or_default().push(mark);
        }
        Ok(marks)
    }

    /// What became of `message`, which gets its last wording.
    pub(super) fn apply(&self, message: &mut Message) -> Became {
        let mut became = Became::default();
        if let Content::Poll { poll } = &message.content {
            let tally = |option: &String| Tally {
                option: option.clone(),
                voters: Vec::new(),
            };
            became.votes = Some(poll.options.iter().map(tally).collect());
        }
        if matches!(message.content, Content::Event { .. }) {
            became.responses = Some(Vec::new());
        }
        let marks = self.0.get(&message.message_id).into_iter().flatten();
        for mark in marks {
            if mark.chat.party.is(&message.chat.party) {
                became.note(mark, message);
            }
        }
        became
    }
}

impl Became {
    fn note(&mut self, mark: &Message, message: &mut Message) {
        let (sender, at) = (mark.sender.clone(), mark.timestamp.clone());
        match &mark.content {
            Content::Reaction { reaction } if !reaction.emoji.is_empty() => {
                self.reactions.push(Reacted {
                    emoji: reaction.emoji.clone(),
                    sender,
                    at,
                });
            }
            Content::Edit { edit }
                if sender.is(&message.sender) && message.content.reword(edit) =>
            {
                self.edited_at = Some(at);
            }
            // Who else may delete it was judged when the deletion came in.
            Content::Revoke { .. }
                if sender.is(&message.sender) || message.chat.kind == ChatKind::Group =>
            {
                self.deleted = Some(Deleted { by: sender, at });
            }
            Content::Pin { pin } => {
                self.pinned = pin.pinned.then_some(Pinned { by: sender, at });
            }
            Content::Keep { keep } => self.kept = keep.kept,
            Content::Vote { vote } => {
                let chosen = vote.options.as_deref().unwrap_or_default();
                let tallies = self.votes.iter_mut().flatten();
                for tally in tallies.filter(|tally| chosen.contains(&tally.option)) {
                    tally.voters.push(sender.clone());
                }
            }
            Content::Response { response } => {
                if let Some(responses) = &mut self.responses {
                    responses.push(Answered {
                        answer: response.answer,
                        extra_guests: response.extra_guests,
                        sender,
                        at,
                    });
                }
            }
            _ => {}
        }
    }
}
