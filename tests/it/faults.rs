//! What goes wrong around the real process: it says so, and nothing is lost.

mod data_folder;
mod full_disk;
mod locked;
mod news;
mod pairing;
mod slow_clients;
mod stop;
mod whatsapp_down;
