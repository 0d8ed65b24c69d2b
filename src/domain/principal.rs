//! Who asks, and what they may do.

use std::{fmt, str::FromStr};

use entity::{
    enums::{Role, TenantRole},
    ids::{ApiKeyId, RefreshTokenId, SessionId, UserId},
};
use serde::{Deserialize, Serialize};

/// One thing a token may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Scope {
    /// See sessions, their events and QR codes.
    #[serde(rename = "sessions:read")]
    SessionsRead,
    /// Create, change, connect and delete sessions.
    #[serde(rename = "sessions:write")]
    SessionsWrite,
    /// Read messages.
    #[serde(rename = "messages:read")]
    MessagesRead,
    /// Send messages.
    #[serde(rename = "messages:send")]
    MessagesSend,
    /// See and change webhooks.
    #[serde(rename = "webhooks:manage")]
    WebhooksManage,
    /// Manage users; needs the admin role as well.
    #[serde(rename = "users:admin")]
    UsersAdmin,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SessionsRead,
        Self::SessionsWrite,
        Self::MessagesRead,
        Self::MessagesSend,
        Self::WebhooksManage,
        Self::UsersAdmin,
    ];

    /// The word of the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SessionsRead => "sessions:read",
            Self::SessionsWrite => "sessions:write",
            Self::MessagesRead => "messages:read",
            Self::MessagesSend => "messages:send",
            Self::WebhooksManage => "webhooks:manage",
            Self::UsersAdmin => "users:admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == word)
            .ok_or(())
    }
}

/// What the caller showed: enough of it to find out later whether it still stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// A JWT access token.
    AccessToken {
        /// The refresh token it was made with.
        sign_in: RefreshTokenId,
        /// The user's `token_version` when it was made.
        version: i64,
    },
    /// A `wk_…` key.
    ApiKey(ApiKeyId),
    /// A link token, by its hash: one session's pairing and stream only.
    LinkToken(String),
    /// A token of the outer issuer, by its hash.
    Outer(String),
    /// The operator's own word, which the configuration holds: it stands while the process runs.
    Operator,
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Who it is.
    pub user: UserId,
    /// What that user may do to the users of this service.
    pub role: Role,
    /// Whose rows the caller sees.
    pub tenant: UserId,
    /// What the caller may do there.
    pub tenant_role: TenantRole,
    /// What the credential allows.
    pub scopes: Vec<Scope>,
    /// The only session the credential may touch, if it is bound to one.
    pub session: Option<SessionId>,
    /// What kind of credential it is.
    pub credential: Credential,
    /// When the credential ends, in milliseconds since 1970.
    pub expires_at: Option<i64>,
}

impl Principal {
    /// Whether the credential allows `scope`, and its user may do that.
    pub fn may(&self, scope: Scope) -> bool {
        let role_may = match scope {
            Scope::SessionsRead | Scope::MessagesRead => true,
            Scope::SessionsWrite | Scope::MessagesSend => self.tenant_role != TenantRole::Viewer,
            Scope::WebhooksManage => self.leads(),
            Scope::UsersAdmin => self.role == Role::Admin,
        };
        role_may && self.scopes.contains(&scope)
    }

    /// Whether the user may say who else works in the tenant, and where its events go.
    pub const fn leads(&self) -> bool {
        matches!(self.tenant_role, TenantRole::Owner | TenantRole::Admin)
    }

    /// Whether the user is an administrator, whatever the credential allows.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether the credential may touch `session` at all; ownership is checked by the finder.
    pub fn may_touch(&self, session: SessionId) -> bool {
        self.session.is_none_or(|only| only == session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(role: Role, scopes: &[Scope]) -> Principal {
        let user = UserId::new();
        Principal {
            user,
            role,
            tenant: user,
            tenant_role: TenantRole::Owner,
            scopes: scopes.to_vec(),
            session: None,
            credential: Credential::ApiKey(ApiKeyId::new()),
            expires_at: None,
        }
    }

    #[test]
    fn a_scope_that_was_not_given_is_refused() {
        let reader = principal(Role::User, &[Scope::SessionsRead]);
        assert!(reader.may(Scope::SessionsRead));
        assert!(!reader.may(Scope::SessionsWrite));
    }

    #[test]
    fn managing_users_needs_the_role_and_the_scope() {
        assert!(principal(Role::Admin, &Scope::ALL).may(Scope::UsersAdmin));
        assert!(!principal(Role::User, &Scope::ALL).may(Scope::UsersAdmin));
        assert!(!principal(Role::Admin, &[Scope::SessionsRead]).may(Scope::UsersAdmin));
    }

    #[test]
    fn each_role_of_a_tenant_may_do_what_the_one_below_it_may_and_more() {
        let of = |tenant_role| {
            let mut user = principal(Role::User, &Scope::ALL);
            user.tenant_role = tenant_role;
            let may = Scope::ALL.into_iter().filter(|scope| user.may(*scope));
            may.map(Scope::as_str).collect::<Vec<_>>()
        };
        let viewer = ["sessions:read", "messages:read"];
        let member = [
            "sessions:read",
            "sessions:write",
            "messages:read",
            "messages:send",
        ];
        let leader = [member.as_slice(), &["webhooks:manage"]].concat();
        assert_eq!(of(TenantRole::Viewer), viewer);
        assert_eq!(of(TenantRole::Member), member);
        assert_eq!(of(TenantRole::Admin), leader);
        assert_eq!(of(TenantRole::Owner), leader);
    }

    #[test]
    fn a_credential_bound_to_a_session_touches_no_other() {
        let mut bound = principal(Role::User, &Scope::ALL);
        let mine = SessionId::new();
        bound.session = Some(mine);
        assert!(bound.may_touch(mine));
        assert!(!bound.may_touch(SessionId::new()));
    }
}
