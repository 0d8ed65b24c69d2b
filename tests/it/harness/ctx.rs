//! Who asks the services, in tests that go in below the API.

use std::sync::Arc;

use entity::{
    enums::{Role, TenantRole},
    ids::{ApiKeyId, UserId},
};
use wharf::{
    domain::principal::{Credential, Principal, Scope},
    service::{Ctx, shares::Turn},
};

/// A user with a key that may do everything.
pub(crate) fn ctx_of(user: UserId) -> Ctx {
    Ctx {
        principal: Arc::new(Principal {
            user,
            role: Role::User,
            tenant: user,
            tenant_role: TenantRole::Owner,
            scopes: Scope::ALL.to_vec(),
            session: None,
            credential: Credential::ApiKey(ApiKeyId::new()),
            expires_at: None,
        }),
        request_id: "req_test".into(),
        known: None,
        turn: Turn::default(),
    }
}
