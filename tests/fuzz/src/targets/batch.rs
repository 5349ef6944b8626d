//! The body of `POST /v1/tasks:batch`.

use super::task::assert_bounds;
use super::{NOW_MS, assert_names_field};
use handoff_queue::BATCH_MAX;
use handoff_tasks::registry;
use handoff_wire::{BatchRequest, from_slice};

/// Each item is taken within the documented bounds, or an error names it.
pub(crate) fn run(bytes: &[u8]) {
    let registry = registry().with_faults(|| true);
    let tasks = match from_slice(bytes).and_then(|b: BatchRequest| b.check(&registry, NOW_MS)) {
        Ok(tasks) => tasks,
        Err(error) => return assert_names_field(&error, bytes, &["tasks"]),
    };
    assert!((1..=BATCH_MAX).contains(&tasks.len()));
    for (i, task) in tasks.iter().enumerate() {
        match task {
            Ok(checked) => assert_bounds(&checked.task),
            Err(error) => {
                let item = format!("tasks[{i}]");
                assert!(
                    error.field.as_ref().is_some_and(|f| f.starts_with(&item)),
                    "{error}"
                );
                assert_names_field(error, bytes, &[]);
            }
        }
    }
}
