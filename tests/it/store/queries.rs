//! What is asked of stored messages and of chats is found by an index, in order, on each database.

use entity::{
    chats,
    ids::{MessageRowId, SessionId},
    messages,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait};
use wharf::db::{self, messages::Filter};

use crate::harness::{
    databases::{TestDb, on_each_engine},
    explained::Explained,
};

on_each_engine!(
    each_filter_finds_its_messages_by_an_index_and_in_order,
    the_list_of_chats_is_read_in_its_order,
);

const SESSIONS: usize = 10;
const EACH: usize = 1_500;
const CHATS: usize = 30;
const LARGE: [&str; 2] = ["messages", "chats"];
/// A second after this begins with each message.
const START: i64 = 1_700_000_000_000;

fn person(number: usize) -> String {
    format!("4917{number:06}@s.whatsapp.net")
}

fn row(session: SessionId, number: usize) -> messages::Model {
    let sent_at = START + i64::try_from(number).unwrap() * 1000;
    let sender = number % CHATS;
    let kind = if number.is_multiple_of(50) {
        "image"
    } else {
        "text"
    };
    messages::Model {
        session_id: session,
        id: MessageRowId::written_at(sent_at),
        chat: person(sender),
        sender: person(if number.is_multiple_of(2) {
            sender
        } else {
            999
        }),
        message_id: format!("3EB0{number:08}"),
        from_me: !number.is_multiple_of(2),
        kind: if number % 50 == 7 { "reaction" } else { kind }.to_owned(),
        body: "{}".to_owned(),
        ack: 2,
        sent_at,
        created_at: sent_at,
        untold: false,
    }
}

async fn fill(db: &DatabaseConnection) -> SessionId {
    let sessions: Vec<SessionId> = (0..SESSIONS).map(|_| SessionId::new()).collect();
    for session in &sessions {
        // Not in the order in which they were written, as history comes.
        let numbers = (0..EACH).map(|number| (number * 7) % EACH);
        let rows: Vec<_> = numbers.map(|number| row(*session, number)).collect();
        for some in rows.chunks(500) {
            let some = some.iter().cloned().map(messages::ActiveModel::from);
            let insert = messages::Entity::insert_many(some);
            insert.exec_without_returning(db).await.unwrap();
        }
        let chat = |number: usize| chats::Model {
            session_id: *session,
            id: person(number),
            phone: None,
            lid: Some(format!("{number}@lid")),
            name: None,
            unread: 0,
            marked_unread: None,
            archived: None,
            pinned: None,
            muted_until: None,
            ephemeral_s: None,
            last_at: START + i64::try_from(number % 20).unwrap(),
            last_message_id: None,
            last_sent_at: None,
            updated_at: 0,
        };
        let some = (0..EACH / 3).map(|number| chats::ActiveModel::from(chat(number)));
        let insert = chats::Entity::insert_many(some);
        insert.exec_without_returning(db).await.unwrap();
    }
    let analyze = match db.get_database_backend() {
        DbBackend::MySql => format!("ANALYZE TABLE {}", LARGE.join(", ")),
        _ => "ANALYZE".to_owned(),
    };
    db.execute_unprepared(&analyze).await.unwrap();
    sessions[3]
}

async fn each_filter_finds_its_messages_by_an_index_and_in_order(test: TestDb) {
    let session = fill(&test.db).await;
    let db = &Explained::new(&test.db, &LARGE);
    let all = Filter::default();
    let of = |change: fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    let fits = |filter: &Filter, number: usize| {
        let row = row(session, number);
        let is =
            |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|w| w == value);
        is(&filter.chat, &row.chat)
            && is(&filter.sender, &row.sender)
            && is(&filter.kind, &row.kind)
            && row.kind != "reaction"
            && filter.from_me.is_none_or(|own| own == row.from_me)
            && filter.from.is_none_or(|from| row.sent_at >= from)
            && filter.to.is_none_or(|to| row.sent_at < to)
    };
    let filters = [
        (all, ""),
        (of(|to| to.chat = Some(person(4))), "ix_messages_chat"),
        (of(|to| to.sender = Some(person(8))), "ix_messages_sender"),
        (
            of(|to| to.kind = Some("image".to_owned())),
            "ix_messages_kind",
        ),
        (of(|to| to.from_me = Some(true)), ""),
        (
            of(|to| (to.from, to.to) = (Some(START + 300_000), Some(START + 400_000))),
            "",
        ),
        (
            of(|to| {
                to.chat = Some(person(4));
                (to.from, to.from_me) = (Some(START + 300_000), Some(false));
            }),
            "",
        ),
    ];
    for (filter, index) in filters {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = db::messages::page(db, session, &filter, cursor, 200).await;
            let page = page.unwrap();
            let Some(last) = page.last() else { break };
            cursor = Some(last.id);
            seen.extend(page.into_iter().map(|row| row.message_id));
            assert!(db.last().contains(index), "{filter:?}: {}", db.last());
        }
        let wanted = (0..EACH).rev().filter(|number| fits(&filter, *number));
        let wanted: Vec<String> = wanted
            .map(|number| row(session, number).message_id)
            .collect();
        assert!(!wanted.is_empty());
        assert_eq!(seen, wanted, "{filter:?}");
    }
    db::messages::unread_in(db, session, &person(4), 3)
        .await
        .unwrap();
    db::messages::unread_among(db, session, &["3EB000000001"])
        .await
        .unwrap();
    db.assert_no_whole_table();
    let nobody = db::messages::page(db, SessionId::new(), &Filter::default(), None, 9).await;
    assert!(
        nobody.unwrap().is_empty(),
        "another session has none of them"
    );
}

async fn the_list_of_chats_is_read_in_its_order(test: TestDb) {
    let session = fill(&test.db).await;
    let db = &Explained::new(&test.db, &LARGE);
    let first = db::chats::page(db, session, None, None, 50).await.unwrap();
    let last = first.last().unwrap();
    let after = Some((last.last_at, last.id.as_str()));
    let second = db::chats::page(db, session, None, after, 50).await.unwrap();
    assert!((last.last_at, &last.id) > (second[0].last_at, &second[0].id));
    db::chats::of(db, session, &[&last.id, "nobody"])
        .await
        .unwrap();
    let found = db::chats::by_lid(db, session, "4@lid").await.unwrap();
    assert_eq!(found, Some(person(4)));
    db.assert_no_whole_table();
}
