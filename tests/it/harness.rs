//! What the tests stand on: databases of their own, servers, phones and receivers.

pub(crate) mod app;
pub(crate) mod clock;
pub(crate) mod ctx;
pub(crate) mod databases;
pub(crate) mod explained;
pub(crate) mod field;
pub(crate) mod processes;
pub(crate) mod receiver;
pub(crate) mod rows;
