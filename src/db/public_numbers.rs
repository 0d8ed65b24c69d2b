//! `public_numbers`: a small number for each subject of a kind, given once and kept.

use entity::public_numbers::{ActiveModel, Column, Entity, Model};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, SqlErr,
};
use uuid::Uuid;

/// The kind of a user's number.
pub const USER: &str = "user";
/// The kind of a session's number.
pub const SESSION: &str = "session";

/// The number of `subject`, if it has one.
pub async fn find(
    db: &impl ConnectionTrait,
    kind: &str,
    subject: Uuid,
) -> Result<Option<i64>, DbErr> {
    let row = Entity::find()
        .filter(Column::Kind.eq(kind))
        .filter(Column::Subject.eq(subject))
        .one(db)
        .await?;
    Ok(row.map(|row| row.number))
}

/// The numbers of those of `subjects` that have one.
pub async fn of_many(
    db: &impl ConnectionTrait,
    kind: &str,
    subjects: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<(Uuid, i64)>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Subject, Column::Number])
        .filter(Column::Kind.eq(kind))
        .filter(Column::Subject.is_in(subjects))
        .into_tuple()
        .all(db)
        .await
}

/// Whose number it is.
pub async fn by_number(
    db: &impl ConnectionTrait,
    kind: &str,
    number: i64,
) -> Result<Option<Uuid>, DbErr> {
    let row = Entity::find()
        .filter(Column::Kind.eq(kind))
        .filter(Column::Number.eq(number))
        .one(db)
        .await?;
    Ok(row.map(|row| row.subject))
}

/// Gives `subject` the next number of its kind; none if somebody else was faster, with this number or for this subject.
pub async fn take(
    db: &impl ConnectionTrait,
    kind: &str,
    subject: Uuid,
) -> Result<Option<i64>, DbErr> {
    let last = Entity::find()
        .filter(Column::Kind.eq(kind))
        .order_by_desc(Column::Number)
        .limit(1)
        .one(db)
        .await?;
    let number = last.map_or(0, |row| row.number) + 1;
    let row = ActiveModel::from(Model {
        kind: kind.to_owned(),
        number,
        subject,
    });
    match Entity::insert(row.reset_all())
        .exec_without_returning(db)
        .await
    {
        Ok(_) => Ok(Some(number)),
        Err(error) => match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Ok(None),
            _ => Err(error),
        },
    }
}
