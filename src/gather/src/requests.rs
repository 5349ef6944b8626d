//! `{"requests": [{"url": …}, …]}`: sends all at once.

use futures::future::join_all;
use handoff_platform::http::Response;
use handoff_platform::http::client::send_gathered;
use handoff_wire::{Call, CallError, JsonObject, Reply};
use std::collections::BTreeMap;

/// Answers in the order asked, each with its own status or error.
pub(crate) async fn gather(calls: Vec<Call>) -> Response {
    let results: Vec<_> = join_all(calls.into_iter().map(send_gathered))
        .await
        .into_iter()
        .map(result)
        .collect();
    Response::json(200, &JsonObject::default().with("results", results))
}

fn result(reply: Result<Reply, CallError>) -> JsonObject {
    let object = JsonObject::default();
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return object.with("error", error.to_string()),
    };
    let headers: BTreeMap<_, _> = reply.headers.iter().cloned().collect();
    let object = object.with("status", reply.status).with("headers", headers);
    match reply.body_json() {
        Ok(body) => object.with("body", body),
        Err(flaw) => object.with("error", format!("the body is {flaw}")),
    }
}
