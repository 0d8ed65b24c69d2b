//! Rows as tests begin with them; whoever cares for a column sets it (`Model { handle, ..rows::session(owner) }`).

use entity::{
    enums::{Role, SessionState},
    ids::{SessionId, UserId},
    sessions, users,
};

/// A user who has no password to sign in with.
pub(crate) fn user() -> users::Model {
    let id = UserId::new();
    users::Model {
        id,
        username: id.to_string(),
        password_hash: String::new(),
        role: Role::User,
        session_limit: None,
        is_active: true,
        token_version: 0,
        created_at: 0,
        updated_at: 0,
        tenant_id: None,
        tenant_role: None,
    }
}

/// A session that was never connected.
pub(crate) fn session(owner: UserId) -> sessions::Model {
    let id = SessionId::new();
    sessions::Model {
        id,
        owner_id: owner,
        handle: id.to_string(),
        name: None,
        phone: None,
        lid: None,
        push_name: None,
        state: SessionState::Disconnected,
        reason: None,
        metadata: "{}".into(),
        settings: "{}".into(),
        created_at: 0,
        updated_at: 0,
        connected_at: None,
        proxy_sealed: None,
    }
}
