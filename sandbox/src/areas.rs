//! The areas: one file for each thing the server does. An area owns its stanza handlers, its tables, its control
//! routes, and the phone's side of it. To add one: a module here, a line in [`handlers`], in [`routes`] if it has
//! control routes, and in [`Tables`] if it keeps something.

pub(crate) mod app_state;
pub(crate) mod business;
pub(crate) mod calls;
pub(crate) mod channels;
pub(crate) mod devices;
pub(crate) mod faults;
pub(crate) mod groups;
pub(crate) mod history;
pub(crate) mod login;
pub(crate) mod media;
pub(crate) mod messages;
mod mex;
pub(crate) mod pairing;
pub(crate) mod phone;
mod ping;
pub(crate) mod prekeys;
pub(crate) mod presence;
pub(crate) mod profile;
pub(crate) mod receipts;
pub(crate) mod reuse;
pub(crate) mod status;
pub(crate) mod trust;
mod usync;

use axum::Router;
use wacore_binary::Node;

use crate::dispatch::HandlerTable;
use crate::hub::Hub;
use crate::jids::Pn;
use crate::store::{Persist, Table};
use crate::world::World;

/// Every area's handlers.
pub(crate) fn handlers() -> HandlerTable {
    let mut table = HandlerTable::default();
    app_state::register(&mut table);
    business::register(&mut table);
    calls::register(&mut table);
    channels::register(&mut table);
    devices::register(&mut table);
    groups::register(&mut table);
    login::register(&mut table);
    media::register(&mut table);
    messages::register(&mut table);
    mex::register(&mut table);
    ping::register(&mut table);
    prekeys::register(&mut table);
    presence::register(&mut table);
    profile::register(&mut table);
    receipts::register(&mut table);
    trust::register(&mut table);
    usync::register(&mut table);
    table
}

/// Every area's control routes, below `/sandbox`.
pub(crate) fn routes() -> Router<Hub> {
    Router::new()
        .merge(app_state::routes())
        .merge(business::routes())
        .merge(calls::routes())
        .merge(channels::routes())
        .merge(devices::routes())
        .merge(faults::routes())
        .merge(groups::routes())
        .merge(history::routes())
        .merge(media::routes())
        .merge(pairing::routes())
        .merge(phone::routes())
        .merge(presence::routes())
        .merge(profile::routes())
        .merge(trust::routes())
}

/// What usync says about a person under a name that it does not know itself (`status`, `picture`, …): each such name
/// belongs to one area.
fn about_person(world: &World, name: &str, pn: Pn) -> Option<Node> {
    match name {
        "business" => business::about_person(world, pn),
        _ => profile::about_person(world, name, pn),
    }
}

/// Every area's own tables.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) app_state: app_state::Tables,
    pub(crate) business: business::Tables,
    pub(crate) calls: calls::Calls,
    pub(crate) channels: channels::Tables,
    pub(crate) faults: faults::Faults,
    pub(crate) groups: groups::Tables,
    pub(crate) history: history::Tables,
    pub(crate) media: media::Door,
    pub(crate) pairing: pairing::Tables,
    pub(crate) phone: phone::Tables,
    pub(crate) presence: presence::Presences,
    pub(crate) profile: profile::Tables,
    pub(crate) spent_counters: reuse::SpentCounters,
    pub(crate) trust: trust::Tables,
    pub(crate) watchers: usync::Watchers,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            app_state: app_state::Tables::new(),
            business: business::Tables::new(),
            calls: calls::Calls::default(),
            channels: channels::Tables::new(),
            faults: faults::Faults::new(),
            groups: groups::Tables::new(),
            history: history::Tables::new(),
            media: media::Door::default(),
            pairing: pairing::Tables::new(),
            phone: phone::Tables::new(),
            presence: presence::Presences::new(),
            profile: profile::Tables::new(),
            spent_counters: Table::new("spent_counters"),
            trust: trust::Tables::new(),
            watchers: Table::new("device_watchers"),
        }
    }

    pub(crate) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        let mut tables: Vec<&mut dyn Persist> = vec![&mut self.spent_counters, &mut self.watchers];
        tables.extend(self.app_state.tables());
        tables.extend(self.business.tables());
        tables.extend(self.channels.tables());
        tables.extend(self.faults.tables());
        tables.extend(self.groups.tables());
        tables.extend(self.history.tables());
        tables.extend(self.pairing.tables());
        tables.extend(self.phone.tables());
        tables.extend(self.presence.tables());
        tables.extend(self.profile.tables());
        tables.extend(self.trust.tables());
        tables
    }

    /// Rebuilds what follows from the tables. Called once, after they are loaded.
    pub(crate) fn index(&mut self) {
        self.phone.log.index();
    }
}
