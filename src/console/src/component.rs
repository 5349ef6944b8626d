//! The component that Spin and the local host load.

// The handler is exported over the C ABI, which `http_component` writes; nothing else here is unsafe.
#![allow(unsafe_code)]

use handoff_platform::http::{IncomingRequest, Request, ResponseOutparam};
use spin_sdk::http_component;

#[http_component]
async fn handle(request: IncomingRequest, out: ResponseOutparam) {
    super::handle(Request::new(request), out).await;
}
