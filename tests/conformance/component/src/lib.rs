//! The suite inside a component, a case per request, and increments that many instances do at once. For end-to-end
//! tests only: its manifest is `tests/conformance/spin.toml`, or `.wash/config.yaml` beside it.

// What the host calls is exported over the C ABI, which `http_component` writes; nothing else here is unsafe.
#![allow(unsafe_code)]

use handoff_platform::HostStore;
use handoff_platform::http::{IncomingRequest, Problem, Request, Response, ResponseOutparam};
use handoff_queue::QueueError;
use serde_json::{Map, Value, json};
use spin_sdk::http_component;

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let request = Request::new(incoming);
    let answer = match request.path() {
        "/task" => run(request).await,
        _ => answer(&request).await,
    };
    answer.unwrap_or_else(Response::from).send(out);
}

/// `POST /task` is a handler that succeeds with what it was sent.
async fn run(request: Request) -> Result<Response, Problem> {
    let signed = request.header("webhook-signature").is_some();
    let (task, _): (Map<String, Value>, _) = request.json(|| Ok(1 << 20)).await?;
    Ok(Response::json(
        200,
        &json!({"sent": task, "signed": signed}),
    ))
}

/// `POST /conformance/{case}` runs it. `POST /increment/{key}?times=N` returns the numbers that it got.
async fn answer(request: &Request) -> Result<Response, Problem> {
    let store = HostStore::open()?;
    store.prepare().map_err(QueueError::from)?;
    let path = request.path();
    if let Some(case) = path.strip_prefix("/conformance/") {
        return match handoff_conformance::run(case, &store, "conformance.").await {
            Ok(()) => Ok(Response::empty(204)),
            Err(failure) => Err(Problem::unavailable(failure)),
        };
    }
    if let Some(key) = path.strip_prefix("/increment/") {
        let mut parameters = request.query()?.into_iter();
        let times = parameters.find(|(name, _)| name == "times");
        let times = times.and_then(|(_, value)| value.parse().ok()).unwrap_or(1);
        let numbers = handoff_probe::count(&store, key, times).await;
        return Ok(Response::json(
            200,
            &json!(numbers.map_err(QueueError::from)?),
        ));
    }
    Err(Problem::not_found(format!("{path} is not a path of this")))
}
