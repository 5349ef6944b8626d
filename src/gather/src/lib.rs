//! The public component `/gather`: many things at once inside one request.

// The handler is exported over the C ABI, which `http_component` writes; nothing else here is unsafe.
#![allow(unsafe_code)]

mod requests;
mod waits;

use handoff_input::{CallRequest, Duration, FieldError, Object};
use handoff_platform::http::{
    IncomingRequest, Method, Problem, Request, Response, ResponseOutparam,
};
use handoff_platform::variables;
use serde::Deserialize;
use spin_sdk::http_component;

/// The most things in one request.
const ITEMS_MAX: usize = 100;

/// The body of `POST /gather`: one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gather {
    requests: Option<Vec<Object<CallRequest>>>,
    waits: Option<Vec<Duration>>,
}

#[http_component]
async fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
    let response = match answer(Request::new(incoming)).await {
        Ok(response) => response,
        Err(problem) => problem.into(),
    };
    response.send(out);
}

async fn answer(request: Request) -> Result<Response, Problem> {
    if *request.method() != Method::Post {
        return Err(Problem::method_not_allowed("POST"));
    }
    let body: Gather = request.json(variables::number("body_max_bytes")?).await?;
    match (body.requests, body.waits) {
        (Some(requests), None) => {
            count("requests", requests.len())?;
            requests::gather(requests).await
        }
        (None, Some(waits)) => {
            count("waits", waits.len())?;
            waits::gather(waits).await
        }
        _ => {
            let reason = "send either \"requests\" or \"waits\"".to_owned();
            Err(FieldError {
                field: None,
                reason,
            }
            .into())
        }
    }
}

fn count(field: &str, items: usize) -> Result<(), FieldError> {
    if (1..=ITEMS_MAX).contains(&items) {
        return Ok(());
    }
    let reason = format!("there are {items}; from 1 to {ITEMS_MAX} are taken");
    Err(FieldError::new(field, reason))
}
