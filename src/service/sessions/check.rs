//! What may be written into a session: handle, name, metadata.

use entity::ids::SessionId;
use sea_orm::SqlErr;
use serde_json::{Map, Value};

use crate::service::Error;

/// The longest handle.
pub(super) const MAX_HANDLE: usize = 64;

/// The largest `metadata`, as JSON text.
const MAX_METADATA: usize = 16 << 10;

pub(super) fn handle_taken(error: sea_orm::DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict {
            code: "handle_taken",
            detail: "another session of yours has this handle".to_owned(),
        },
        _ => Error::internal(error),
    }
}

pub(super) fn check_handle(handle: String) -> Result<String, Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.+@:-".contains(c);
    if handle.is_empty() || handle.len() > MAX_HANDLE || !handle.chars().all(fits) {
        return Err(Error::invalid(
            "/handle",
            "a handle has 1 to 64 characters of A-Z a-z 0-9 _ . + @ : -",
        ));
    }
    if handle.starts_with("ses_") {
        return Err(Error::invalid(
            "/handle",
            "a handle must not look like a session id",
        ));
    }
    Ok(handle)
}

pub(super) fn generated_handle(id: SessionId) -> String {
    let hex = id.uuid().simple().to_string();
    format!("s-{}", &hex[20..])
}

pub(super) fn check_name(name: Option<&str>) -> Result<(), Error> {
    match name {
        Some(name) if name.trim().is_empty() || name.chars().count() > 128 => {
            Err(Error::invalid("/name", "a name has 1 to 128 characters"))
        }
        _ => Ok(()),
    }
}

pub(super) fn metadata_text(metadata: &Map<String, Value>) -> Result<String, Error> {
    let text = serde_json::to_string(metadata).map_err(Error::internal)?;
    if text.len() > MAX_METADATA {
        return Err(Error::invalid(
            "/metadata",
            "metadata may have 16 KiB as JSON",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_takes_the_documented_characters_and_no_others() {
        for good in [
            "a",
            "my-session",
            "+5511999887766",
            "me@home:1",
            &"x".repeat(64),
        ] {
            assert!(check_handle(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "with space", "ü", "a/b", "ses_1", &"x".repeat(65)] {
            assert!(check_handle(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
