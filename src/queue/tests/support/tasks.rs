//! Tasks of the test kinds, and members of workflows.

use handoff_queue::{Member, Priority, RetryPolicy, TaskSpec};
use serde_json::Value;

/// Makes a task of the test kind that does `args`. Tests find its runs by its name.
pub(crate) fn task(name: &str, mut args: Value) -> TaskSpec {
    args["name"] = name.into();
    TaskSpec::new("io", args)
}

/// Makes a member of a workflow that does `args`.
pub(crate) fn member(name: &str, mut args: Value) -> Member {
    args["name"] = name.into();
    Member {
        kind: "io".to_owned(),
        args: Some(args.into()),
        into: None,
        ignores: false,
        timeout_ms: 5_000,
        heartbeat_timeout_ms: None,
        retry: RetryPolicy::default(),
    }
}

/// Gives a task another priority.
pub(crate) fn with(priority: Priority, task: TaskSpec) -> TaskSpec {
    TaskSpec { priority, ..task }
}

/// Makes a task with a key that has limits.
pub(crate) fn keyed(key: &str, name: &str, mut args: Value) -> TaskSpec {
    args["key"] = key.into();
    TaskSpec {
        key: Some(key.to_owned()),
        ..task(name, args)
    }
}

/// Makes a task that computes: nothing else happens in its instance meanwhile.
pub(crate) fn computing(name: &str, args: Value) -> TaskSpec {
    TaskSpec {
        kind: "compute".to_owned(),
        ..task(name, args)
    }
}
