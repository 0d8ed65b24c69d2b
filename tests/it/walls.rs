//! The walls between users: every operation of every face against everybody who may not ask it.
//!
//! The native operations come from the description of the API, those of the dialects from their sources: one that no table
//! here knows fails.

mod belongings;
mod credentials;
mod dialects;
mod native;
mod operations;
mod scopes;
