//! Users: who may sign in. For administrators.

use entity::{
    enums::{Role, TenantRole},
    ids::UserId,
    users as rows,
};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::{
    Ctx, Error, Fault,
    auth::AuthParts,
    passwords::{self, Passwords},
    revocation::Revocations,
};
use crate::{
    db::{self, users::UserChange},
    domain::{clock::SharedClock, principal::Scope},
};

mod first_run;
mod members;

pub use first_run::{Bootstrap, SetupToken, bootstrap};
pub use members::{MemberPatch, Members, NewMember};

const MAX_NAME: usize = 64;

/// A user as the API shows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The name to sign in with.
    pub username: String,
    /// What the user may do to others.
    pub role: Role,
    /// Whose account the user works in: their own, if they are no member of another's.
    pub tenant: UserId,
    /// What they may do there.
    pub tenant_role: TenantRole,
    /// How many sessions; none means no limit.
    pub session_limit: Option<i32>,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// When the user was made.
    pub created_at: i64,
}

impl From<rows::Model> for User {
    fn from(row: rows::Model) -> Self {
        Self {
            id: row.id,
            tenant: row.tenant(),
            tenant_role: row.role_in_tenant(),
            username: row.username,
            role: row.role,
            session_limit: row.session_limit,
            is_active: row.is_active,
            created_at: row.created_at,
        }
    }
}

/// A user to make.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name to sign in with.
    pub username: String,
    /// The password.
    pub password: String,
    /// What the user may do to others.
    pub role: Role,
    /// How many sessions; none means no limit.
    pub session_limit: Option<i32>,
}

/// What to change.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// The role.
    pub role: Option<Role>,
    /// How many sessions; the inner `None` means no limit.
    pub session_limit: Option<Option<i32>>,
    /// Whether the user may sign in.
    pub is_active: Option<bool>,
    /// A new password.
    pub password: Option<String>,
}

/// Manages users.
#[derive(Debug, Clone)]
pub struct Users {
    db: DatabaseConnection,
    clock: SharedClock,
    passwords: Passwords,
    revocations: Revocations,
    loopback: bool,
}

impl Users {
    /// From the parts of the sign-in.
    pub fn new(parts: &AuthParts) -> Self {
        Self {
            db: parts.db.clone(),
            clock: parts.clock.clone(),
            passwords: parts.passwords.clone(),
            revocations: parts.revocations.clone(),
            loopback: parts.loopback,
        }
    }

    /// For the command line, which nobody is connected to whom a change would concern.
    pub fn offline(
        db: DatabaseConnection,
        clock: SharedClock,
        passwords: Passwords,
        loopback: bool,
    ) -> Self {
        Self {
            db,
            clock,
            passwords,
            revocations: Revocations::default(),
            loopback,
        }
    }

    /// Makes a user.
    pub async fn create(&self, ctx: &Ctx, new: NewUser) -> Result<User, Error> {
        ctx.require(Scope::UsersAdmin)?;
        self.add(new, "").await
    }

    /// Makes a user; the faults stand below `at`.
    async fn add(&self, new: NewUser, at: &str) -> Result<User, Error> {
        check_limit(new.session_limit)?;
        let hash = self.check(&new.username, &new.password, at).await?;
        insert(&self.db, row(new, hash, self.clock.now_ms())).await
    }

    /// The hash of the password of a user to make; the faults stand below `at`.
    async fn check(&self, username: &str, password: &str, at: &str) -> Result<String, Error> {
        check_name(&format!("{at}/username"), username)?;
        passwords::check_new(&format!("{at}/password"), password, self.loopback)?;
        self.passwords.hash(password).await
    }

    /// All users, one more than `limit` if there are more.
    pub async fn list(
        &self,
        ctx: &Ctx,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, Error> {
        ctx.require(Scope::UsersAdmin)?;
        let rows = db::users::list(&self.db, after, u64::from(limit) + 1).await?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// One user.
    pub async fn get(&self, ctx: &Ctx, id: UserId) -> Result<User, Error> {
        may_see(ctx)?;
        find(db::users::by_id(&self.db, id).await?)
    }

    /// Changes a user. A new password, another role or a deactivation makes every token of theirs worthless at once.
    pub async fn update(&self, ctx: &Ctx, id: UserId, patch: UserPatch) -> Result<User, Error> {
        may_see(ctx)?;
        check_limit(patch.session_limit.flatten())?;
        let password_hash = match &patch.password {
            Some(password) => {
                passwords::check_new("/password", password, self.loopback)?;
                Some(self.passwords.hash(password).await?)
            }
            None => None,
        };
        let now = self.clock.now_ms();
        let tx = db::begin(&self.db).await?;
        let before = db::users::lock(&tx, id)
            .await?
            .ok_or(Error::NotFound { what: "user" })?;
        let demoted = before.role == Role::Admin && patch.role == Some(Role::User);
        let shut_out = before.is_active && patch.is_active == Some(false);
        if before.tenant_id.is_some() {
            let refused = |why: &str| Err(Error::conflict("member_of_tenant", why));
            if patch.role == Some(Role::Admin) {
                return refused("a member of another's account cannot administer the service");
            }
            if patch.session_limit.flatten().is_some() {
                return refused("the limits of an account are those of its owner");
            }
        }
        if demoted || shut_out {
            keep_an_admin(&tx, &before).await?;
        }
        let cut = demoted || shut_out || password_hash.is_some();
        let change = UserChange {
            role: patch.role,
            tenant_role: None,
            session_limit: patch.session_limit,
            is_active: patch.is_active,
            password_hash,
            revoke_tokens: cut,
        };
        let after = change_row(&tx, id, change, now).await?;
        // A tenant comes in with its owner, and goes out with them.
        let with_them = match before.tenant_id {
            None => db::users::of_tenant(&*tx, id).await?,
            Some(_) => vec![id],
        };
        tx.commit().await?;
        if shut_out {
            for user in with_them {
                self.revocations.cut(user);
            }
        } else if cut {
            self.revocations.cut_sign_ins(id);
        } else {
            for user in with_them {
                self.revocations.forget(user);
            }
        }
        Ok(after)
    }

    /// Removes a user who has no sessions, with every credential of theirs.
    pub async fn delete(&self, ctx: &Ctx, id: UserId) -> Result<(), Error> {
        may_see(ctx)?;
        let tx = db::begin(&self.db).await?;
        let user = db::users::lock(&tx, id)
            .await?
            .ok_or(Error::NotFound { what: "user" })?;
        keep_an_admin(&tx, &user).await?;
        if db::users::has_sessions(&tx, id).await? {
            return Err(Error::Conflict {
                code: "user_has_sessions",
                detail: "delete the sessions of this user first, or deactivate the user".to_owned(),
            });
        }
        if db::users::count_members(&*tx, id).await? > 0 {
            return Err(Error::conflict(
                "user_has_members",
                "remove the members of this user's account first, or deactivate the user",
            ));
        }
        remove(&tx, id).await?;
        db::tenants::remove(&tx, id).await?;
        tx.commit().await?;
        self.revocations.cut(id);
        Ok(())
    }
}

/// Changes the row of a user, whose sign-ins end if their tokens are revoked.
async fn change_row(
    tx: &db::Transaction,
    id: UserId,
    change: UserChange,
    now: i64,
) -> Result<User, Error> {
    let cut = change.revoke_tokens;
    db::users::update(tx, id, change, now).await?;
    if cut {
        db::refresh_tokens::revoke_user(tx, id, now).await?;
    }
    find(db::users::by_id(tx, id).await?)
}

/// Removes a user, with every credential of theirs.
async fn remove(tx: &db::Transaction, id: UserId) -> Result<(), Error> {
    db::refresh_tokens::delete_user(tx, id).await?;
    db::api_keys::delete_user(tx, id).await?;
    db::ws_tickets::delete_user(tx, id).await?;
    db::link_tokens::delete_user(tx, id).await?;
    db::users::delete(tx, id).await?;
    Ok(())
}

/// To whoever is no administrator, other users do not exist.
pub(super) fn may_see(ctx: &Ctx) -> Result<(), Error> {
    if ctx.principal.role != Role::Admin {
        return Err(Error::NotFound { what: "user" });
    }
    ctx.require(Scope::UsersAdmin)
}

/// Refuses to take away the last administrator: nobody could make another.
async fn keep_an_admin(tx: &db::Transaction, user: &rows::Model) -> Result<(), Error> {
    if user.role == Role::Admin && user.is_active && !db::users::another_admin(tx, user.id).await? {
        return Err(Error::Conflict {
            code: "last_admin",
            detail: "this is the last active administrator".to_owned(),
        });
    }
    Ok(())
}

/// The row of a user with an account of their own.
fn row(new: NewUser, password_hash: String, now: i64) -> rows::Model {
    rows::Model {
        id: UserId::new(),
        username: new.username,
        password_hash,
        role: new.role,
        session_limit: new.session_limit,
        is_active: true,
        token_version: 0,
        created_at: now,
        updated_at: now,
        tenant_id: None,
        tenant_role: None,
    }
}

async fn insert(db: &impl ConnectionTrait, row: rows::Model) -> Result<User, Error> {
    match db::users::insert(db, row).await? {
        db::users::Inserted::Done(row) => Ok(row.into()),
        db::users::Inserted::NameTaken => Err(Error::Conflict {
            code: "username_taken",
            detail: "there is a user of this name".to_owned(),
        }),
    }
}

fn find(row: Option<rows::Model>) -> Result<User, Error> {
    row.map(User::from).ok_or(Error::NotFound { what: "user" })
}

fn check_name(pointer: &str, name: &str) -> Result<(), Error> {
    let fits = (1..=MAX_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.+@-".contains(&b));
    if fits {
        Ok(())
    } else {
        let detail = format!("must be 1 to {MAX_NAME} letters, digits or _ . + @ -");
        Err(Error::invalid(pointer, detail))
    }
}

fn check_limit(limit: Option<i32>) -> Result<(), Error> {
    if limit.is_some_and(|limit| limit < 0) {
        return Err(Error::Invalid {
            code: "validation_failed",
            faults: vec![Fault::new("/session_limit", "must not be negative")],
        });
    }
    Ok(())
}
