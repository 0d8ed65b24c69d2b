//! The areas: one file for each thing the server does. An area owns its stanza handlers, its tables, its control
//! routes, and the phone's side of it. To add one: a module here, a line in [`handlers`], in [`routes`] if it has
//! control routes, and in [`Tables`] if it keeps something.

pub(crate) mod app_state;
pub(crate) mod faults;
pub(crate) mod login;
pub(crate) mod pairing;
mod ping;

use axum::Router;

use crate::dispatch::HandlerTable;
use crate::hub::Hub;
use crate::store::Persist;

/// Every area's handlers.
pub(crate) fn handlers() -> HandlerTable {
    let mut table = HandlerTable::default();
    app_state::register(&mut table);
    login::register(&mut table);
    ping::register(&mut table);
    table
}

/// Every area's control routes, below `/sandbox`.
pub(crate) fn routes() -> Router<Hub> {
    Router::new()
        .merge(faults::routes())
        .merge(pairing::routes())
}

/// Every area's own tables.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) app_state: app_state::Tables,
    pub(crate) faults: faults::Faults,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            app_state: app_state::Tables::new(),
            faults: faults::Faults::new(),
        }
    }

    pub(crate) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        let mut tables = self.app_state.tables();
        tables.extend(self.faults.tables());
        tables
    }
}
