//! Waits, as a stand-in for slow work.

use crate::{Cancelled, Context, Duration, Json, Outcome, Task};
use serde::Deserialize;
use serde_json::json;

/// `{"task": "sleep", "args": {"for": "5s"}}` waits and succeeds with `"Task Done."`.
pub(crate) struct Sleep;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    r#for: Duration,
}

/// The task that `/ping` enqueues: kind and arguments of a task that takes 5 s.
pub fn long_running_task() -> (&'static str, Json) {
    (Sleep::NAME, json!({"for": "5s"}).into())
}

impl Task for Sleep {
    const NAME: &'static str = "sleep";
    type Args = Args;

    async fn run(args: Args, context: Context) -> Outcome {
        match context.sleep(args.r#for.ms).await {
            Ok(()) => Outcome::done("Task Done."),
            Err(Cancelled) => Outcome::Cancelled,
        }
    }
}
