//! What still stands of many credentials at once: the users behind them, sign-ins, keys, link tokens, and sessions.
//!
//! One statement, whatever is asked for, of rows by their primary keys: whoever watches asks every second.

use std::collections::{HashMap, HashSet};

use entity::{
    api_keys,
    ids::{ApiKeyId, RefreshTokenId, SessionId, UserId},
    link_tokens, refresh_tokens, sessions, users,
};
use sea_orm::{
    ConnectionTrait, DbErr, FromQueryResult,
    sea_query::{Expr, ExprTrait, Query, SelectStatement, UnionType},
};
use uuid::Uuid;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Users.
    pub users: HashSet<UserId>,
    /// Sign-ins, each by a refresh token of it.
    pub sign_ins: HashSet<RefreshTokenId>,
    /// API keys.
    pub keys: HashSet<ApiKeyId>,
    /// Link tokens by their hash.
    pub links: HashSet<String>,
    /// Sessions.
    pub sessions: HashSet<SessionId>,
}

/// An API key that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The words of its scopes.
    pub scopes: String,
    /// The only session it may touch.
    pub session: Option<SessionId>,
    /// When it ends.
    pub expires_at: Option<i64>,
}

/// What is there of what was asked for.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Users who may sign in, with their `token_version`.
    pub users: HashMap<UserId, i64>,
    /// Sign-ins that have not ended.
    pub sign_ins: HashSet<RefreshTokenId>,
    /// API keys.
    pub keys: HashMap<ApiKeyId, Key>,
    /// Link tokens by their hash, with their end.
    pub links: HashMap<String, i64>,
    /// Sessions.
    pub sessions: HashSet<SessionId>,
}

const USER: i64 = 0;
const SIGN_IN: i64 = 1;
const KEY: i64 = 2;
const LINK: i64 = 3;
const SESSION: i64 = 4;

/// One row of any of the tables.
#[derive(FromQueryResult)]
struct Row {
    kind: i64,
    id: Uuid,
    session: Option<Uuid>,
    number: i64,
    word: String,
    ends: Option<i64>,
}

/// Reads what is there of `asked`. Every finder takes its owner but this one: what is asked for was found by its owner
/// before, and is only looked at again.
pub async fn read(db: &impl ConnectionTrait, asked: &Asked) -> Result<Standing, DbErr> {
    let owners = Query::select()
        .column(users::Column::Id)
        .from(users::Entity)
        .and_where(Expr::col(users::Column::IsActive).eq(true))
        .and_where(Expr::col(users::Column::TenantId).is_null())
        .take();
    // Each part selects columns of its own: a bare NULL has no type that every database agrees on.
    let mut all = part(USER, users::Entity)
        .column(users::Column::Id)
        .expr_as(Expr::col(users::Column::Id), "session")
        .expr_as(Expr::col(users::Column::TokenVersion), "number")
        .expr_as(Expr::col(users::Column::Username), "word")
        .expr_as(Expr::col(users::Column::CreatedAt), "ends")
        .and_where(Expr::col(users::Column::Id).is_in(asked.users.iter().copied()))
        .and_where(Expr::col(users::Column::IsActive).eq(true))
        // A member stands with the owner of the tenant.
        .and_where(
            Expr::col(users::Column::TenantId)
                .is_null()
                .or(Expr::col(users::Column::TenantId).in_subquery(owners)),
        )
        .take();
    let sign_ins = part(SIGN_IN, refresh_tokens::Entity)
        .column(refresh_tokens::Column::Id)
        .column(refresh_tokens::Column::UserId)
        .column(refresh_tokens::Column::CreatedAt)
        .column(refresh_tokens::Column::TokenHash)
        .column(refresh_tokens::Column::ExpiresAt)
        .and_where(Expr::col(refresh_tokens::Column::Id).is_in(asked.sign_ins.iter().copied()))
        .and_where(Expr::col(refresh_tokens::Column::RevokedAt).is_null())
        .take();
    let keys = part(KEY, api_keys::Entity)
        .column(api_keys::Column::Id)
        .column(api_keys::Column::SessionId)
        .column(api_keys::Column::CreatedAt)
        .column(api_keys::Column::Scopes)
        .column(api_keys::Column::ExpiresAt)
        .and_where(Expr::col(api_keys::Column::Id).is_in(asked.keys.iter().copied()))
        .take();
    let links = part(LINK, link_tokens::Entity)
        .column(link_tokens::Column::SessionId)
        .column(link_tokens::Column::SessionId)
        .column(link_tokens::Column::CreatedAt)
        .column(link_tokens::Column::TokenHash)
        .column(link_tokens::Column::ExpiresAt)
        .and_where(Expr::col(link_tokens::Column::TokenHash).is_in(asked.links.iter().cloned()))
        .take();
    let sessions = part(SESSION, sessions::Entity)
        .column(sessions::Column::Id)
        .column(sessions::Column::Id)
        .column(sessions::Column::CreatedAt)
        .column(sessions::Column::Handle)
        .column(sessions::Column::CreatedAt)
        .and_where(Expr::col(sessions::Column::Id).is_in(asked.sessions.iter().copied()))
        .take();
    for part in [sign_ins, keys, links, sessions] {
        all.union(UnionType::All, part);
    }
    let rows = db.query_all(&all).await?;
    let mut standing = Standing::default();
    for row in &rows {
        standing.add(Row::from_query_result(row, "")?);
    }
    Ok(standing)
}

fn part(kind: i64, table: impl sea_orm::EntityTrait) -> SelectStatement {
    Query::select()
        .expr_as(Expr::value(kind), "kind")
        .from(table)
        .take()
}

impl Standing {
    fn add(&mut self, row: Row) {
        match row.kind {
            USER => {
                self.users.insert(UserId(row.id), row.number);
            }
            SIGN_IN => {
                self.sign_ins.insert(RefreshTokenId(row.id));
            }
            KEY => {
                let key = Key {
                    scopes: row.word,
                    session: row.session.map(SessionId),
                    expires_at: row.ends,
                };
                self.keys.insert(ApiKeyId(row.id), key);
            }
            LINK => {
                self.links.insert(row.word, row.ends.unwrap_or(i64::MAX));
            }
            _ => {
                self.sessions.insert(SessionId(row.id));
            }
        }
    }
}
