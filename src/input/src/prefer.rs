//! What a request prefers: RFC 7240.

/// The milliseconds of the first preference `wait` in the values of the header Prefer, as in `respond-async, wait=10`.
/// What can't be read is no preference: that is what the RFC asks for.
///
/// ```
/// use handoff_input::preferred_wait_ms;
///
/// assert_eq!(preferred_wait_ms(["respond-async, wait=10"]), Some(10_000));
/// assert_eq!(preferred_wait_ms(["wait=soon"]), None);
/// ```
pub fn preferred_wait_ms<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<u64> {
    let mut preferences = values.into_iter().flat_map(|value| value.split(','));
    let wait = preferences.find_map(|preference| {
        let preference = preference.split(';').next()?;
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        let is_wait = name.trim().eq_ignore_ascii_case("wait");
        is_wait.then(|| value.trim().trim_matches('"'))
    })?;
    if wait.is_empty() || !wait.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // More than can be counted is long enough.
    let seconds: u64 = wait.parse().unwrap_or(u64::MAX);
    Some(seconds.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits() {
        let table: [(&[&str], Option<u64>); 14] = [
            (&[], None),
            (&[""], None),
            (&["wait=10"], Some(10_000)),
            (&["Wait = 10"], Some(10_000)),
            (&["wait=\"10\""], Some(10_000)),
            (&["respond-async, wait=10; x=y, wait=20"], Some(10_000)),
            (&["respond-async", "wait=0"], Some(0)),
            (&["wait=99999999999999999999"], Some(u64::MAX)),
            (&["wait"], None),
            (&["wait="], None),
            (&["wait=-1"], None),
            (&["wait=1.5"], None),
            // Only the first counts, also if it can't be read.
            (&["wait=soon, wait=10"], None),
            (&["waiter=10", "handling=strict"], None),
        ];
        for (values, expected) in table {
            let found = preferred_wait_ms(values.iter().copied());
            assert_eq!(found, expected, "{values:?}");
        }
    }
}
