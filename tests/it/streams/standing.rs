//! What still stands is asked in one statement, which every database has to understand.

use std::collections::HashSet;

use entity::{
    api_keys,
    ids::{ApiKeyId, RefreshTokenId},
    link_tokens, refresh_tokens, users,
};
use wharf::db::{
    self,
    standing::{self, Asked},
    users::UserChange,
};

use crate::harness::{
    databases::{TestDb, on_each_engine},
    rows,
};

/// A user with one of each; gives what to ask for.
async fn everything(test: &TestDb) -> Asked {
    let row = users::Model {
        token_version: 7,
        ..rows::user()
    };
    let (user, sign_in, key) = (row.id, RefreshTokenId::new(), ApiKeyId::new());
    db::users::insert(&test.db, row).await.unwrap();
    let row = refresh_tokens::Model {
        id: sign_in,
        family_id: sign_in,
        user_id: user,
        token_hash: sign_in.to_string(),
        expires_at: 9,
        created_at: 1,
        used_at: None,
        revoked_at: None,
    };
    db::refresh_tokens::insert(&test.db, row).await.unwrap();
    let row = api_keys::Model {
        id: key,
        owner_id: user,
        name: "k".into(),
        hint: "wk_".into(),
        key_hash: key.to_string(),
        scopes: "sessions:read".into(),
        session_id: None,
        expires_at: None,
        last_used_at: None,
        created_at: 1,
    };
    db::api_keys::insert(&test.db, row).await.unwrap();
    let row = rows::session(user);
    let session = row.id;
    db::sessions::insert(&test.db, row).await.unwrap();
    let row = link_tokens::Model {
        token_hash: session.to_string(),
        session_id: session,
        owner_id: user,
        allowed_origins: None,
        expires_at: 5,
        created_at: 1,
    };
    db::link_tokens::insert(&test.db, row).await.unwrap();
    Asked {
        users: HashSet::from([user]),
        sign_ins: HashSet::from([sign_in]),
        keys: HashSet::from([key]),
        links: HashSet::from([session.to_string()]),
        sessions: HashSet::from([session]),
    }
}

async fn what_is_asked_for_and_stands_is_told_and_nothing_else(test: TestDb) {
    let nothing = standing::read(&test.db, &Asked::default()).await.unwrap();
    assert!(nothing.users.is_empty() && nothing.sessions.is_empty());
    let (asked, other) = (everything(&test).await, everything(&test).await);
    let told = standing::read(&test.db, &asked).await.unwrap();
    let user = *asked.users.iter().next().unwrap();
    let session = *asked.sessions.iter().next().unwrap();
    let key = *asked.keys.iter().next().unwrap();
    assert_eq!((told.users.len(), told.users[&user]), (1, 7));
    assert_eq!(told.sign_ins, asked.sign_ins);
    assert_eq!(told.keys.len(), 1);
    assert_eq!(told.keys[&key].scopes, "sessions:read");
    let bound = (told.keys[&key].session, told.keys[&key].expires_at);
    assert_eq!(bound, (None, None));
    assert_eq!((told.links.len(), told.links[&session.to_string()]), (1, 5));
    assert_eq!(told.sessions, asked.sessions);

    let off = UserChange {
        is_active: Some(false),
        ..UserChange::default()
    };
    db::users::update(&test.db, user, off, 2).await.unwrap();
    db::refresh_tokens::revoke_user(&test.db, user, 2)
        .await
        .unwrap();
    db::api_keys::delete(&test.db, user, key).await.unwrap();
    // Its link tokens go with a session.
    db::sessions::delete(&test.db, user, session).await.unwrap();
    let told = standing::read(&test.db, &asked).await.unwrap();
    assert!(told.users.is_empty() && told.sign_ins.is_empty() && told.keys.is_empty());
    assert!(told.links.is_empty() && told.sessions.is_empty());
    let told = standing::read(&test.db, &other).await.unwrap();
    assert_eq!((told.users.len(), told.sessions.len()), (1, 1));
}

on_each_engine!(what_is_asked_for_and_stands_is_told_and_nothing_else);
