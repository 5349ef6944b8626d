//! Packs the OpenAPI document: unpacked it would be a sixth of a component's memory, which a host
//! sets up anew for each request.

use std::path::Path;
use std::{env, fs};

const DOCUMENT: &str = "openapi.json";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={DOCUMENT}");
    let text = fs::read_to_string(DOCUMENT).expect("the document");
    // JSON has no line breaks in its texts, so the indentation can go.
    let text: String = text.lines().map(str::trim_start).collect();
    let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10);
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("openapi"), packed).expect("a file in OUT_DIR");
}
