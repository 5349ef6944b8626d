//! The pages: links and paths lead somewhere, lines end in time, and no page outgrows its purpose.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest line of prose, in characters.
const WIDTH: usize = 100;
/// Pages that a program writes.
const GENERATED: [&str; 1] = ["bench/RESULTS.md"];
/// The most lines of a page, by the beginning of its path.
const LINES_MAX: [(&str, usize); 4] = [
    ("README.md", 150),
    ("ARCHITECTURE.md", 200),
    ("docs/protocol/", 100),
    ("docs/decisions/", 40),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All pages, by their paths from the root.
fn pages() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    let folders = [
        "",
        "bench/",
        "clients/",
        "clients/python/",
        "clients/rust/",
        "clients/typescript/",
        "docs/",
        "examples/fastapi/",
        "examples/javascript/",
        "examples/python/",
        "examples/rust/",
    ];
    let mut folders = folders.map(str::to_owned).to_vec();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(root().join(&folder)).expect("a folder with pages");
        for entry in entries {
            let entry = entry.expect("an entry");
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            if path.ends_with(".md") {
                paths.push(path);
            } else if folder.starts_with("docs/") && entry.path().is_dir() {
                folders.push(format!("{path}/"));
            }
        }
    }
    let read = |path: String| {
        let text = fs::read_to_string(root().join(&path)).expect("a page");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// Lines outside of code blocks, with their numbers.
fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    page.lines().enumerate().filter_map(move |(i, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        (!code && !fence).then_some((i + 1, line))
    })
}

/// Names of headings as GitHub makes them.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = prose(page).filter(|(_, line)| line.starts_with('#'));
    let anchor = |(_, line): (usize, &str)| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let kept: String = text.chars().filter(kept).collect();
        kept.replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// The targets of the links of a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1);
    targets.filter_map(|rest| rest.split(')').next())
}

/// Whether a link from the page at `path` leads to a file, and its anchor to a heading.
fn leads_somewhere(path: &str, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let page = root().join(path);
    let target = match file {
        "" => page,
        file => page.with_file_name("").join(file),
    };
    let has_anchor =
        || fs::read_to_string(&target).is_ok_and(|page| anchors(&page).contains(anchor));
    target.exists() && (anchor.is_empty() || has_anchor())
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for (path, page) in pages() {
        for (number, line) in prose(&page) {
            let inside = links(line).filter(|link| !link.contains("://"));
            let wrong = inside.filter(|link| !leads_somewhere(&path, link));
            broken.extend(wrong.map(|link| format!("{path}:{number}: {link}")));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn no_page_is_longer_than_it_may_be() {
    for (path, page) in pages() {
        let lines = page.lines().count();
        for (prefix, most) in LINES_MAX {
            // A list of the others grows with them.
            let is_list = prefix.ends_with('/') && path.ends_with("/README.md");
            let over = path.starts_with(prefix) && !is_list && lines > most;
            assert!(!over, "{path} has {lines} lines; {most} are allowed");
        }
    }
}

#[test]
fn lines_of_prose_end_in_time() {
    let mut long = Vec::new();
    for (path, page) in pages() {
        if GENERATED.contains(&path.as_str()) {
            continue;
        }
        for (number, line) in prose(&page) {
            // A row of a table may be longer, and a link can't be cut.
            let exempt = line.trim_start().starts_with('|') || line.split_whitespace().count() == 1;
            if line.chars().count() > WIDTH && !exempt {
                long.push(format!("{path}:{number}"));
            }
        }
    }
    assert!(long.is_empty(), "longer than {WIDTH}: {}", long.join(" "));
}

/// Paths of the project that a line names as code.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split('`').skip(1).step_by(2);
    code.filter(|path| {
        let ours = [
            "src/", "tests/", "bench/", "clients/", "docs/", ".wash/", ".ci/",
        ];
        ours.iter().any(|folder| path.starts_with(folder)) && !path.contains([' ', '{', '<', '*'])
    })
}

#[test]
fn paths_on_pages_are_there() {
    let mut missing = Vec::new();
    for (path, page) in pages() {
        for (number, line) in prose(&page) {
            let named = paths(line).filter(|path| !root().join(path).exists());
            missing.extend(named.map(|named| format!("{path}:{number}: {named}")));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
