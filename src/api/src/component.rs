//! The component that Spin and the local host load. It passes requests to `handle` of the crate.

// The handler is exported over the C ABI, which `http_component` writes; nothing else here is
// unsafe.
#![allow(unsafe_code)]

use handoff_platform::http::{IncomingRequest, ResponseOutparam};
use spin_sdk::http_component;

#[http_component]
async fn handle(request: IncomingRequest, out: ResponseOutparam) {
    super::handle(request, out).await;
}
