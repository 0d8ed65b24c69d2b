//! Search over years: a page of hits is whole wherever in time they are, and no question reads them all.

use entity::{
    ids::{MessageRowId, SessionId},
    message_texts, messages,
};
use migration::{Migrator, MigratorTrait as _};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DbBackend, EntityTrait as _, QueryFilter as _,
};
use wharf::{
    db::{self, Script, messages::Filter},
    domain::{message::Content, words::Search},
};

use crate::harness::{
    databases::{TestDb, on_each_engine},
    explained::Explained,
};

on_each_engine!(
    a_page_of_hits_is_whole_wherever_in_time_they_are,
    a_page_takes_few_questions_and_each_is_answered_by_the_index,
    words_that_were_there_before_eras_are_found,
);

/// 2026-11-30T12:00:00Z, when the newest message was written.
const NOON: i64 = 1_796_040_000_000;
/// So many times a hundred are written within two minutes.
const BURSTS: i64 = 20;
const BURST: i64 = 100;
const PAGE: u64 = 20;

/// A message and its words. The numbers go back in time, from burst to burst twice as far as before: four years.
struct Said {
    number: i64,
    at: i64,
    text: String,
}

fn said() -> Vec<Said> {
    let all = (0..BURSTS * BURST).map(|number| {
        let minutes = 2 * ((1 << (number / BURST)) - 1);
        let at = NOON - minutes * 60_000 - number % BURST * 1_000;
        let mut text = format!("every n{number}");
        for (word, has_it) in [
            ("third", number % 3 == 0),
            ("fiftieth", number % 50 == 7),
            ("thrice", [3, 900, BURSTS * BURST - 1].contains(&number)),
            ("early", number >= 18 * BURST),
            ("late", number < 70),
        ] {
            if has_it {
                text.push(' ');
                text.push_str(word);
            }
        }
        Said { number, at, text }
    });
    all.collect()
}

fn rows(session: SessionId, said: &Said) -> (messages::Model, message_texts::Model) {
    let id = MessageRowId::written_at(said.at);
    let words = db::message_texts::row(session, id, &said.text).unwrap();
    let chat = format!("4917{}@s.whatsapp.net", said.number % 2);
    let message = messages::Model {
        session_id: session,
        id,
        sender: chat.clone(),
        chat,
        message_id: said.number.to_string(),
        from_me: false,
        kind: "text".to_owned(),
        body: serde_json::to_string(&Content::text(said.text.as_str())).unwrap(),
        ack: 2,
        sent_at: said.at,
        created_at: said.at,
        untold: false,
    };
    (message, words)
}

/// Writes all of them, not in the order in which they were said; and what another session has of the same words.
async fn fill(db: &DatabaseConnection) -> SessionId {
    let sessions = [SessionId::new(), SessionId::new()];
    let mut all = said();
    all.sort_by_key(|said| (said.number * 7) % (BURSTS * BURST));
    for some in all.chunks(500) {
        for session in sessions {
            let (said, words) = some.iter().map(|said| rows(session, said)).unzip();
            let tx = db::begin(db).await.unwrap();
            let mut script = Script::new(db.get_database_backend());
            db::messages::insert(&mut script, said);
            db::message_texts::insert(&mut script, words);
            assert!(script.run(&tx).await.unwrap());
            tx.commit().await.unwrap();
        }
    }
    db::message_texts::settle(db).await.unwrap();
    sessions[0]
}

fn filter(question: &str) -> Filter {
    Filter {
        search: Some(Search::parse(question).unwrap()),
        ..Filter::default()
    }
}

const QUESTIONS: [&str; 9] = [
    "every",
    "third",
    "fiftieth",
    "thrice",
    "early",
    "late",
    "third fiftieth",
    "thi*",
    "fift* third",
];

async fn a_page_of_hits_is_whole_wherever_in_time_they_are(test: TestDb) {
    let session = fill(&test.db).await;
    let all = said();
    let has = |said: &Said, question: &str| {
        question.split(' ').all(|wanted| {
            said.text
                .split(' ')
                .any(|word| match wanted.strip_suffix('*') {
                    Some(beginning) => word.starts_with(beginning),
                    None => word == wanted,
                })
        })
    };
    let chat = Some("49171@s.whatsapp.net".to_owned());
    let (from, to) = (all[1_500].at, all[250].at);
    for question in QUESTIONS {
        for (narrowed, is_in_chat, is_in_time) in [
            (Filter::default(), false, false),
            (
                Filter {
                    chat: chat.clone(),
                    ..Filter::default()
                },
                true,
                false,
            ),
            (
                Filter {
                    from: Some(from),
                    to: Some(to),
                    ..Filter::default()
                },
                false,
                true,
            ),
        ] {
            let filter = Filter {
                search: filter(question).search,
                ..narrowed
            };
            let (mut found, mut cursor) = (Vec::new(), None);
            loop {
                let page = db::messages::page(&test.db, session, &filter, cursor, PAGE).await;
                let page = page.unwrap();
                assert!(page.len() as u64 <= PAGE);
                found.extend(page.iter().map(|row| row.message_id.clone()));
                match page.last() {
                    Some(last) if page.len() as u64 == PAGE => cursor = Some(last.id),
                    _ => break,
                }
            }
            let wanted = all.iter().filter(|said| {
                has(said, question)
                    && (!is_in_chat || said.number % 2 == 1)
                    && (!is_in_time || (from..to).contains(&said.at))
            });
            let wanted: Vec<String> = wanted.map(|said| said.number.to_string()).collect();
            assert_eq!(found, wanted, "{question} {filter:?}");
        }
    }
}

async fn a_page_takes_few_questions_and_each_is_answered_by_the_index(test: TestDb) {
    let session = fill(&test.db).await;
    for question in QUESTIONS {
        let db = Explained::new(&test.db, &["messages"]);
        let page = db::messages::page(&db, session, &filter(question), None, PAGE).await;
        assert!(!page.unwrap().is_empty());
        let plans = db.plans();
        assert!(plans.len() <= 8, "{question}: {plans:#?}");
        db.assert_no_whole_table();
        if test.db.get_database_backend() == DbBackend::Postgres {
            for plan in plans.iter().filter(|plan| plan.contains("tsquery")) {
                assert!(plan.contains("ft_message_texts"), "{plan}");
            }
        }
    }
}

/// How many steps of the schema lie between the one before this one and today's.
fn steps_since(step: &str) -> u32 {
    let newest_first = Migrator::migrations().into_iter().rev();
    let later = newest_first.take_while(|one| one.name() != step).count();
    u32::try_from(later).unwrap() + 1
}

async fn words_that_were_there_before_eras_are_found(test: TestDb) {
    let steps = steps_since("m20261130_000005_find_words_by_era");
    Migrator::down(&test.db, Some(steps)).await.unwrap();
    let session = SessionId::new();
    let endless = "x".repeat(120);
    let texts = ["ahoy the ship", &endless, "привет достопримечательность"];
    let mut before = Vec::new();
    for (text, number) in texts.iter().zip(0..) {
        let at = NOON - number * 1_000_000_000;
        let said = Said {
            number,
            at,
            text: (*text).to_owned(),
        };
        let (message, words) = rows(session, &said);
        let mut script = Script::new(test.db.get_database_backend());
        script.insert([messages::ActiveModel::from(message)]);
        script.insert([message_texts::ActiveModel::from(words.clone())]);
        script.commit(&test.db).await.unwrap();
        before.push(words);
    }
    Migrator::up(&test.db, None).await.unwrap();
    let finds = async |question: &str| {
        db::message_texts::settle(&test.db).await.unwrap();
        let page = db::messages::page(&test.db, session, &filter(question), None, PAGE).await;
        let found = page.unwrap().into_iter().map(|row| row.message_id);
        found.collect::<Vec<String>>()
    };
    for (question, wanted) in [
        ("ship", vec!["0"]),
        ("shi*", vec!["0"]),
        ("shi", vec![]),
        (&endless, vec!["1"]),
        ("достопримечательность", vec!["2"]),
        ("привет", vec!["2"]),
    ] {
        assert_eq!(finds(question).await, wanted, "{question}");
    }
    // And back, word for word but for what was cut.
    Migrator::down(&test.db, Some(steps)).await.unwrap();
    let mut after = message_texts::Entity::find()
        .filter(message_texts::Column::SessionId.eq(session))
        .all(&test.db)
        .await
        .unwrap();
    after.sort_by_key(|row| std::cmp::Reverse(row.id));
    assert_eq!(after[0], before[0]);
    for (after, before) in after.iter().zip(&before) {
        let pairs = after.terms.split(' ').zip(before.terms.split(' '));
        for (after, before) in pairs {
            assert!(before.starts_with(after) && after.len() >= before.len().min(75));
        }
    }
}
