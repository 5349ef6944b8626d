//! What a host and its store allow: the store calls of an enqueue, of a status, or none, and nothing
//! else. `cargo xtask bench` compares Handoff with it.

// The handler is exported over the C ABI, which `http_component` writes; nothing else here is unsafe.
#![allow(unsafe_code)]

use spin_sdk::http::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use spin_sdk::http_component;
use spin_sdk::wit::wasi::keyvalue::atomics::increment;
use spin_sdk::wit::wasi::keyvalue::store::{Bucket, Error, open};

/// As large as the record of a task.
const RECORD: [u8; 250] = [b'x'; 250];

#[http_component]
async fn handle(request: IncomingRequest, out: ResponseOutparam) {
    let path = request.path_with_query().unwrap_or_default();
    let (status, after) = match answer(&path) {
        Ok(after) => (200, after),
        Err(_) => (500, None),
    };
    send(status, out);
    if let Some(bucket) = after {
        // An enqueue looks for workers when it has answered, a status for a keeper.
        _ = bucket.get("limit.workers");
    }
}

/// The calls before the answer; the store, if one call comes after it.
fn answer(path: &str) -> Result<Option<Bucket>, Error> {
    match path {
        "/enqueue" => {
            let bucket = open("default")?;
            let number = increment(&bucket, "limit.tail", 1)?;
            bucket.set(&format!("limit.s.{number}"), &RECORD)?;
            bucket.get("limit.head")?;
            Ok(Some(bucket))
        }
        "/status" => {
            let bucket = open("default")?;
            bucket.get("limit.r.1")?;
            bucket.get("limit.c.1")?;
            Ok(Some(bucket))
        }
        _ => Ok(None),
    }
}

/// The body goes before the head, or Spin waits for the client's delayed acknowledgement.
fn send(status: u16, out: ResponseOutparam) {
    let response = OutgoingResponse::new(Fields::new());
    _ = response.set_status_code(status);
    if let Ok(body) = response.body() {
        if let Ok(stream) = body.write()
            && stream.check_write().is_ok_and(|room| room > 1)
        {
            _ = stream.write(b"ok");
        }
        _ = OutgoingBody::finish(body, None);
    }
    out.set(response);
}
