//! A component for `wasi:http` 0.3 that enqueues tasks and is their handler.

use anyhow::Result;
use http::Method;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{FullBody, IntoResponse, Request, send};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: Request) -> Result<impl IntoResponse> {
    if request.method() == Method::OPTIONS {
        return answer(204, String::new());
    }
    let is_task = request.headers().contains_key("handoff-protocol");
    let body = request.into_body().bytes().await?;
    if !is_task {
        return enqueue(body).await;
    }
    let Ok(call) = serde_json::from_slice::<serde_json::Value>(&body) else {
        return answer(400, String::new());
    };
    match (call["task"].as_str(), call["args"]["n"].as_u64()) {
        (Some("double"), Some(n)) => answer(200, (2 * n).to_string()),
        _ => answer(422, String::new()),
    }
}

async fn enqueue(task: bytes::Bytes) -> Result<http::Response<String>> {
    let request = http::Request::post("http://handoff.spin.internal/v1/tasks")
        .header("content-type", "application/json")
        .body(FullBody::new(task))?;
    let answered = send(request).await?;
    let status = answered.status().as_u16();
    let body = answered.into_body().bytes().await?;
    answer(status, String::from_utf8(body.to_vec())?)
}

fn answer(status: u16, body: String) -> Result<http::Response<String>> {
    let answer = http::Response::builder().status(status);
    Ok(answer
        .header("content-type", "application/json")
        .body(body)?)
}
