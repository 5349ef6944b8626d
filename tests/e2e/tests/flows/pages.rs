//! The curl lines of the pages, as a reader would type them.

use handoff_e2e::{Client, Host, Pair, on, workspace};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

on!(Some: curl_lines: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);

/// What the pages tell to set.
const VARIABLES: [(&str, &str); 3] = [
    ("queues", "default emails"),
    (
        "webhook_secrets",
        "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    ),
    (
        "queue_limits",
        r#"{"emails": {"concurrency": 4, "per_key": {"concurrency": 1}}}"#,
    ),
];
const SOON: Duration = Duration::from_secs(30);

/// A line, and the status that its comment promises.
struct Line {
    place: String,
    words: Vec<String>,
    promised: Option<u16>,
}

/// All lines of blocks of shell code that call the application here.
fn lines() -> Vec<Line> {
    let mut pages = vec![workspace("README.md")];
    for folder in ["docs", "docs/guide"] {
        let entries = fs::read_dir(workspace(folder)).expect("a folder with pages");
        pages.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    let mut lines = Vec::new();
    for path in pages {
        let text = fs::read_to_string(&path).expect("a page");
        let mut shell = false;
        for (number, line) in text.lines().enumerate() {
            if line.starts_with("```") {
                shell = line == "```sh";
            } else if shell && line.starts_with("curl ") && line.contains("localhost:3000") {
                let (command, comment) = line.split_once("  #").unwrap_or((line, ""));
                lines.push(Line {
                    place: format!("{}:{}", path.display(), number + 1),
                    words: words(command),
                    promised: comment
                        .trim()
                        .get(..3)
                        .and_then(|status| status.parse().ok()),
                });
            }
        }
    }
    lines
}

/// The words of a command, as a shell reads these lines: single quotes, and nothing else.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in command.split('\'').enumerate() {
        if i % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Fills the places of a path that a reader fills: `<id>`, `<failed>` and `<workflow>`.
fn filled(http: &Client, path: &str) -> String {
    let mut path = path.to_owned();
    if path.contains("<failed>") {
        let args = json!({"url": "http://192.0.2.1/", "timeout": "5s"});
        let once = json!({"attempts": 1});
        let refused = json!({"task": "http.request", "args": args, "retry": once});
        let id = http.enqueue(&refused);
        assert_eq!(http.finished(&id, SOON)["state"], "failed");
        path = path.replace("<failed>", &id);
    }
    if path.contains("<id>") {
        path = path.replace("<id>", &http.enqueue(&json!({"task": "echo"})));
    }
    if path.contains("<workflow>") {
        let group = json!({"group": {"task": "echo", "each": [1, 2]}});
        let workflow: Value = http.post("/v1/workflows", &group).expect(202).json();
        path = path.replace("<workflow>", workflow["id"].as_str().expect("an id"));
    }
    path
}

fn curl_lines(pair: Pair) {
    let host = Host::start(pair, &VARIABLES);
    let http = host.http();
    let lines = lines();
    assert!(lines.len() > 30, "there are only {}", lines.len());
    for Line {
        place,
        words,
        promised,
    } in lines
    {
        let (mut method, mut path, mut body) = (None, None, None);
        let mut headers = Vec::new();
        let mut words = words.into_iter().skip(1);
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .unwrap_or_else(|| panic!("{place}: after {word}"))
            };
            match word.as_str() {
                "-X" => method = Some(value()),
                "-d" => body = Some(value()),
                "-H" => headers.push(value()),
                "-i" | "-N" => {}
                url => path = url.strip_prefix("localhost:3000").map(str::to_owned),
            }
        }
        let path = path.unwrap_or_else(|| panic!("{place}: a URL"));
        let path = filled(http, &path);
        let method = method.unwrap_or(if body.is_some() { "POST" } else { "GET" }.to_owned());
        let headers: Vec<_> = headers.iter().filter_map(|h| h.split_once(": ")).collect();
        let reply = http.send(
            &method,
            &path,
            &headers,
            body.unwrap_or_default().as_bytes(),
        );
        let status = reply.status;
        let good = promised.map_or(status < 400, |promised| status == promised);
        assert!(good, "{place}: {status} {}", reply.text());
    }
}
