//! The body of `PUT /v1/schedules/{name}`.

use super::task::assert_bounds;
use super::{NOW_MS, assert_names_field};
use handoff_queue::{EVERY_MAX_MS, EVERY_MIN_MS, Rule};
use handoff_tasks::registry;
use handoff_wire::{Cron, ScheduleRequest, from_slice};

/// What an error may name although it is not there: what every schedule needs, and an argument.
const MISSING: [&str; 3] = ["task", "args", "cron"];

/// A schedule is taken within the documented bounds, and its times follow each other, or an error names the field.
pub(crate) fn run(bytes: &[u8]) {
    let check =
        |request: ScheduleRequest| request.check("a", "default", &registry().with_faults(|| true));
    match from_slice(bytes).and_then(check) {
        Ok(schedule) => {
            assert_bounds(&schedule.task);
            match &schedule.rule {
                Rule::Every(ms) => assert!((EVERY_MIN_MS..=EVERY_MAX_MS).contains(ms)),
                Rule::Cron(cron) => assert_times(&cron.expression, &cron.timezone),
            }
            let stored = serde_json::to_vec(&schedule).expect("its keys are text");
            assert_eq!(serde_json::from_slice(&stored).ok(), Some(schedule));
        }
        Err(error) => assert_names_field(&error, bytes, &MISSING),
    }
}

fn assert_times(expression: &str, timezone: &str) {
    let cron = Cron::new(expression, timezone).expect("it was read");
    let mut at_ms = NOW_MS;
    for _ in 0..3 {
        let Some(next_ms) = cron.after(at_ms) else {
            return;
        };
        assert!(next_ms > at_ms, "{expression:?} after {at_ms}: {next_ms}");
        assert_eq!(cron.until(next_ms), Some(next_ms), "{expression:?}");
        at_ms = next_ms;
    }
}
