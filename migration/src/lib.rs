//! The schema of Wharf.
