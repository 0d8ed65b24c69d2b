//! WhatsApp as the service sees it.

pub mod store;
