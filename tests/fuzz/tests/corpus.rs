//! The kept corpus, without libFuzzer.

use handoff_fuzz::{TARGETS, find};
use std::fs;
use std::path::Path;

fn corpus() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"))
}

#[test]
fn no_kept_input_breaks_anything() {
    for target in &TARGETS {
        let mut inputs: Vec<_> = fs::read_dir(corpus().join(target.name))
            .unwrap_or_else(|e| panic!("the target {} has no seeds: {e}", target.name))
            .map(|entry| entry.expect("a readable folder").path())
            .collect();
        inputs.sort();
        assert!(
            !inputs.is_empty(),
            "the target {} has no seeds",
            target.name
        );
        for input in inputs {
            // Printed with the panic only.
            println!("{}", input.display());
            (target.run)(&fs::read(&input).expect("a readable file"));
        }
    }
}

#[test]
fn every_folder_has_a_target() {
    for entry in fs::read_dir(corpus()).expect("a readable folder") {
        let name = entry.expect("a readable folder").file_name();
        let name = name.to_str().expect("a target's name");
        assert!(find(name).is_some(), "{name}");
    }
}
