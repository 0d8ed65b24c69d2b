//! What goes wrong around the real process: it says so, and nothing is lost.

mod data_folder;
mod pairing;
mod stop;
mod whatsapp_down;
