//! What became of a message, and what its answers are opened with.

use std::sync::Arc;

use entity::{
    ids::{MessageRowId, NodeId, SessionId},
    message_marks,
};
use tokio_util::sync::CancellationToken;
use wharf::{
    db::{self, messages::Filter},
    domain::{
        event::ErrorData,
        message::{Ack, Content, Message, Poll, Private, Reaction},
    },
    protocol::Payload,
    seal::SessionKeys,
    session::{Journal, Outgoing},
};

use super::numbers::{keys, message, sealing};
use crate::harness::databases::{TestDb, leased, on_each_engine};

on_each_engine!(
    the_last_reaction_of_a_person_stands_however_often_they_come,
    an_own_reaction_stands_from_the_ack_of_the_server_on,
    a_poll_keeps_its_secret_sealed_and_a_text_has_none,
    what_waits_to_be_sent_is_sealed,
);

fn reaction(to: &Message, emoji: &str) -> Message {
    Message {
        content: Content::Reaction {
            reaction: Reaction {
                message_id: to.message_id.clone(),
                emoji: emoji.to_owned(),
            },
        },
        ..message(0)
    }
}

async fn begun(test: &TestDb) -> (SessionId, Journal) {
    let (session, journal, _) = begun_with_keys(test).await;
    (session, journal)
}

async fn begun_with_keys(test: &TestDb) -> (SessionId, Journal, Arc<SessionKeys>) {
    let session = SessionId::new();
    let fence = leased(&test.db, session, NodeId::new()).await;
    let (keys, fenced) = (keys(session), CancellationToken::new());
    let journal = sealing(&test.db, fence, &fenced, Arc::clone(&keys));
    (session, journal, keys)
}

async fn marks(test: &TestDb, session: SessionId, target: &str) -> Vec<message_marks::Model> {
    let found = db::message_marks::at(&test.db, session, &[target]).await;
    found.unwrap()
}

async fn the_last_reaction_of_a_person_stands_however_often_they_come(test: TestDb) {
    let (session, journal) = begun(&test).await;
    let text = message(1);
    let id = text.message_id.clone();
    let (first, second) = (reaction(&text, "👍"), reaction(&text, "🎉"));
    let batch = vec![text, first.clone(), second];
    for _ in 0..2 {
        journal.record_messages(batch.clone()).await.unwrap();
    }
    // WhatsApp delivers an old one again.
    journal.record_messages(vec![first]).await.unwrap();
    let marks = marks(&test, session, &id).await;
    assert_eq!(marks.len(), 1, "{marks:?}");
    assert!(marks[0].body.contains("🎉"), "{}", marks[0].body);
    let listed = db::messages::page(&test.db, session, &Filter::default(), None, 10).await;
    assert_eq!(listed.unwrap().len(), 1, "a reaction is in no list");
}

async fn an_own_reaction_stands_from_the_ack_of_the_server_on(test: TestDb) {
    let (session, journal) = begun(&test).await;
    let text = message(1);
    journal.record_messages(vec![text.clone()]).await.unwrap();
    for taken in [false, true] {
        let own = Message {
            from_me: true,
            ..reaction(&text, "👍")
        };
        let id = own.message_id.clone();
        let outgoing = Outgoing {
            id: MessageRowId::new(),
            to: "491700300001".parse().unwrap(),
            message: own,
            payload: Some(Payload::from_stored(vec![1, 2, 3])),
            sent_at: 0,
        };
        journal.record_outgoing(outgoing).await.unwrap();
        let none = marks(&test, session, &text.message_id).await;
        assert!(none.is_empty(), "{none:?}");
        if taken {
            journal.record_acks(vec![id], Ack::Server).await.unwrap();
        } else {
            let error = ErrorData {
                code: "x".to_owned(),
                detail: "y".to_owned(),
            };
            journal.record_failure(id, error).await.unwrap();
        }
        let found = marks(&test, session, &text.message_id).await;
        assert_eq!(found.len(), usize::from(taken));
    }
}

async fn a_poll_keeps_its_secret_sealed_and_a_text_has_none(test: TestDb) {
    let (session, journal, keys) = begun_with_keys(&test).await;
    let poll = Poll {
        name: "?".to_owned(),
        options: vec!["a".to_owned(), "b".to_owned()],
        multi: false,
        quiz: None,
    };
    let poll = Message {
        content: Content::Poll { poll },
        private: Some(Box::new(Private::Secret(vec![7; 32]))),
        ..message(0)
    };
    let id = poll.message_id.clone();
    let both = vec![poll, message(1)];
    journal.record_messages(both).await.unwrap();
    let rows = db::messages::page(&test.db, session, &Filter::default(), None, 10).await;
    let rows = rows.unwrap();
    assert!(rows.iter().all(|row| !row.body.contains("secret")));
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let secrets = db::message_secrets::of(&test.db, session, &ids).await;
    let secrets = secrets.unwrap();
    assert_eq!(secrets.len(), 1);
    let poll = rows.iter().find(|row| row.message_id == id).unwrap();
    assert_eq!(secrets[0].id, poll.id);
    let sealed = &secrets[0].secret;
    assert!(!sealed.windows(32).any(|part| part == [7; 32]));
    let open = |row: &[u8]| keys.open(db::message_secrets::TABLE, row, sealed);
    assert_eq!(**open(poll.id.0.as_bytes()).unwrap(), [7; 32]);
    let text = ids.iter().find(|id| **id != poll.id).unwrap();
    assert!(open(text.0.as_bytes()).is_err(), "of another row");
}

async fn what_waits_to_be_sent_is_sealed(test: TestDb) {
    let (session, journal, keys) = begun_with_keys(&test).await;
    let id = MessageRowId::new();
    let outgoing = Outgoing {
        id,
        to: "491700300001".parse().unwrap(),
        message: Message {
            from_me: true,
            ..message(1)
        },
        payload: Some(Payload::from_stored(vec![9; 48])),
        sent_at: 0,
    };
    journal.record_outgoing(outgoing).await.unwrap();
    let waiting = db::outgoing::queued(&test.db, session, 10).await.unwrap();
    let sealed = waiting[0].0.payload.clone().unwrap();
    assert!(!sealed.windows(48).any(|part| part == [9; 48]));
    let opened = keys.open(db::outgoing::TABLE, id.0.as_bytes(), &sealed);
    assert_eq!(**opened.unwrap(), [9; 48]);
}
