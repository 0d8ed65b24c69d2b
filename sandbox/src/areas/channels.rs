//! Channels (newsletters): who owns and follows them, and what is posted in them.
//!
//! Metadata goes over `w:mex`, posts are plain messages, the past and live updates have a namespace of their own. Every
//! change goes through [`change`] and [`post`], whether a device asked for it or a person at the phone.

mod book;
mod change;
mod mex;
mod post;
mod query;
mod routes;

use std::collections::HashMap;

use wacore_binary::{Jid, Server};

use crate::dispatch::HandlerTable;
use crate::jids::DeviceKey;
use crate::store::{Persist, Table};

use book::{Channel, Post};
pub(crate) use mex::queried;
pub(crate) use post::message;
pub(crate) use routes::routes;

pub(crate) fn register(table: &mut HandlerTable) {
    query::register(table);
}

/// What the area keeps.
#[derive(Debug)]
pub(crate) struct Tables {
    /// By the user part of the channel's address.
    channels: Table<String, Channel>,
    /// By channel and number of the post.
    posts: Table<(String, u64), Post>,
    /// Devices that are told at once how posts fare, and until when (milliseconds). Not kept: a device asks again.
    live: HashMap<(String, DeviceKey), u64>,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            channels: Table::new("channels"),
            posts: Table::new("channel_posts"),
            live: HashMap::new(),
        }
    }

    pub(crate) fn tables(&mut self) -> Vec<&mut dyn Persist> {
        vec![&mut self.channels, &mut self.posts]
    }
}

/// The address of a channel.
fn jid_of(id: &str) -> Jid {
    Jid::new(id, Server::Newsletter)
}
