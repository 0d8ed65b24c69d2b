//! What a search costs among a million messages, against the look-up of one by its key.
//!
//! However many messages have the word: a page of the newest is wanted of a hundred as of a hundred thousand.

use std::{fmt::Write as _, time::Instant};

use entity::{
    ids::{MessageRowId, SessionId},
    message_texts, messages,
};
use sea_orm::DatabaseConnection;
use wharf::{
    db::{self, Script, messages::Filter},
    domain::{message::Content, words::Search},
};

use crate::{
    databases::{Engine, TestDb},
    report::{Bound, Report, median},
};

const MESSAGES: usize = 1_000_000;
/// Rows of one transaction.
pub(crate) const BATCH: usize = 500;
/// A word, and that one message in so many has it.
const WORDS: [(&str, usize); 4] = [
    ("rare", 10_000),
    ("usual", 1_000),
    ("frequent", 100),
    ("common", 10),
];
const ASKED: usize = 50;
const ROUNDS: usize = 5;
const PAGE: u64 = 50;

/// Rows of messages and of their words.
pub(crate) type Batch = (Vec<messages::Model>, Vec<message_texts::Model>);

/// Where words are looked for.
struct Place {
    engine: Engine,
    test: TestDb,
    session: SessionId,
    ids: Vec<MessageRowId>,
}

pub(crate) async fn run(report: &mut Report) {
    for engine in [Engine::Sqlite, Engine::Postgres, Engine::MariaDb] {
        let test = TestDb::migrated(engine).await;
        let session = SessionId::new();
        let ids = fill(&test.db, session, MESSAGES).await;
        let place = Place {
            engine,
            test,
            session,
            ids,
        };
        place.compare(report).await;
    }
}

impl Place {
    /// Searches for each word, by turns with look-ups.
    async fn compare(&self, report: &mut Report) {
        let (db, session) = (&self.test.db, self.session);
        let mut lookups = Vec::new();
        let mut searches = vec![Vec::new(); WORDS.len()];
        // The first warms up.
        for _ in 0..=ROUNDS {
            lookups.push(look_up(db, session, &self.ids).await);
            for ((word, _), times) in WORDS.iter().zip(&mut searches) {
                times.push(search(db, session, word).await);
            }
        }
        for ((_, in_so_many), times) in WORDS.iter().zip(searches) {
            let pairs = times.iter().zip(&lookups).skip(1);
            let ratio = median(pairs.map(|(ours, bare)| ours / bare).collect());
            let what = format!(
                "search among 1,000,000 messages, a word that 1 in {in_so_many} has ÷ a look-up by key, {:?}",
                self.engine
            );
            let how = format!(
                "{:.2} ÷ {:.2} ms, the newest {PAGE}, median of {ROUNDS}",
                median(times[1..].to_vec()),
                median(lookups[1..].to_vec())
            );
            report.add(&what, ratio, Bound::AtMost(10.0), &how);
        }
    }
}

/// So many messages of one chat, with their words; gives the ids.
async fn fill(db: &DatabaseConnection, session: SessionId, count: usize) -> Vec<MessageRowId> {
    let mut ids = Vec::with_capacity(count);
    let mut next = 0;
    while next < count {
        let batch = next..count.min(next + BATCH);
        next = batch.end;
        let rows: Batch = batch.map(|index| row(session, index)).unzip();
        ids.extend(rows.0.iter().map(|message| message.id));
        insert(db, rows).await;
    }
    db::message_texts::settle(db).await.unwrap();
    ids
}

/// Messages and their words, in one transaction.
pub(crate) async fn insert(db: &DatabaseConnection, (said, words): Batch) {
    let tx = db::begin(db).await.unwrap();
    let mut script = Script::new(db.get_database_backend());
    db::messages::insert(&mut script, said);
    db::message_texts::insert(&mut script, words);
    assert!(script.run(&tx).await.unwrap());
    tx.commit().await.unwrap();
}

fn row(session: SessionId, index: usize) -> (messages::Model, message_texts::Model) {
    let at = 1_700_000_000_000 + i64::try_from(index).unwrap() * 1000;
    let id = MessageRowId::written_at(at);
    // Six words out of some thousands, as people have them.
    let mut text = String::new();
    for place in 1..=6 {
        let word = index
            .wrapping_mul(2_654_435_761)
            .wrapping_add(place * 40_503)
            % 5_000;
        write!(text, "word{word} ").unwrap();
    }
    for (word, in_so_many) in WORDS {
        if index.is_multiple_of(in_so_many) {
            text.push_str(word);
            text.push(' ');
        }
    }
    let chat = "491700300001@s.whatsapp.net".to_owned();
    let body = serde_json::to_string(&Content::text(text.as_str())).unwrap();
    let words = db::message_texts::row(session, id, &text).unwrap();
    let message = messages::Model {
        session_id: session,
        id,
        chat: chat.clone(),
        sender: chat,
        message_id: format!("3EB0{index:018}"),
        from_me: false,
        kind: "text".to_owned(),
        body,
        ack: 2,
        sent_at: at,
        created_at: at,
        untold: false,
    };
    (message, words)
}

/// Milliseconds of one look-up.
async fn look_up(db: &DatabaseConnection, session: SessionId, ids: &[MessageRowId]) -> f64 {
    let step = ids.len() / ASKED;
    let begun = Instant::now();
    for id in ids.iter().step_by(step).take(ASKED) {
        let found = db::messages::find(db, session, &id.to_string()).await;
        assert!(found.unwrap().is_some());
    }
    begun.elapsed().as_secs_f64() * 1000.0 / ASKED as f64
}

/// Milliseconds of one search.
async fn search(db: &DatabaseConnection, session: SessionId, word: &str) -> f64 {
    let filter = Filter {
        search: Some(Search::parse(word).unwrap()),
        ..Filter::default()
    };
    let begun = Instant::now();
    for _ in 0..ASKED {
        let page = db::messages::page(db, session, &filter, None, PAGE).await;
        assert_eq!(page.unwrap().len() as u64, PAGE);
    }
    begun.elapsed().as_secs_f64() * 1000.0 / ASKED as f64
}
