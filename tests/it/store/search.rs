//! Search: the same words give the same messages on each database.

use entity::ids::{NodeId, SessionId};
use sea_orm::DbBackend;
use tokio_util::sync::CancellationToken;
use wharf::{
    db::{self, messages::Filter},
    domain::{
        address::{Chat, ChatKind, Party},
        message::{Ack, Content, Context, Edit, Message, Revoke, Text},
        words::Search,
    },
    session::{Journal, Outgoing},
};

use super::numbers::journal;
use crate::harness::{
    databases::{TestDb, leased, on_each_engine},
    explained::Explained,
};

on_each_engine!(
    the_same_words_find_the_same_messages,
    nobody_finds_what_another_session_has,
    an_edit_replaces_the_words_and_a_deletion_removes_them,
    what_changes_before_it_is_indexed_is_found_as_it_is_now,
    hits_come_newest_first_in_pages_and_with_other_filters,
);

struct Stage<'a> {
    test: &'a TestDb,
    session: SessionId,
    journal: Journal,
}

impl<'a> Stage<'a> {
    async fn set(test: &'a TestDb) -> Self {
        let session = SessionId::new();
        let fence = leased(&test.db, session, NodeId::new()).await;
        let journal = journal(&test.db, fence, &CancellationToken::new());
        Self {
            test,
            session,
            journal,
        }
    }

    async fn hears(&self, texts: &[&str]) {
        let batch = texts.iter().map(|text| said(text, Content::text(*text)));
        let written = self.journal.record_messages(batch.collect()).await;
        written.unwrap();
    }

    async fn finds(&self, question: &str) -> Vec<String> {
        let filter = Filter {
            search: Some(Search::parse(question).unwrap()),
            ..Filter::default()
        };
        let db = &self.test.db;
        db::message_texts::settle(db).await.unwrap();
        let page = db::messages::page(db, self.session, &filter, None, 50).await;
        let mut ids: Vec<_> = page
            .unwrap()
            .into_iter()
            .map(|row| row.message_id)
            .collect();
        ids.sort();
        ids
    }
}

fn said(id: &str, content: Content) -> Message {
    let party = Party::person(Some("49170".to_owned()), None);
    Message {
        message_id: id.to_owned(),
        chat: Chat {
            party: party.clone(),
            kind: ChatKind::User,
        },
        sender: party,
        from_me: false,
        push_name: None,
        timestamp: "2026-01-01T00:00:00.000Z".to_owned(),
        content,
        context: Context::default(),
        private: None,
    }
}

fn edit(of: &str, text: &str) -> Content {
    Content::Edit {
        edit: Edit {
            caption: None,
            message_id: of.to_owned(),
            text: Some(Text {
                body: text.to_owned(),
            }),
        },
    }
}

fn revoke(of: &str) -> Content {
    Content::Revoke {
        revoke: Revoke {
            message_id: of.to_owned(),
        },
    }
}

async fn the_same_words_find_the_same_messages(test: TestDb) {
    let stage = Stage::set(&test).await;
    let endless = "x".repeat(120);
    let texts = [
        "Ahoy, the ship is IN!",
        "the",
        "A to be or not to be",
        "Straße nach Köln",
        "Привет мир",
        "日本の船",
        "C-3PO & R2-D2 cost 1e10",
        "ann@example.com sees https://example.org/zoo",
        "zoology, \"quoted\" + (odd) 'signs' * ~ < > @5",
        &endless,
        "👍👍",
    ];
    stage.hears(&texts).await;
    for (question, found) in [
        ("ahoy", vec![0]),
        ("SHIP in", vec![0]),
        ("in the ahoy", vec![0]),
        ("ship out", vec![]),
        ("the", vec![0, 1]),
        ("a", vec![2]),
        ("to be", vec![2]),
        ("shi", vec![]),
        ("shi*", vec![0]),
        ("s*", vec![0, 3, 7, 8]),
        ("STRASSE", vec![]),
        ("straße", vec![3]),
        ("köln", vec![3]),
        ("koln", vec![]),
        ("ПРИВЕТ", vec![4]),
        ("при*", vec![4]),
        ("船", vec![5]),
        ("日本", vec![5]),
        ("3po d2", vec![6]),
        ("1e10", vec![6]),
        ("example", vec![7]),
        ("zoo", vec![7]),
        ("zoo*", vec![7, 8]),
        ("quoted odd signs 5", vec![8]),
        ("odd* AND", vec![]),
        ("or", vec![2]),
        ("not near", vec![]),
        (&endless, vec![9]),
        ("example.com", vec![7]),
    ] {
        let mut wanted: Vec<&str> = found.into_iter().map(|at| texts[at]).collect();
        wanted.sort_unstable();
        assert_eq!(stage.finds(question).await, wanted, "{question}");
    }
}

async fn nobody_finds_what_another_session_has(test: TestDb) {
    let (ann, bob) = (Stage::set(&test).await, Stage::set(&test).await);
    ann.hears(&["the secret of ann"]).await;
    bob.hears(&["the secret of bob"]).await;
    assert_eq!(ann.finds("secret").await, ["the secret of ann"]);
    assert_eq!(bob.finds("secret").await, ["the secret of bob"]);
    assert!(bob.finds("ann").await.is_empty());
}

async fn an_edit_replaces_the_words_and_a_deletion_removes_them(test: TestDb) {
    let stage = Stage::set(&test).await;
    stage.hears(&["first", "second"]).await;
    let record = async |batch: Vec<Message>| stage.journal.record_messages(batch).await.unwrap();
    record(vec![said("E1", edit("first", "other words"))]).await;
    assert!(stage.finds("first").await.is_empty());
    assert_eq!(stage.finds("other").await, ["first"]);
    // In one batch with what it is about.
    let third = said("third", Content::text("third"));
    record(vec![third, said("E2", edit("third", "more words"))]).await;
    assert_eq!(stage.finds("words").await, ["first", "third"]);
    record(vec![
        said("R1", revoke("first")),
        said("R2", revoke("third")),
    ])
    .await;
    assert!(stage.finds("words").await.is_empty());
    // Somebody else may not.
    let mallory = Party::person(Some("49666".to_owned()), None);
    let forged = Message {
        sender: mallory,
        ..said("E3", edit("second", "forged"))
    };
    record(vec![forged]).await;
    assert_eq!(stage.finds("second").await, ["second"]);
    assert!(stage.finds("forged").await.is_empty());

    let own = |id: &str, content| Outgoing {
        id: entity::ids::MessageRowId::new(),
        to: "491700".parse().unwrap(),
        message: Message {
            from_me: true,
            ..said(id, content)
        },
        payload: None,
        sent_at: 0,
    };
    let text = own("own", Content::text("mine alone"));
    stage.journal.record_outgoing(text).await.unwrap();
    assert_eq!(stage.finds("mine").await, ["own"]);
    let edited = own("E4", edit("own", "ours now"));
    stage.journal.record_outgoing(edited).await.unwrap();
    assert_eq!(
        stage.finds("mine").await,
        ["own"],
        "not before the server has it"
    );
    let taken = stage
        .journal
        .record_acks(vec!["E4".to_owned()], Ack::Server);
    taken.await.unwrap();
    assert!(stage.finds("mine").await.is_empty());
    assert_eq!(stage.finds("ours").await, ["own"]);
}

async fn what_changes_before_it_is_indexed_is_found_as_it_is_now(test: TestDb) {
    let stage = Stage::set(&test).await;
    let record = async |batch: Vec<Message>| stage.journal.record_messages(batch).await.unwrap();
    stage.hears(&["kept", "edited", "deleted"]).await;
    record(vec![
        said("E1", edit("edited", "changed")),
        said("R1", revoke("deleted")),
    ])
    .await;
    assert_eq!(stage.finds("kept").await, ["kept"]);
    assert_eq!(stage.finds("changed").await, ["edited"]);
    assert!(stage.finds("edited").await.is_empty());
    assert!(stage.finds("deleted").await.is_empty());
    // The newest of them are taken out, and others come in their place.
    stage.hears(&["one", "two"]).await;
    assert_eq!(stage.finds("two").await, ["two"]);
    record(vec![
        said("R2", revoke("one")),
        said("R3", revoke("two")),
        said("R4", revoke("edited")),
    ])
    .await;
    stage.hears(&["three", "four", "five", "six"]).await;
    for word in ["three", "four", "five", "six", "kept"] {
        assert_eq!(stage.finds(word).await, [word]);
    }
    for word in ["one", "two", "changed"] {
        assert!(stage.finds(word).await.is_empty(), "{word}");
    }
    // More than are indexed together.
    for number in 0..70 {
        stage.hears(&[&format!("many n{number}")]).await;
    }
    assert_eq!(stage.finds("n0").await, ["many n0"]);
    assert_eq!(stage.finds("n69").await, ["many n69"]);
    assert_eq!(stage.finds("many").await.len(), 50);
}

async fn hits_come_newest_first_in_pages_and_with_other_filters(test: TestDb) {
    let stage = Stage::set(&test).await;
    let other = Stage::set(&test).await;
    for stage in [&stage, &other] {
        for some in 0..10 {
            let batch = (0..100).map(|number| {
                let number = some * 100 + number;
                let seconds = (number * 7) % 1000;
                let (minute, second) = (seconds / 60, seconds % 60);
                Message {
                    timestamp: format!("2026-01-01T00:{minute:02}:{second:02}.000Z"),
                    ..said(
                        &format!("{seconds:04}"),
                        Content::text(if seconds % 10 == 0 { "red wine" } else { "red" }),
                    )
                }
            });
            stage
                .journal
                .record_messages(batch.collect())
                .await
                .unwrap();
        }
    }
    db::message_texts::settle(&test.db).await.unwrap();
    let db = &Explained::new(&test.db, &["messages"]);
    let filter = |question: &str| Filter {
        search: Some(Search::parse(question).unwrap()),
        chat: Some("49170@s.whatsapp.net".to_owned()),
        ..Filter::default()
    };
    for (question, step) in [("wine", 10), ("red", 1), ("re* wine", 10)] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        let filter = filter(question);
        loop {
            let page = db::messages::page(db, stage.session, &filter, cursor, 37).await;
            let page = page.unwrap();
            let Some(last) = page.last() else { break };
            cursor = Some(last.id);
            seen.extend(page.into_iter().map(|row| row.message_id));
        }
        let wanted = (0..1000).step_by(step).rev();
        let wanted: Vec<String> = wanted.map(|number| format!("{number:04}")).collect();
        assert_eq!(seen, wanted, "{question}");
    }
    if test.db.get_database_backend() == DbBackend::Sqlite {
        // Not the index once for each row: that took half a minute among a million.
        let plans = db.plans();
        let joined = |plan: &&String| plan.contains("SCAN message_words") && plan.contains(" t ");
        let joined: Vec<&String> = plans.iter().filter(joined).collect();
        assert!(!joined.is_empty(), "{plans:?}");
        for plan in joined {
            assert!(
                plan.contains("SEARCH t USING INTEGER PRIMARY KEY"),
                "{plan}"
            );
        }
    }
    if test.db.get_database_backend() == DbBackend::Postgres {
        // Not all that the session has beside the hits: before the table was counted, that took most of a search.
        let plans = db.plans();
        let searched = |plan: &&String| plan.contains("tsquery");
        let searched: Vec<&String> = plans.iter().filter(searched).collect();
        assert!(!searched.is_empty(), "{plans:?}");
        for plan in searched {
            assert!(!plan.contains("message_texts_pkey"), "{plan}");
            assert!(!plan.contains("Gather"), "{plan}");
        }
    }
    let elsewhere = Filter {
        chat: Some("49171@s.whatsapp.net".to_owned()),
        ..filter("red")
    };
    let none = db::messages::page(db, stage.session, &elsewhere, None, 9).await;
    assert!(none.unwrap().is_empty());
    db.assert_no_whole_table();
}
