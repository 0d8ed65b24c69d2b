//! A WhatsApp server and phones.
