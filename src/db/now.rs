//! The clock of the database, for leases: several nodes agree on it whatever their own clocks say.

use sea_orm::{
    DbBackend,
    sea_query::{Expr, SimpleExpr},
};

/// Milliseconds since 1970 by the database's clock, as an expression of a statement.
pub(super) fn expr(backend: DbBackend) -> SimpleExpr {
    Expr::cust(match backend {
        DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        DbBackend::MySql => "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
        _ => "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
    })
}
