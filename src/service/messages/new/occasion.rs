//! What a calendar event may hold.

use super::{MAX_NAME, check_degrees, check_line, check_link, check_prose, refused};
use crate::{
    domain::{
        clock::from_rfc3339,
        message::{Occasion, Venue},
    },
    service::Error,
};

pub(super) fn check_event(event: &Occasion) -> Result<(), Error> {
    let code = "invalid_event";
    check_line(&event.name, MAX_NAME, code, "/event/name")?;
    check_prose(event.description.as_ref(), code, "/event/description")?;
    let starts = check_time(event.starts_at.as_ref(), "/event/starts_at")?;
    let ends = check_time(event.ends_at.as_ref(), "/event/ends_at")?;
    match (starts, ends) {
        (None, _) => {
            return Err(refused(
                code,
                "/event/starts_at",
                "is required for an event",
            ));
        }
        (Some(starts), Some(ends)) if ends <= starts => {
            let detail = "must be after its beginning";
            return Err(refused(code, "/event/ends_at", detail));
        }
        _ => {}
    }
    if let Some(link) = &event.join_link {
        check_link(link, code, "/event/join_link")?;
    }
    event.location.as_ref().map_or(Ok(()), check_venue)
}

fn check_venue(venue: &Venue) -> Result<(), Error> {
    let code = "invalid_event";
    check_line(&venue.name, MAX_NAME, code, "/event/location/name")?;
    if venue.latitude.is_some() != venue.longitude.is_some() {
        let detail = "latitude and longitude stand together";
        return Err(refused(code, "/event/location", detail));
    }
    let (latitude, longitude) = (venue.latitude, venue.longitude);
    check_degrees(latitude.unwrap_or(0.0), 90.0, "/event/location/latitude")?;
    check_degrees(longitude.unwrap_or(0.0), 180.0, "/event/location/longitude")
}

fn check_time(time: Option<&String>, pointer: &'static str) -> Result<Option<i64>, Error> {
    let Some(time) = time else {
        return Ok(None);
    };
    let detail = "must be a time in RFC 3339, such as 2027-01-31T18:00:00Z";
    let parsed = from_rfc3339(time).ok_or_else(|| refused("invalid_time", pointer, detail))?;
    Ok(Some(parsed))
}
