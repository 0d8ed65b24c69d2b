//! The chats of a session follow what its journal writes, on each database.

use entity::{
    chats::Model,
    ids::{MessageRowId, NodeId, SessionId},
};
use tokio_util::sync::CancellationToken;
use wharf::{
    db,
    domain::{
        address::{Chat, ChatKind, Party},
        event::{ChatChanges, ChatUpdateData, Event, GroupChanges, GroupUpdateData},
        message::{Content, Context, Message, Reaction},
    },
    session::{Journal, Outgoing},
};

use super::numbers::journal;
use crate::harness::databases::{TestDb, leased, on_each_engine};

on_each_engine!(
    a_chat_counts_what_was_not_read_and_knows_its_last_message,
    what_is_read_twice_lowers_the_count_once,
    what_came_and_was_read_in_one_transaction_is_not_unread,
    app_state_changes_a_chat_and_makes_none_of_nothing,
    a_chat_that_is_removed_begins_anew,
    a_page_goes_on_where_the_last_one_ended,
);

pub(super) struct Stage {
    pub(super) test: TestDb,
    pub(super) session: SessionId,
    pub(super) journal: Journal,
}

impl Stage {
    pub(super) async fn set(test: TestDb) -> Self {
        let session = SessionId::new();
        let fence = leased(&test.db, session, NodeId::new()).await;
        let journal = journal(&test.db, fence, &CancellationToken::new());
        Self {
            test,
            session,
            journal,
        }
    }

    pub(super) async fn hears(&self, batch: Vec<Message>) {
        self.journal.record_messages(batch).await.unwrap();
    }

    async fn reads(&self, ids: &[&str]) {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        self.journal.record_read(ids).await.unwrap();
    }

    async fn is_told(&self, who: &str, changes: ChatChanges) {
        let update = Event::ChatUpdate(ChatUpdateData {
            chat: chat(who),
            changes,
            initial: false,
        });
        self.journal.record_events(vec![update]).await.unwrap();
    }

    async fn page(&self, after: Option<(i64, &str)>, limit: u64) -> Vec<Model> {
        let page = db::chats::page(&self.test.db, self.session, None, after, limit);
        page.await.unwrap()
    }

    async fn only(&self) -> Model {
        let mut all = self.page(None, 10).await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

pub(super) fn chat(phone: &str) -> Chat {
    Chat {
        party: Party::person(Some(phone.to_owned()), None),
        kind: ChatKind::User,
    }
}

/// A text that `phone` wrote in the second `at`.
pub(super) fn text(phone: &str, id: &str, at: u32) -> Message {
    Message {
        message_id: id.to_owned(),
        chat: chat(phone),
        sender: chat(phone).party,
        from_me: false,
        push_name: None,
        timestamp: format!("2026-01-01T00:00:{at:02}.000Z"),
        content: Content::text("Ahoy"),
        context: Context::default(),
        private: None,
    }
}

async fn a_chat_counts_what_was_not_read_and_knows_its_last_message(test: TestDb) {
    let stage = Stage::set(test).await;
    let reaction = Reaction {
        message_id: "A".to_owned(),
        emoji: "👍".to_owned(),
    };
    let reaction = Message {
        content: Content::Reaction { reaction },
        ..text("49170", "R", 9)
    };
    let own = Message {
        from_me: true,
        ..text("49170", "C", 3)
    };
    let batch = [text("49170", "A", 1), text("49170", "B", 2), own, reaction];
    stage.hears(batch.to_vec()).await;
    let row = stage.only().await;
    assert_eq!((row.unread, row.phone.as_deref()), (2, Some("49170")));
    assert_eq!(row.last_message_id.as_deref(), Some("C"));
    // WhatsApp delivers one again, and one that waited for long.
    stage.hears(vec![text("49170", "B", 2)]).await;
    stage.hears(vec![text("49170", "0", 0)]).await;
    let row = stage.only().await;
    assert_eq!((row.unread, row.last_message_id.as_deref()), (3, Some("C")));
    assert_eq!(row.last_sent_at, Some(1_767_225_603_000));

    let outgoing = Outgoing {
        id: MessageRowId::new(),
        to: "49170".repeat(2).parse().unwrap(),
        message: Message {
            from_me: true,
            ..text("49170", "D", 10)
        },
        payload: None,
        sent_at: 7,
    };
    stage.journal.record_outgoing(outgoing).await.unwrap();
    let row = stage.only().await;
    assert_eq!((row.unread, row.last_message_id.as_deref()), (3, Some("D")));
    let elsewhere = db::chats::page(&stage.test.db, SessionId::new(), None, None, 10);
    assert!(elsewhere.await.unwrap().is_empty());
}

async fn what_is_read_twice_lowers_the_count_once(test: TestDb) {
    let stage = Stage::set(test).await;
    let batch = ["A", "B", "C"].map(|id| text("49170", id, 1));
    stage.hears(batch.to_vec()).await;
    for _ in 0..2 {
        stage.reads(&["A", "A", "nobody's"]).await;
        assert_eq!(stage.only().await.unread, 2);
    }
    let (one, other) = (vec!["B".to_owned()], vec!["B".to_owned(), "C".to_owned()]);
    let both = (
        stage.journal.record_read(one),
        stage.journal.record_read(other),
    );
    tokio::try_join!(both.0, both.1).unwrap();
    assert_eq!(stage.only().await.unread, 0);
    let read = db::messages::with_ids(&stage.test.db, stage.session, &["A", "B", "C"]).await;
    assert!(read.unwrap().iter().all(|row| row.ack == 3));
}

async fn what_came_and_was_read_in_one_transaction_is_not_unread(test: TestDb) {
    let stage = Stage::set(test).await;
    let first = stage.journal.record_messages(vec![text("49170", "0", 0)]);
    let batch = vec![text("49170", "A", 1), text("49170", "B", 2)];
    let coming = stage.journal.record_messages(batch);
    let read = stage.journal.record_read(vec!["A".to_owned()]);
    tokio::try_join!(first, coming, read).unwrap();
    let left = stage.only().await.unread;
    let known = db::messages::with_ids(&stage.test.db, stage.session, &["0", "A", "B"]).await;
    let unread = known.unwrap().iter().filter(|row| row.ack < 3).count();
    assert_eq!(usize::try_from(left).unwrap(), unread);
    assert_eq!(left, 2);
}

async fn app_state_changes_a_chat_and_makes_none_of_nothing(test: TestDb) {
    let stage = Stage::set(test).await;
    let changes = |change: fn(&mut ChatChanges)| {
        let mut changes = ChatChanges::default();
        change(&mut changes);
        changes
    };
    let off =
        changes(|to| (to.archived, to.read, to.muted) = (Some(false), Some(true), Some(false)));
    stage.is_told("49171", off.clone()).await;
    assert!(stage.page(None, 10).await.is_empty());

    stage.hears(vec![text("49170", "A", 1)]).await;
    let on = changes(|to| (to.archived, to.pinned) = (Some(true), Some(true)));
    stage.is_told("49170", on).await;
    let muted = changes(|to| to.muted = Some(true));
    stage.is_told("49170", muted).await;
    let row = stage.only().await;
    assert_eq!((row.archived, row.pinned), (Some(true), Some(true)));
    assert_eq!((row.muted_until, row.unread), (Some(-1), 1));
    let for_a_while = changes(|to| {
        to.muted = Some(true);
        to.muted_until = Some("2026-01-02T00:00:00.000Z".to_owned());
    });
    stage.is_told("49170", for_a_while).await;
    assert_eq!(stage.only().await.muted_until, Some(1_767_312_000_000));
    stage.is_told("49170", off).await;
    let row = stage.only().await;
    assert_eq!((row.archived, row.pinned), (Some(false), Some(true)));
    assert_eq!((row.muted_until, row.unread), (Some(0), 0));
    assert_eq!(row.last_message_id.as_deref(), Some("A"));
    stage.reads(&["A"]).await;
    assert_eq!(stage.only().await.unread, 0, "it was read with the chat");
    stage
        .is_told("49170", changes(|to| to.read = Some(false)))
        .await;
    let row = stage.only().await;
    assert_eq!((row.unread, row.marked_unread), (0, Some(true)));

    stage.hears(vec![text("49170", "B", 5)]).await;
    stage
        .is_told("49170", changes(|to| to.cleared = Some(true)))
        .await;
    let row = stage.only().await;
    assert_eq!((row.unread, row.last_message_id), (0, None));
    assert!(row.last_at > 0, "it keeps its place");

    let party = Party {
        id: "1203630@g.us".to_owned(),
        phone: None,
        lid: None,
    };
    let renamed = Event::GroupUpdate(Box::new(GroupUpdateData {
        chat: Chat {
            party,
            kind: ChatKind::Group,
        },
        by: None,
        timestamp: String::new(),
        changes: GroupChanges {
            subject: Some("Crew ⚓".to_owned()),
            ..GroupChanges::default()
        },
    }));
    stage.journal.record_events(vec![renamed]).await.unwrap();
    let page = stage.page(None, 10).await;
    assert_eq!(page[1].name.as_deref(), Some("Crew ⚓"));
}

async fn a_chat_that_is_removed_begins_anew(test: TestDb) {
    let stage = Stage::set(test).await;
    stage.hears(vec![text("49170", "A", 1)]).await;
    let pinned = ChatChanges {
        pinned: Some(true),
        ..ChatChanges::default()
    };
    stage.is_told("49170", pinned).await;
    let deleted = ChatChanges {
        deleted: Some(true),
        ..ChatChanges::default()
    };
    stage.is_told("49170", deleted.clone()).await;
    assert!(stage.page(None, 10).await.is_empty());
    stage.reads(&["A"]).await;
    assert!(stage.page(None, 10).await.is_empty());
    stage.hears(vec![text("49170", "B", 2)]).await;
    // Removed and written to in one transaction.
    let first = stage.journal.record_messages(vec![text("49171", "X", 1)]);
    let gone = stage
        .journal
        .record_events(vec![Event::ChatUpdate(ChatUpdateData {
            chat: chat("49170"),
            changes: deleted,
            initial: false,
        })]);
    let back = stage.journal.record_messages(vec![text("49170", "C", 3)]);
    tokio::try_join!(first, gone, back).unwrap();
    let page = stage.page(None, 10).await;
    assert_eq!((page[0].unread, page[0].pinned), (1, None), "{page:?}");
    assert_eq!(page[0].last_message_id.as_deref(), Some("C"));
}

async fn a_page_goes_on_where_the_last_one_ended(test: TestDb) {
    let stage = Stage::set(test).await;
    let batch = (0..600).map(|chat| text(&format!("49{chat:04}"), "A", chat % 7));
    stage.hears(batch.collect()).await;
    let mut seen: Vec<Model> = Vec::new();
    loop {
        let after = seen.last().map(|row| (row.last_at, row.id.as_str()));
        let page = stage.page(after, 97).await;
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen.len(), 600);
    let places = seen.windows(2);
    for pair in places {
        let [first, second] = pair else { continue };
        assert!((first.last_at, &first.id) > (second.last_at, &second.id));
    }
}
