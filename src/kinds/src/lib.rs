//! Kinds of tasks: what a task is, the registry of a deployment's kinds, how one attempt runs, and
//! the kinds that every deployment has. Applications see it as the crate `handoff`.

mod built_in;
mod context;
mod handler;
pub mod name;
mod registry;
mod reply;
mod signature;
pub mod span;
pub mod test;
mod trace_headers;

pub use context::{Cancelled, Context, Host, SendError};
pub use handoff_queue::{Json, Outcome, TaskId, TaskView, Trace, Wait};
pub use handoff_wire::{
    Answer, Call, CallError, CallRequest, Duration, FieldError, Handlers, Reply, WebhookSecrets,
};
pub use registry::Registry;

use handoff_wire::from_json;
use serde::de::DeserializeOwned;

/// The kinds of an application, by a function since each request makes them anew.
pub type Tasks = fn() -> Registry;

/// A kind of tasks.
///
/// ```
/// use handoff_kinds::{Context, Outcome, Task};
///
/// /// `{"task": "greet", "args": {"name": "Ada"}}` succeeds with `"Hello, Ada!"`.
/// struct Greet;
///
/// #[derive(serde::Deserialize)]
/// struct Args {
///     name: String,
/// }
///
/// impl Task for Greet {
///     const NAME: &'static str = "greet";
///     type Args = Args;
///
///     async fn run(args: Args, _context: Context) -> Outcome {
///         Outcome::done(format!("Hello, {}!", args.name))
///     }
/// }
/// ```
#[allow(async_fn_in_trait)] // Components have one thread; nothing here needs Send.
pub trait Task: 'static {
    /// The name of the kind, by which callers enqueue it: lower case, with dots between words.
    const NAME: &'static str;

    /// Whether it computes rather than waits. A task that computes runs alone in its instance, so
    /// the host's instances give parallelism. Tasks that wait share instances.
    const COMPUTES: bool = false;

    /// The arguments. They are read when the task is enqueued, so that wrong ones are refused then.
    type Args: DeserializeOwned;

    /// Reads the arguments: an object, unless a task says otherwise.
    ///
    /// # Errors
    /// The field that can't be used, and why.
    fn read(args: &Json) -> Result<Self::Args, FieldError> {
        from_json(args)
    }

    /// Checks conditions on the arguments that their type can't express.
    ///
    /// # Errors
    /// The field that can't be used, and why.
    fn check(_args: &Self::Args) -> Result<(), FieldError> {
        Ok(())
    }

    /// Checks durations in the arguments against the timeout of an attempt, in milliseconds.
    ///
    /// # Errors
    /// The field that can't be used, and why.
    fn check_timeout(_args: &Self::Args, _timeout_ms: u64) -> Result<(), FieldError> {
        Ok(())
    }

    /// Runs one attempt. A panic, a trap or a timeout is a failed attempt too.
    async fn run(args: Self::Args, context: Context) -> Outcome;
}
