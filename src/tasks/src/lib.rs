//! The tasks of this deployment: one file each, and one line each in [`registry`].

mod context;
mod echo;
mod fault;
mod handler;
mod http_request;
mod primes;
mod registry;
mod reply;
mod signature;
mod sleep;
mod trace_headers;
mod webhook;

pub use context::{Cancelled, Context, Host, SendError};
pub use handoff_queue::{Json, Outcome, TaskId, TaskView, Trace};
pub use handoff_wire::{
    Answer, Call, CallError, CallRequest, Duration, FieldError, Handlers, Reply, WebhookSecrets,
};
pub use registry::Registry;
pub use sleep::long_running_task;

use handoff_wire::from_json;
use serde::de::DeserializeOwned;

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// A task kind. README.md shows a whole one.
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

/// The task kinds that a worker knows: those of this deployment, and webhooks.
pub fn all(faults: fn() -> bool) -> Registry {
    registry(faults).with::<webhook::Webhook>()
}

/// The task kinds of this deployment, which callers may enqueue.
///
/// `faults` says whether there are the kinds `fault` and `fault.busy`, which break their instance in
/// chosen ways, for tests. It is asked only about tasks of these kinds.
pub fn registry(faults: fn() -> bool) -> Registry {
    Registry::default()
        .with::<echo::Echo>()
        .with::<http_request::HttpRequest>()
        .with::<primes::CountPrimes>()
        .with::<sleep::Sleep>()
        .with_if::<fault::Fault>(faults)
        .with_if::<fault::Busy>(faults)
}
