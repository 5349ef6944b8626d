//! No files of the crate import each other in a circle.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules that `crate::host` names, by the feature.
const HOSTS: [&str; 2] = ["spin", "wasmcloud"];

/// What each file imports: names of files without `.rs`, as in `http/client`.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let mut texts = BTreeMap::new();
    read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        "",
        &mut texts,
    );
    let imports = texts.iter().map(|(file, text)| {
        let code = text.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim().starts_with("//"));
        let code = lines.collect::<Vec<_>>().join("\n");
        let parent = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let above = code.split("crate::").skip(1).map(|path| ("", path));
        let beside = code.split("super::").skip(1).map(|path| (parent, path));
        let mut own = BTreeSet::new();
        for (folder, path) in above.chain(beside) {
            let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let path = &path[..end.unwrap_or(path.len())];
            let path = path.replace("::", "/");
            let path = format!("{folder}/{path}");
            let path = path.trim_matches('/');
            let paths: Vec<_> = match path.strip_prefix("host/") {
                Some(path) => HOSTS.map(|host| format!("{host}/{path}")).into(),
                None => vec![path.to_owned()],
            };
            for path in paths {
                let found = texts
                    .keys()
                    .filter(|file| path == **file || path.starts_with(&format!("{file}/")));
                let found = found.max_by_key(|file| file.len());
                let found = found.unwrap_or_else(|| {
                    panic!("{file} imports {path}: name the file that it is in")
                });
                own.insert(found.clone());
            }
        }
        own.remove(file);
        (file.clone(), own)
    });
    imports.collect()
}

fn read(folder: &Path, prefix: &str, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            read(&path, &format!("{prefix}{name}/"), texts);
        } else if !matches!(name.as_str(), "mod" | "lib") {
            texts.insert(format!("{prefix}{name}"), fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn no_files_import_each_other() {
    let mut left = imports();
    assert!(left.len() > 20, "{} files were read", left.len());
    // Takes away what imports nothing that is left: a circle stays.
    loop {
        let files: BTreeSet<_> = left.keys().cloned().collect();
        left.retain(|_, targets| targets.iter().any(|target| files.contains(target)));
        if left.len() == files.len() {
            break;
        }
    }
    assert!(left.is_empty(), "a circle is among {left:#?}");
}
