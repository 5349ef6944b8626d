//! Running a task by its handler: an HTTP call, whose answer is the outcome. The protocol is in
//! `docs/guide/handlers.md`.

mod answer;
mod lines;
mod request;

use crate::{Context, Outcome, SendError};
use handoff_queue::Json;
use handoff_wire::Handler;

/// Runs one attempt.
pub(crate) async fn run(handler: &Handler, kind: &str, args: Json, context: &Context) -> Outcome {
    let call = match request::call(handler, kind, args, context) {
        Ok(call) => call,
        Err(reason) => return Outcome::retry(reason),
    };
    // Calling it may have ended the instance of the run that was lost.
    if context.control().attempt().alone
        && handler.is_inside()
        && let Err(reason) = context.reach(kind).await
    {
        return Outcome::retry(reason);
    }
    let exchange = async { answer::outcome(context.open(call).await?, context).await };
    match context.unless_cancelled(exchange).await {
        Ok(outcome) => outcome,
        Err(SendError::Cancelled) => Outcome::Cancelled,
        // Also a call that the host forbids: until an operator allows it.
        Err(SendError::Call(error)) => Outcome::retry(format!("{}: {error}", handler.shown_url())),
    }
}
