//! The messages that wake workers, as the component of an application receives them.

#![allow(unsafe_code, missing_docs)]

wit_bindgen::generate!({
    path: "wit",
    world: "messages",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export",
});

pub use exports::wasmcloud::messaging::handler::{BrokerMessage, Guest};
