//! Returns its arguments.

use handoff::{Context, FieldError, Json, Outcome, Task};

/// `{"task": "echo", "args": …}` succeeds with its arguments.
pub struct Echo;

impl Task for Echo {
    const NAME: &'static str = "echo";
    type Args = Json;

    fn read(args: &Json) -> Result<Json, FieldError> {
        Ok(args.clone())
    }

    async fn run(args: Json, _context: Context) -> Outcome {
        Outcome::Done(args)
    }
}
