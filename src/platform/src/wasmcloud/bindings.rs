//! The interfaces that only wasmCloud has.

#![allow(unsafe_code)]

wit_bindgen::generate!({
    path: "wit",
    world: "imports",
    generate_all,
});
