//! Time zones by their names.

use crate::{FieldError, quoted};
use jiff::tz::{self, TimeZone};

/// Finds the zone with this name in the IANA database.
///
/// # Errors
/// Names the field `timezone`, and the zone that was probably meant.
pub(super) fn named(name: &str) -> Result<TimeZone, FieldError> {
    TimeZone::get(name).map_err(|_| {
        let hint = match meant(name) {
            Some(zone) => format!("; did you mean {zone:?}?"),
            None => ".".to_owned(),
        };
        let reason = format!(
            "{} is not a time zone{hint} Write one like \"Europe/Berlin\", \"America/New_York\" or \"UTC\"",
            quoted(name)
        );
        FieldError::new("timezone", reason)
    })
}

/// Finds the zone for a city without its continent, or for a typing error.
fn meant(name: &str) -> Option<String> {
    let zones: Vec<String> = tz::db().available().map(|zone| zone.to_string()).collect();
    let city = name.trim().replace(' ', "_");
    let of_city = |zone: &&String| {
        let last = zone.rsplit('/').next();
        last.is_some_and(|last| last.eq_ignore_ascii_case(&city))
    };
    if let Some(zone) = zones.iter().find(of_city) {
        return Some(zone.clone());
    }
    crate::near(&city, zones.iter().map(String::as_str)).map(str::to_owned)
}
