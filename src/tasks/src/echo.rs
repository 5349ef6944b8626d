//! Returns its arguments.

use crate::{Context, FieldError, Outcome, Task};
use serde_json::Value;

/// `{"task": "echo", "args": …}` succeeds with its arguments, whatever they are.
pub struct Echo;

impl Task for Echo {
    const NAME: &'static str = "echo";
    type Args = Value;

    fn read(args: Value) -> Result<Value, FieldError> {
        Ok(args)
    }

    async fn run(args: Value, _context: Context) -> Outcome {
        Outcome::Done(args)
    }
}
