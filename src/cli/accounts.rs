//! `wharf user add` and `wharf key create`: for whoever has the database in hand, also while the service runs.

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use clap::Args;
use entity::{
    enums::{Role, TenantRole},
    ids::{RefreshTokenId, SessionId, UserId},
};
use sea_orm::DatabaseConnection;
use secrecy::ExposeSecret;

use super::{Failure, print, runtime};
use crate::{
    config::Config,
    db,
    domain::{
        clock::{SharedClock, SystemClock},
        principal::{Credential, Principal, Scope},
    },
    service::{
        Ctx, Error,
        api_keys::{ApiKeys, NewApiKey},
        passwords::Passwords,
        revocation::Revocations,
        shares::Turn,
        users::{NewUser, Users},
    },
};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A user to make.
#[derive(Debug, Args)]
pub(super) struct AddUser {
    /// The name to sign in with.
    name: String,
    /// Makes an administrator.
    #[arg(long)]
    admin: bool,
    /// How many sessions the user may have [default: no limit].
    #[arg(long, value_name = "N")]
    session_limit: Option<i32>,
    /// File whose first line is the password, `-` for the standard input. Without it one is made up and printed.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// A key to make.
#[derive(Debug, Args)]
pub(super) struct CreateKey {
    /// Whose key it is.
    #[arg(long)]
    user: String,
    /// What it is for.
    #[arg(long)]
    name: String,
    /// What it allows, several times [default: all but users:admin].
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<Scope>,
    /// The only session it may touch.
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
    /// When it ends [default: never].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    expires_in_days: Option<u16>,
}

fn scope(word: &str) -> Result<Scope, String> {
    word.parse().map_err(|()| {
        let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

/// Makes a user; prints the password if nobody gave one.
pub(super) fn add(config: &Config, wanted: AddUser) -> Result<(), Failure> {
    let given = wanted
        .password_file
        .as_deref()
        .map(first_line)
        .transpose()?;
    let password = given.clone().unwrap_or_else(made_up);
    let new = NewUser {
        username: wanted.name,
        password: password.clone(),
        role: if wanted.admin {
            Role::Admin
        } else {
            Role::User
        },
        session_limit: wanted.session_limit,
    };
    let user = runtime()?.block_on(async {
        let db = open(config).await?;
        let passwords = Passwords::new().map_err(Failure::from)?;
        let users = Users::offline(db, Arc::new(SystemClock), passwords, config.is_loopback());
        let nobody = UserId::new();
        Ok::<_, Failure>(
            users
                .create(
                    &operator(nobody, Role::Admin, (nobody, TenantRole::Owner)),
                    new,
                )
                .await?,
        )
    })?;
    if given.is_some() {
        return print(&format!("added {} ({})\n", user.username, user.id));
    }
    print(&format!(
        "added {} ({}), password: {password}\n",
        user.username, user.id
    ))
}

/// Makes a key and prints it, once.
pub(super) fn create_key(config: &Config, wanted: CreateKey) -> Result<(), Failure> {
    let key = runtime()?.block_on(async {
        let db = open(config).await?;
        let clock: SharedClock = Arc::new(SystemClock);
        let user = db::users::by_name(&db, &wanted.user)
            .await
            .context("the users could not be read")
            .map_err(Failure::failed)?
            .ok_or_else(|| Failure::failed(anyhow!("there is no user {}", wanted.user)))?;
        let mut scopes = wanted.scopes;
        if scopes.is_empty() {
            scopes.extend(
                Scope::ALL
                    .into_iter()
                    .filter(|scope| *scope != Scope::UsersAdmin),
            );
        }
        let new = NewApiKey {
            name: wanted.name,
            scopes,
            session: wanted.session,
            expires_at: wanted
                .expires_in_days
                .map(|days| clock.now_ms() + i64::from(days) * DAY_MS),
        };
        let keys = ApiKeys::new(db, clock, Revocations::default());
        let own = (user.tenant(), user.role_in_tenant());
        let (_, secret) = keys.create(&operator(user.id, user.role, own), new).await?;
        Ok::<_, Failure>(secret)
    })?;
    print(&format!("{key}\n"))
}

/// Whoever has the database in hand may do what `user` may.
fn operator(user: UserId, role: Role, (tenant, tenant_role): (UserId, TenantRole)) -> Ctx {
    Ctx {
        principal: Arc::new(Principal {
            user,
            role,
            tenant,
            tenant_role,
            scopes: Scope::ALL.to_vec(),
            session: None,
            credential: Credential::AccessToken {
                sign_in: RefreshTokenId::new(),
                version: 0,
            },
            expires_at: None,
        }),
        request_id: "cli".into(),
        known: None,
        turn: Turn::default(),
    }
}

async fn open(config: &Config) -> Result<DatabaseConnection, Failure> {
    let db = db::connect(config.database_url().expose_secret(), 1)
        .await
        .context("cannot connect to the database")
        .map_err(Failure::failed)?;
    db::migrate::check(&db).await?;
    Ok(db)
}

fn first_line(file: &Path) -> Result<String, Failure> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    let text = text
        .with_context(|| format!("cannot read {}", file.display()))
        .map_err(Failure::failed)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// 128 random bits.
fn made_up() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid { faults, .. } => {
                let told: Vec<_> = faults
                    .iter()
                    .map(|fault| {
                        format!("{} {}", fault.pointer.trim_start_matches('/'), fault.detail)
                    })
                    .collect();
                Self::failed(anyhow!("{}", told.join("; ")))
            }
            other => Self::failed(other),
        }
    }
}
