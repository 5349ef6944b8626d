//! Source files are short enough to read at once.

use std::fs;
use std::path::Path;

const LINES_MAX: usize = 400;

/// Collects the files below `folder` that are too long.
fn long_files(root: &Path, folder: &str, found: &mut Vec<String>, read: &mut usize) {
    for entry in fs::read_dir(root.join(folder)).expect("a folder") {
        let entry = entry.expect("an entry");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            if !path.ends_with("/target") {
                long_files(root, &path, found, read);
            }
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path()).expect("source text");
            *read += 1;
            let lines = text.lines().count();
            if lines > LINES_MAX {
                found.push(format!("{path} has {lines} lines"));
            }
        }
    }
}

#[test]
fn no_source_file_outgrows_a_reader() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (mut found, mut read) = (Vec::new(), 0);
    for folder in ["src", "tests", "bench", "clients/rust"] {
        long_files(&root, folder, &mut found, &mut read);
    }
    assert!(read > 300, "{read} files were read");
    assert!(
        found.is_empty(),
        "more than {LINES_MAX} lines are asking to be two files: {found:#?}"
    );
}
