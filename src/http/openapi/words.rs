//! Describes words that are stored: `entity` knows them and nothing of descriptions.

use std::borrow::Cow;

use entity::enums::SessionState;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// Stands for [`SessionState`] in a schema.
pub(in crate::http) struct SessionStateWord;

impl PartialSchema for SessionStateWord {
    fn schema() -> RefOr<Schema> {
        let words = SessionState::ALL.iter().map(|state| state.as_str());
        let word = ObjectBuilder::new().schema_type(Type::String);
        let word = word.enum_values(Some(words));
        RefOr::T(word.description(Some("Where a session is.")).into())
    }
}

impl ToSchema for SessionStateWord {
    fn name() -> Cow<'static, str> {
        "SessionState".into()
    }
}
