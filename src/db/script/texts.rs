//! The texts of statements that differ in their values alone.
//!
//! Putting a statement together takes longer than most databases take to read it: those of one incoming message took a tenth of
//! its commit. So each is put together once for a database, by sea-orm, and from then on only its values are gathered. A text is
//! remembered if the values gathered by the short way are those of the long one. Called by [`super::Script`] and `db::fence`.

use std::{
    any::TypeId,
    sync::{Arc, LazyLock, OnceLock},
};

use dashmap::DashMap;
use sea_orm::{
    ActiveModelTrait, ActiveValue, DbBackend, EntityTrait, Iterable as _, QueryTrait as _,
    Statement, Value, Values, sea_query::OnConflict,
};

/// What becomes of rows that are there.
pub(in crate::db) type Conflict = fn(DbBackend) -> OnConflict;

/// Rows of a statement whose text is remembered; how many more there are is hardly ever the same again.
const MOST: usize = 4;

/// What writes rows: as many as there are tables, ways to write them, and numbers of rows up to [`MOST`].
static INSERTS: LazyLock<DashMap<Key, Insert>> = LazyLock::new(DashMap::new);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    rows_of: TypeId,
    /// Where its code is: two that share it say the same.
    conflict: Option<usize>,
    database: usize,
    rows: usize,
}

#[derive(Debug, Clone)]
struct Insert {
    text: Arc<str>,
    /// What follows the values of the rows: those that a conflict names.
    constants: Arc<[Value]>,
}

/// The text of one statement, for each database.
#[derive(Debug)]
pub(in crate::db) struct Remembered([OnceLock<String>; 3]);

impl Remembered {
    /// Not known yet.
    pub(in crate::db) const fn new() -> Self {
        Self([const { OnceLock::new() }; 3])
    }

    /// The statement that `build` puts together, if its text was not known, with `values` in the order of its parameters.
    pub(in crate::db) fn with(
        &self,
        backend: DbBackend,
        values: Vec<Value>,
        build: impl FnOnce() -> Statement,
    ) -> Statement {
        let Some(text) = self.0.get(number(backend)) else {
            return build();
        };
        if let Some(text) = text.get() {
            return Statement::from_sql_and_values(backend, text, values);
        }
        let built = build();
        if after(&built, &values).is_some_and(<[Value]>::is_empty) {
            // Somebody else may have been faster, with the same.
            text.get_or_init(|| built.sql.clone());
        }
        built
    }
}

/// A statement that inserts `rows`.
pub(in crate::db) fn insert<A>(
    backend: DbBackend,
    rows: Vec<A>,
    conflict: Option<Conflict>,
) -> Statement
where
    A: ActiveModelTrait + 'static,
{
    if rows.len() > MOST || !rows.iter().all(is_whole) {
        return built(backend, rows, conflict);
    }
    let key = Key {
        rows_of: TypeId::of::<A>(),
        conflict: conflict.map(|conflict| conflict as usize),
        database: number(backend),
        rows: rows.len(),
    };
    let known = INSERTS.get(&key).map(|known| known.clone());
    if let Some(known) = known {
        let mut values = values(rows);
        values.extend_from_slice(&known.constants);
        return Statement::from_sql_and_values(backend, &*known.text, values);
    }
    let gathered = values(rows.clone());
    let built = built(backend, rows, conflict);
    if let Some(constants) = after(&built, &gathered) {
        let insert = Insert {
            text: built.sql.as_str().into(),
            constants: constants.into(),
        };
        INSERTS.insert(key, insert);
    }
    built
}

fn built<A: ActiveModelTrait>(
    backend: DbBackend,
    rows: Vec<A>,
    conflict: Option<Conflict>,
) -> Statement {
    let mut insert = <A::Entity as EntityTrait>::insert_many(rows);
    if let Some(conflict) = conflict {
        insert = insert.on_conflict(conflict(backend));
    }
    insert.build(backend)
}

/// Whether each column has a value, which the text says.
fn is_whole<A: ActiveModelTrait>(row: &A) -> bool {
    let mut columns = <A::Entity as EntityTrait>::Column::iter();
    columns.all(|column| !row.is_not_set(column))
}

fn values<A: ActiveModelTrait>(rows: Vec<A>) -> Vec<Value> {
    let values = rows.into_iter().flat_map(|mut row| {
        <A::Entity as EntityTrait>::Column::iter().filter_map(move |column| {
            match row.take(column) {
                ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Some(value),
                ActiveValue::NotSet => None,
            }
        })
    });
    values.collect()
}

/// The values of `built` after those that were gathered; none if it has others.
fn after<'a>(built: &'a Statement, gathered: &[Value]) -> Option<&'a [Value]> {
    let Values(values) = built.values.as_ref()?;
    let rest = values.strip_prefix(gathered);
    debug_assert!(
        rest.is_some(),
        "the short way gathers other values: {}",
        built.sql
    );
    rest
}

const fn number(backend: DbBackend) -> usize {
    match backend {
        DbBackend::Sqlite => 0,
        DbBackend::Postgres => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use entity::{
        ids::SessionId,
        labels::{ActiveModel, Column, Entity, Model},
    };
    use sea_orm::{ActiveValue::NotSet, QueryFilter as _, prelude::*, sea_query::Expr};

    use super::*;

    const BACKENDS: [DbBackend; 3] = [DbBackend::Sqlite, DbBackend::Postgres, DbBackend::MySql];

    fn label(name: Option<&str>) -> ActiveModel {
        let row = Model {
            session_id: SessionId::new(),
            id: "7".to_owned(),
            name: name.map(str::to_owned),
            color: Some(3),
            deleted: false,
            updated_at: 5,
        };
        row.into()
    }

    fn replaced(_: DbBackend) -> OnConflict {
        OnConflict::columns([Column::SessionId, Column::Id])
            .update_column(Column::Name)
            .value(Column::Color, Expr::val(9))
            .to_owned()
    }

    #[test]
    fn a_statement_is_put_together_once_for_each_database() {
        let text = Remembered::new();
        for backend in BACKENDS {
            let of = |id: &str| Entity::find().filter(Column::Id.eq(id)).build(backend);
            let first = text.with(backend, vec!["a".into()], || of("a"));
            assert_eq!(first, of("a"));
            let second = text.with(backend, vec!["b".into()], || panic!("put together again"));
            assert_eq!(second, of("b"));
        }
    }

    #[test]
    fn a_remembered_insert_is_the_one_that_sea_orm_builds() {
        for backend in BACKENDS {
            for conflict in [None, Some(replaced as Conflict)] {
                for name in [Some("one"), None, Some("three")] {
                    for rows in 1..=MOST + 1 {
                        let rows = vec![label(name); rows];
                        let wanted = built(backend, rows.clone(), conflict);
                        assert_eq!(insert(backend, rows, conflict), wanted);
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_without_a_value_has_a_text_of_its_own() {
        let whole = label(Some("whole"));
        let part = ActiveModel {
            color: NotSet,
            ..label(Some("part"))
        };
        for row in [whole, part] {
            let wanted = built(DbBackend::Sqlite, vec![row.clone()], None);
            assert_eq!(insert(DbBackend::Sqlite, vec![row], None), wanted);
        }
    }
}
