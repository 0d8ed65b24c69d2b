//! The native API, one file per verb of a resource.

mod api_keys;
mod audit;
mod auth;
mod bad_input;
mod businesses;
mod channels;
mod chat_list;
mod chat_timer;
mod chats;
mod communities;
mod contacts;
mod docs;
mod groups;
mod history;
mod labels;
mod limits;
mod media;
mod message_queries;
mod messages;
mod metrics;
mod privacy_tokens;
mod sessions;
mod setup;
mod users;
mod webhooks;
mod ws;
