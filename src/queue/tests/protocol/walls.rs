//! The walls of the engine: a file imports only files of its own folder and of folders below it, and
//! no files import each other in a circle. A mechanism that uses another one imports its type, so the
//! imports tell all that a file stands on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The folders and single files of `src`, from the lowest to the highest.
const FLOORS: [&str; 22] = [
    "base",
    "store",
    "model",
    "metrics",
    "slots",
    "presence",
    "timer",
    "limits",
    "runs",
    "progress",
    "rescue",
    "idempotency",
    "failed",
    "workflow",
    "completion",
    "claims",
    "requests",
    "schedule",
    "keeper",
    "worker",
    "queue",
    "lib",
];

type Imports = BTreeMap<String, BTreeSet<String>>;

/// What each file imports: names of files without `.rs`, as in `timer/wheel`.
fn imports() -> Imports {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = BTreeMap::new();
    read(&src, "", &mut texts);
    let mut imports = Imports::new();
    for (file, text) in &texts {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code: Vec<_> = code
            .lines()
            .filter(|line| !line.trim().starts_with("//"))
            .collect();
        let code = code.join("\n");
        let mut own = BTreeSet::new();
        for path in code.split("crate::").skip(1) {
            let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let mut parts: Vec<_> = path[..end.unwrap_or(path.len())].split("::").collect();
            // The longest part of the path that is a file.
            while !parts.is_empty() && !texts.contains_key(&parts.join("/")) {
                parts.pop();
            }
            let target = parts.join("/");
            assert!(
                !target.is_empty() || file == "lib",
                "{file} imports {path:.40} from the root: name the file that it is in"
            );
            if target != *file {
                own.insert(target);
            }
        }
        imports.insert(file.clone(), own);
    }
    imports
}

fn read(folder: &Path, prefix: &str, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            read(&path, &format!("{prefix}{name}/"), texts);
        } else if !matches!(name.as_str(), "mod" | "tests") {
            texts.insert(format!("{prefix}{name}"), fs::read_to_string(path).unwrap());
        }
    }
}

fn floor(file: &str) -> usize {
    let folder = file.split('/').next().unwrap();
    let found = FLOORS.iter().position(|floor| *floor == folder);
    found.unwrap_or_else(|| panic!("{folder} has no floor in this test"))
}

#[test]
fn imports_only_go_down() {
    let imports = imports();
    assert!(imports.len() > 80, "{} files were read", imports.len());
    let mut climbing = Vec::new();
    for (file, targets) in &imports {
        let above = targets.iter().filter(|target| floor(target) > floor(file));
        climbing.extend(above.map(|target| format!("{file} -> {target}")));
    }
    assert!(climbing.is_empty(), "these imports climb: {climbing:#?}");
}

#[test]
fn no_files_import_each_other() {
    let mut left = imports();
    // Takes away what imports nothing that is left: a circle stays.
    loop {
        let files: BTreeSet<_> = left.keys().cloned().collect();
        let before = left.len();
        left.retain(|_, targets| targets.iter().any(|target| files.contains(target)));
        if left.len() == before {
            break;
        }
    }
    assert!(left.is_empty(), "a circle is among {left:#?}");
}
