//! Column shapes that mean the same on the three databases.
//!
//! MySQL's `TEXT` and `BLOB` end at 64 KiB and its default collation ignores case, so long values are
//! `LONGTEXT`/`LONGBLOB` there, and every table is made through `table`, which compares bytes.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// `CREATE TABLE`, comparing text byte by byte on MySQL.
pub(crate) fn table(backend: DbBackend, name: &'static str) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(Alias::new(name));
    if backend == DbBackend::MySql {
        table.character_set("utf8mb4").collate("utf8mb4_bin");
    }
    table
}

/// A table of small rows, which SQLite keeps in the order of their primary key and nowhere else: a row costs one page, not
/// one of the table and one of the key. Larger rows would make that tree deep.
pub(crate) fn small_table(backend: DbBackend, name: &'static str) -> TableCreateStatement {
    let mut table = table(backend, name);
    if backend == DbBackend::Sqlite {
        table.extra("WITHOUT ROWID");
    }
    table
}

/// A required column of up to `len` characters.
pub(crate) fn word(name: &'static str, len: u32) -> ColumnDef {
    ColumnDef::new(Alias::new(name))
        .string_len(len)
        .not_null()
        .take()
}

/// A column of up to `len` characters that may be null.
pub(crate) fn opt_word(name: &'static str, len: u32) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).string_len(len).take()
}

/// A required text without a practical limit.
pub(crate) fn text(backend: DbBackend, name: &'static str) -> ColumnDef {
    opt_text(backend, name).not_null().take()
}

/// A text without a practical limit that may be null.
pub(crate) fn opt_text(backend: DbBackend, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    if backend == DbBackend::MySql {
        column.custom(Alias::new("LONGTEXT"))
    } else {
        column.text()
    };
    column
}

/// Required bytes without a practical limit.
pub(crate) fn bytes(backend: DbBackend, name: &'static str) -> ColumnDef {
    opt_bytes(backend, name).not_null().take()
}

/// Bytes without a practical limit that may be null.
pub(crate) fn opt_bytes(backend: DbBackend, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    if backend == DbBackend::MySql {
        column.custom(Alias::new("LONGBLOB"))
    } else {
        column.blob()
    };
    column
}

/// A required keyed hash of 16 bytes, which may be part of a key.
pub(crate) fn tag(backend: DbBackend, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    if backend == DbBackend::MySql {
        column.binary_len(16)
    } else {
        column.blob()
    };
    column.not_null().take()
}

/// A required 64-bit number; times are milliseconds since 1970.
pub(crate) fn big(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name))
        .big_integer()
        .not_null()
        .take()
}

/// A 64-bit number that may be null.
pub(crate) fn opt_big(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).big_integer().take()
}

/// A required 32-bit number.
pub(crate) fn int(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).integer().not_null().take()
}

/// A 32-bit number that may be null.
pub(crate) fn opt_int(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).integer().take()
}

/// A required truth value.
pub(crate) fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).boolean().not_null().take()
}

/// A required UUID.
pub(crate) fn uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).uuid().not_null().take()
}

/// A UUID that may be null.
pub(crate) fn opt_uuid(name: &'static str) -> ColumnDef {
    ColumnDef::new(Alias::new(name)).uuid().take()
}

/// A primary key over `columns`.
pub(crate) fn key(columns: &[&'static str]) -> IndexCreateStatement {
    let mut key = Index::create();
    key.primary();
    for column in columns {
        key.col(Alias::new(*column));
    }
    key
}

/// A named index of `table` over `columns`.
pub(crate) fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).table(Alias::new(table));
    for column in columns {
        index.col(Alias::new(*column));
    }
    index
}

/// A named unique index of `table` over `columns`.
pub(crate) fn unique(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    index(name, table, columns).unique().take()
}
