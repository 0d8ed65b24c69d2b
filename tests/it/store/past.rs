//! What a phone tells of the past may also come itself: whichever is first, it is told by one event, on each database.

use futures_util::future::join_all;
use wharf::{
    db,
    domain::{
        history::{Past, PastChat, PastMessage},
        message::{Ack, Message},
    },
};

use super::chats::{Stage, chat, text};
use crate::harness::databases::{TestDb, on_each_engine};

on_each_engine!(
    a_message_that_the_past_has_brought_is_told_once_when_it_comes,
    a_message_that_came_is_not_told_again_when_the_past_brings_it,
    a_message_that_comes_beside_its_past_is_told_once,
);

impl Stage {
    async fn is_told_of(&self, ids: &[&str]) {
        self.journal.record_past(past(ids)).await.unwrap();
    }

    /// The ids of the messages that events tell, in the order of the log.
    async fn told(&self) -> Vec<String> {
        let events = db::events::page(&self.test.db, self.session, 0, &[], 100).await;
        let ids = events.unwrap().into_iter().map(|event| {
            let data: serde_json::Value = serde_json::from_str(&event.payload).unwrap();
            data["message_id"].as_str().unwrap().to_owned()
        });
        ids.collect()
    }

    /// How many messages are stored, and how many of them are unread.
    async fn kept(&self) -> (usize, i32) {
        let (db, session) = (&self.test.db, self.session);
        let filter = db::messages::Filter::default();
        let messages = db::messages::page(db, session, &filter, None, 100).await;
        let chats = db::chats::page(db, session, None, None, 10).await.unwrap();
        let unread = chats.iter().map(|chat| chat.unread).sum();
        (messages.unwrap().len(), unread)
    }
}

fn said(id: &str) -> Message {
    text("49170", id, 0)
}

fn past(ids: &[&str]) -> Past {
    let messages = ids.iter().map(|id| PastMessage {
        message: said(id),
        ack: Ack::Device,
    });
    Past {
        chat: PastChat {
            chat: chat("49170"),
            name: None,
            archived: false,
            pinned: false,
            muted_until: None,
            ephemeral_s: None,
            marked_unread: false,
        },
        messages: messages.collect(),
    }
}

async fn a_message_that_the_past_has_brought_is_told_once_when_it_comes(test: TestDb) {
    let stage = Stage::set(test).await;
    stage.is_told_of(&["A", "B"]).await;
    assert!(stage.told().await.is_empty());
    stage.hears(vec![said("B")]).await;
    assert_eq!(stage.told().await, ["B"]);
    // WhatsApp delivers it again, and the phone tells it again.
    stage.hears(vec![said("B")]).await;
    stage.is_told_of(&["A", "B"]).await;
    stage.hears(vec![said("B")]).await;
    assert_eq!(stage.told().await, ["B"]);
    assert_eq!(stage.kept().await, (2, 2));
}

async fn a_message_that_came_is_not_told_again_when_the_past_brings_it(test: TestDb) {
    let stage = Stage::set(test).await;
    stage.hears(vec![said("A")]).await;
    stage.is_told_of(&["A"]).await;
    stage.hears(vec![said("A")]).await;
    assert_eq!(stage.told().await, ["A"]);
    assert_eq!(stage.kept().await, (1, 1));
}

async fn a_message_that_comes_beside_its_past_is_told_once(test: TestDb) {
    let stage = Stage::set(test).await;
    let ids: Vec<String> = (0..20).map(|number| format!("M{number:02}")).collect();
    let both = ids.iter().enumerate().map(async |(number, id)| {
        let hears = stage.hears(vec![said(id)]);
        let is_told = async { stage.is_told_of(&[id]).await };
        if number % 2 == 0 {
            tokio::join!(hears, is_told);
        } else {
            tokio::join!(is_told, hears);
        }
    });
    join_all(both).await;
    let mut told = stage.told().await;
    told.sort();
    assert_eq!(told, ids);
    assert_eq!(stage.kept().await, (20, 20));
}
