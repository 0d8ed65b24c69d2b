//! What the tests stand on: databases of their own, and later servers, phones and receivers.

pub(crate) mod databases;
pub(crate) mod field;
pub(crate) mod processes;
pub(crate) mod receiver;
