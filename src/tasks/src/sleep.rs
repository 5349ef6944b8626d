//! Waits, as a stand-in for slow work.

use handoff::{Cancelled, Context, Duration, Outcome, Task};
use serde::Deserialize;

/// `{"task": "sleep", "args": {"for": "5s"}}` waits and succeeds with `"Task Done."`.
pub struct Sleep;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    r#for: Duration,
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
