//! Ids, stored enums and tables of Wharf.
