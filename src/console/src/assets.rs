//! The files that pages load.

use crate::answer::Answer;

const STYLE: &str = include_str!("../assets/style.css");
const SCRIPT: &str = include_str!("../assets/script.js");
const ICON: &str = include_str!("../assets/icon.svg");

/// Stands for the contents of all files.
pub(crate) const DIGEST: u64 = fnv(fnv(fnv(0xcbf2_9ce4_8422_2325, STYLE), SCRIPT), ICON);

/// FNV-1a, which a compiler can compute.
const fn fnv(mut digest: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        digest = (digest ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    digest
}

/// The file of this name.
pub(crate) fn file(name: &str) -> Answer {
    match name {
        "style.css" => Answer::file("text/css; charset=utf-8", STYLE),
        "script.js" => Answer::file("text/javascript; charset=utf-8", SCRIPT),
        _ => Answer::file("image/svg+xml", ICON),
    }
}
