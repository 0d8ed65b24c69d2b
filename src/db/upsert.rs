//! Rows that are written whether they are there or not.
//!
//! Owns how an engine names what a statement would write. Called by the tables of `db` and by the device store.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbBackend,
    sea_query::{Expr, Func},
};

use super::{
    Script,
    script::texts::{self, Conflict},
};

/// Rows of one statement.
const TOGETHER: usize = 500;

/// What an upsert would write into `column`, to compare it with what is there.
pub fn incoming<C: ColumnTrait>(backend: DbBackend, column: C) -> Expr {
    if backend == DbBackend::MySql {
        Func::cust("VALUES").arg(Expr::col(column)).into()
    } else {
        Expr::col(("excluded", column))
    }
}

/// Writes `rows` as part of `script`; `conflict` says what becomes of those that are there. No two may have the same key.
pub(super) fn upsert<A>(script: &mut Script, rows: impl IntoIterator<Item = A>, conflict: Conflict)
where
    A: ActiveModelTrait + 'static,
{
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<A> = rows.by_ref().take(TOGETHER).collect();
        let count = some.len();
        let statement = texts::insert(script.backend(), some, Some(conflict));
        script.upsert(statement, count);
    }
}
