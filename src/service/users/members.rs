//! Members: who else works in an account. For its owner, and for those whom the owner made administrators of it.
//!
//! Owns that a tenant always has its owner, whom nobody in it may change. Must never reach a user of another tenant.

use entity::{
    enums::{Role, TenantRole},
    ids::UserId,
    users as rows,
};

use super::{NewUser, User, Users, change_row, find, insert, remove, row};
use crate::{
    db::{self, users::UserChange},
    service::{Ctx, Error, auth::only_people, passwords},
};

/// Members of one tenant.
const MAX: u64 = 200;

/// A member to make.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// The name to sign in with: one of the whole service.
    pub username: String,
    /// The password.
    pub password: String,
    /// What the member may do.
    pub role: TenantRole,
}

/// What to change.
#[derive(Debug, Clone, Default)]
pub struct MemberPatch {
    /// What the member may do.
    pub role: Option<TenantRole>,
    /// Whether the member may sign in.
    pub is_active: Option<bool>,
    /// A new password.
    pub password: Option<String>,
}

/// Manages members. Clones share everything.
#[derive(Debug, Clone)]
pub struct Members {
    users: Users,
}

impl Members {
    /// Over the users.
    pub const fn new(users: Users) -> Self {
        Self { users }
    }

    /// Makes a member of the caller's tenant.
    pub async fn create(&self, ctx: &Ctx, new: NewMember) -> Result<User, Error> {
        may_manage(ctx)?;
        let role = below_owner(new.role)?;
        let hash = self.users.check(&new.username, &new.password, "").await?;
        let user = NewUser {
            username: new.username,
            password: new.password,
            role: Role::User,
            session_limit: None,
        };
        let row = rows::Model {
            tenant_id: Some(ctx.owner()),
            tenant_role: Some(role),
            ..row(user, hash, self.users.clock.now_ms())
        };
        let tx = db::begin(&self.users.db).await?;
        // Two that are made at once are counted one after the other.
        db::users::lock(&tx, ctx.owner()).await?;
        if db::users::count_members(&*tx, ctx.owner()).await? >= MAX {
            return Err(Error::Quota {
                code: "member_limit_reached",
                detail: format!("an account has at most {MAX} members"),
            });
        }
        let made = insert(&*tx, row).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Everybody in the tenant: its owner, then the others in the order they were made.
    pub async fn list(&self, ctx: &Ctx) -> Result<Vec<User>, Error> {
        only_people(ctx)?;
        let db = &self.users.db;
        let owner = find(db::users::by_id(db, ctx.owner()).await?)?;
        let members = db::users::members(db, ctx.owner(), MAX).await?;
        let members = members.into_iter().map(User::from);
        Ok(std::iter::once(owner).chain(members).collect())
    }

    /// One of them.
    pub async fn get(&self, ctx: &Ctx, id: UserId) -> Result<User, Error> {
        only_people(ctx)?;
        in_tenant(ctx, db::users::by_id(&self.users.db, id).await?).map(User::from)
    }

    /// Changes a member. A new password or a deactivation makes every token of theirs worthless at once, and another role counts at
    /// once.
    pub async fn update(&self, ctx: &Ctx, id: UserId, patch: MemberPatch) -> Result<User, Error> {
        may_manage(ctx)?;
        let role = patch.role.map(below_owner).transpose()?;
        let users = &self.users;
        let password_hash = match &patch.password {
            Some(password) => {
                passwords::check_new("/password", password, users.loopback)?;
                Some(users.passwords.hash(password).await?)
            }
            None => None,
        };
        let tx = db::begin(&users.db).await?;
        let before = a_member(ctx, db::users::lock(&tx, id).await?)?;
        let shut_out = before.is_active && patch.is_active == Some(false);
        // What is live was judged by the role before.
        let demoted = role.is_some_and(|role| before.tenant_role != Some(role));
        let cut = shut_out || password_hash.is_some();
        let change = UserChange {
            tenant_role: role,
            is_active: patch.is_active,
            password_hash,
            revoke_tokens: cut,
            ..UserChange::default()
        };
        let after = change_row(&tx, id, change, users.clock.now_ms()).await?;
        tx.commit().await?;
        if shut_out || demoted {
            users.revocations.cut(id);
        } else if cut {
            users.revocations.cut_sign_ins(id);
        } else {
            users.revocations.forget(id);
        }
        Ok(after)
    }

    /// Removes a member, with every credential of theirs. What they made stays: it is the tenant's.
    pub async fn delete(&self, ctx: &Ctx, id: UserId) -> Result<(), Error> {
        may_manage(ctx)?;
        let tx = db::begin(&self.users.db).await?;
        a_member(ctx, db::users::lock(&tx, id).await?)?;
        remove(&tx, id).await?;
        tx.commit().await?;
        self.users.revocations.cut(id);
        Ok(())
    }
}

fn may_manage(ctx: &Ctx) -> Result<(), Error> {
    only_people(ctx)?;
    if ctx.principal.leads() {
        Ok(())
    } else {
        Err(Error::Denied {
            code: "not_tenant_admin",
            detail: "only the owner and the administrators of this account manage its members"
                .to_owned(),
        })
    }
}

/// A tenant has one owner, from the first day on.
fn below_owner(role: TenantRole) -> Result<TenantRole, Error> {
    match role {
        TenantRole::Owner => {
            let detail = "must be admin, member or viewer: an account has one owner";
            Err(Error::invalid("/role", detail))
        }
        other => Ok(other),
    }
}

/// To whoever is in another tenant, a user does not exist.
fn in_tenant(ctx: &Ctx, row: Option<rows::Model>) -> Result<rows::Model, Error> {
    row.filter(|row| row.tenant() == ctx.owner())
        .ok_or(Error::NotFound { what: "member" })
}

fn a_member(ctx: &Ctx, row: Option<rows::Model>) -> Result<rows::Model, Error> {
    let row = in_tenant(ctx, row)?;
    if row.tenant_id.is_none() {
        return Err(Error::conflict(
            "owner_stays",
            "the owner of the account is managed by the operator of the service",
        ));
    }
    Ok(row)
}
