//! A session as its owner sees it, from its row.

use entity::{
    enums::SessionState,
    ids::{SessionId, UserId},
    sessions,
};
use serde_json::{Map, Value};

use crate::{
    db::leases::Standing,
    domain::session::{Reason, Settings},
    service::Error,
};

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub owner_id: UserId,
    /// The owner's own name for it in paths.
    pub handle: String,
    /// A name to show.
    pub name: Option<String>,
    /// Digits, once paired.
    pub phone: Option<String>,
    /// `…@lid`, once paired.
    pub lid: Option<String>,
    /// The name the account goes by.
    pub push_name: Option<String>,
    /// Where it is.
    pub state: SessionState,
    /// Why, as a stable word.
    pub reason: Option<String>,
    /// The owner's own data.
    pub metadata: Map<String, Value>,
    /// What the owner has switched.
    pub settings: Settings,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub connected_at: Option<i64>,
    /// The last number of its event log.
    pub last_event_seq: i64,
}

impl SessionView {
    /// Whether messages can be sent right now.
    pub fn connected(&self) -> bool {
        self.state == SessionState::Connected
    }

    /// Whether a phone is linked.
    pub fn logged_in(&self) -> bool {
        self.phone.is_some()
            && !matches!(self.state, SessionState::LoggedOut | SessionState::Expired)
    }
}

/// Reads the row and, for what stands with it, the lease.
pub(super) fn view(row: sessions::Model, lease: Option<&Standing>) -> Result<SessionView, Error> {
    let (state, reason) = match lease {
        Some(lease) if is_orphan(row.state, lease) => (
            SessionState::Degraded,
            Some(Reason::Restarting.as_str().to_owned()),
        ),
        _ => (row.state, row.reason),
    };
    let connected = state == SessionState::Connected;
    Ok(SessionView {
        id: row.id,
        owner_id: row.owner_id,
        handle: row.handle,
        name: row.name,
        phone: row.phone,
        lid: row.lid,
        push_name: row.push_name,
        state,
        reason,
        metadata: serde_json::from_str(&row.metadata).map_err(Error::internal)?,
        settings: serde_json::from_str(&row.settings).map_err(Error::internal)?,
        created_at: row.created_at,
        connected_at: row.connected_at.filter(|_| connected),
        last_event_seq: lease.map_or(0, |lease| lease.last_seq),
    })
}

/// What ran in a process that died keeps the state of its last moment until somebody takes it up.
fn is_orphan(state: SessionState, lease: &Standing) -> bool {
    let runs = matches!(
        state,
        SessionState::Connected | SessionState::Connecting | SessionState::NeedScan
    );
    runs && lease.desired && lease.owner_node.is_none()
}

#[cfg(test)]
mod tests {
    use entity::ids::NodeId;

    use super::*;

    #[test]
    fn a_session_that_nobody_runs_any_more_is_not_shown_as_connected() {
        let row = sessions::Model {
            id: SessionId::new(),
            owner_id: UserId::new(),
            handle: "sales".to_owned(),
            name: None,
            phone: None,
            lid: None,
            push_name: None,
            state: SessionState::Connected,
            reason: None,
            metadata: "{}".to_owned(),
            settings: "{}".to_owned(),
            created_at: 0,
            updated_at: 0,
            connected_at: Some(1),
            proxy_sealed: None,
        };
        let held = Standing {
            lease_key: row.id.uuid(),
            last_seq: 7,
            desired: true,
            owner_node: Some(NodeId::new()),
        };
        let free = Standing {
            owner_node: None,
            ..held
        };
        let shown = view(row.clone(), Some(&held)).unwrap();
        assert_eq!(
            (shown.state, shown.connected_at),
            (SessionState::Connected, Some(1))
        );
        let shown = view(row, Some(&free)).unwrap();
        assert_eq!(shown.state, SessionState::Degraded);
        assert_eq!(shown.reason.as_deref(), Some("restarting"));
        assert_eq!((shown.connected_at, shown.last_event_seq), (None, 7));
    }
}
