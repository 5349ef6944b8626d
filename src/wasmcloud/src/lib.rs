//! The component that wasmCloud loads: all of the application in one, since only one component of a workload takes HTTP.
//! Workers are woken by messages, each of which has an instance of its own.

// What is exported over the C ABI is written by macros; nothing else here is unsafe.
#![allow(unsafe_code)]

use handoff_platform::http::{IncomingRequest, Request, ResponseOutparam};
use handoff_platform::wasmcloud::{PROBE, WORK, count, reply};
use spin_sdk::http_component;

mod bindings {
    wit_bindgen::generate!({
        path: "../platform/wit",
        world: "messages",
        generate_all,
    });
}

use bindings::exports::wasmcloud::messaging::handler::{BrokerMessage, Guest};

/// What spin.toml's routes say.
#[http_component]
async fn handle(request: IncomingRequest, out: ResponseOutparam) {
    let path = request.path_with_query().unwrap_or_default();
    if path.split('?').next() == Some("/gather") {
        handoff_gather::handle(request, out).await;
    } else {
        handoff_api::handle(handoff_tasks::registry, Request::new(request), out).await;
    }
}

struct Messages;

bindings::export!(Messages with_types_in bindings);

impl Guest for Messages {
    fn handle_message(message: BrokerMessage) -> Result<(), String> {
        handoff_platform::run(async {
            match message.subject.as_str() {
                WORK => {
                    let path = String::from_utf8_lossy(&message.body);
                    let answer = |started| reply(message.reply_to, &started);
                    handoff_worker::work(handoff_tasks::registry, &path, answer).await;
                    Ok(())
                }
                PROBE => count(&message.body).await,
                other => Err(format!(
                    "a message of subject {other:?} has no receiver here"
                )),
            }
        })
    }
}
