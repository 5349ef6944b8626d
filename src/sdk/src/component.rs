//! What [`crate::tasks!`] puts into an application's component. Not for use by name.

// Handles of the host's resources are passed from one crate's bindings to another's.
#![allow(unsafe_code)]

#[cfg(not(feature = "wasmcloud"))]
use crate::spin as host;
#[cfg(feature = "wasmcloud")]
use crate::wasmcloud as host;

use crate::Tasks;
use handoff_platform::http::{self, Request};

pub use handoff_kinds::name::check as check_names;
pub use wasi;
pub use wasi::exports::http::incoming_handler::Guest;
pub use wasi::http::proxy::export;
pub use wasi::http::types::{IncomingRequest, ResponseOutparam};

#[cfg(feature = "wasmcloud")]
pub use crate::wasmcloud::handle_message;
#[cfg(feature = "wasmcloud")]
pub use handoff_platform::wasmcloud::messages;

/// Answers a request.
pub fn handle(tasks: Tasks, request: IncomingRequest, out: ResponseOutparam) {
    // SAFETY: both are handles of the same resource, which has one owner before and after.
    let (request, out) = unsafe {
        let request = http::IncomingRequest::from_handle(request.take_handle());
        let out = http::ResponseOutparam::from_handle(out.take_handle());
        (Request::new(request), out)
    };
    handoff_platform::run(host::handle(tasks, request, out));
}

/// Exports what receives messages.
#[cfg(feature = "wasmcloud")]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_messages {
    ($component:ident) => {
        impl $crate::component::messages::Guest for $component {
            fn handle_message(
                message: $crate::component::messages::BrokerMessage,
            ) -> Result<(), String> {
                $crate::component::handle_message(registry, message)
            }
        }

        $crate::component::messages::export!($component with_types_in $crate::component::messages);
    };
}

/// There are no messages on this host.
#[cfg(not(feature = "wasmcloud"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __export_messages {
    ($component:ident) => {};
}
