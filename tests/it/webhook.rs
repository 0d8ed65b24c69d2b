//! Webhooks against a real receiver on loopback. Time is moved by hand, never slept.

mod attempts;
mod breaker;
mod care;
mod chats;
mod dead;
mod desk;
mod egress;
mod log;
mod ordering;
mod plans;
mod retries;
mod signature;
mod verbs;
mod verifiers;
