//! libFuzzer around the target that `HANDOFF_FUZZ_TARGET` names. `cargo xtask fuzz` builds and runs it.

#![no_main]
// `fuzz_target!` exports what libFuzzer calls; nothing else here is unsafe.
#![allow(unsafe_code)]

use handoff_fuzz::{Target, find};
use std::sync::LazyLock;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("HANDOFF_FUZZ_TARGET").unwrap_or_default();
    find(&name).unwrap_or_else(|| panic!("HANDOFF_FUZZ_TARGET is {name:?}, which is no target"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
