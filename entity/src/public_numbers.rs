//! `public_numbers`: small numbers for faces that show numbers where Wharf has ids; counted for each kind on its own.

use sea_orm::entity::prelude::*;

/// A row of `public_numbers`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "public_numbers")]
pub struct Model {
    /// What is numbered: `user` or `session`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// From 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// Whose number it is.
    pub subject: Uuid,
}

/// No relation is declared: the service joins by hand and always by owner.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
