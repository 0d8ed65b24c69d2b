//! Contacts that are kept: what is newly known adds to what was, on each database.

use entity::{
    contacts::Model,
    ids::{NodeId, SessionId},
};
use wharf::db::{self, Committed};

use crate::harness::databases::{TestDb, leased, on_each_engine};

on_each_engine!(what_is_newly_known_of_somebody_adds_to_what_was);

fn person(session: SessionId, id: &str) -> Model {
    Model {
        session_id: session,
        id: id.to_owned(),
        phone: None,
        lid: None,
        name: None,
        push_name: None,
        updated_at: 1,
    }
}

async fn what_is_newly_known_of_somebody_adds_to_what_was(test: TestDb) {
    let db = &test.db;
    let session = SessionId::new();
    let fence = leased(db, session, NodeId::new()).await;
    let keep = async |rows: Vec<Model>| {
        let mut script = fence.held_script(db.get_database_backend());
        db::contacts::upsert(&mut script, rows);
        assert_eq!(script.commit(db).await.unwrap(), Committed::Yes);
    };
    let first = Model {
        name: Some("Bob at sea".to_owned()),
        phone: Some("49170".to_owned()),
        ..person(session, "b")
    };
    let others = (0..1_200).map(|number| person(session, &format!("c{number:04}")));
    keep(
        others
            .chain([first.clone(), person(session, "a")])
            .collect(),
    )
    .await;
    let later = Model {
        push_name: Some("Böb ⚓".to_owned()),
        lid: Some("77@lid".to_owned()),
        updated_at: 2,
        ..person(session, "b")
    };
    keep(vec![later.clone()]).await;
    let page = db::contacts::page(db, session, Some("a"), 2).await.unwrap();
    let both = Model {
        name: first.name,
        phone: first.phone,
        ..later
    };
    assert_eq!(page[0], both);
    assert_eq!(page[1].id, "c0000");
    let last = db::contacts::page(db, session, Some("c1198"), 50).await;
    assert_eq!(last.unwrap().len(), 1, "all of them are there");
    let other = db::contacts::page(db, SessionId::new(), None, 50).await;
    assert!(other.unwrap().is_empty(), "another session knows nobody");
}
