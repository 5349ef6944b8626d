//! The component for wasmCloud: all of an application in one, since only one component of a workload
//! takes HTTP. Workers are woken by messages, each of which has an instance of its own.

use crate::Tasks;
use handoff_platform::http::{Request, ResponseOutparam};
use handoff_platform::wasmcloud::messages::BrokerMessage;
use handoff_platform::wasmcloud::{PROBE, WORK, count, reply};

/// Answers a request, as spin.toml's routes say.
pub(crate) async fn handle(tasks: Tasks, request: Request, out: ResponseOutparam) {
    if request.path() == "/gather" {
        handoff_gather::handle(request, out).await;
    } else {
        handoff_api::handle(tasks, request, out).await;
    }
}

/// Does what a message asks for.
///
/// # Errors
/// If no such message is known.
pub fn handle_message(tasks: Tasks, message: BrokerMessage) -> Result<(), String> {
    handoff_platform::run(async {
        match message.subject.as_str() {
            WORK => {
                let path = String::from_utf8_lossy(&message.body);
                let answer = |started| reply(message.reply_to, &started);
                handoff_worker::work(tasks, &path, answer).await;
                Ok(())
            }
            PROBE => count(&message.body).await,
            other => Err(format!(
                "a message of subject {other:?} has no receiver here"
            )),
        }
    })
}
