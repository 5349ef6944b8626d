//! Errors, and text that must not reach a terminal.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use handoff_e2e::{Answer, Host, Pair, TestServer, on};

use crate::{command, handoff, run};

on!(Some: tokens: local_memory LOCAL_MEMORY);
on!(Some: text_of_users_is_harmless: local_memory LOCAL_MEMORY);

fn tokens(pair: Pair) {
    let host = Host::start(
        pair,
        &[(
            "api_tokens",
            "all-of-it-0123456789 shop:enqueue:only-this-0123456789",
        )],
    );
    let url = host.http().url("");
    let unknown = handoff(&host, &["queues"]).ended(1);
    assert!(
        unknown.contains("401") && unknown.contains("HANDOFF_TOKEN"),
        "{unknown}"
    );
    let with = |token: &str, arguments: &[&str]| {
        let mut command = command(&url, arguments);
        command.env("HANDOFF_TOKEN", token);
        run(command)
    };
    assert!(
        with("all-of-it-0123456789", &["queues"])
            .done()
            .contains("default")
    );
    let wrong = with("wrong-0123456789", &["queues"]).ended(1);
    assert!(
        wrong.contains("401") && !wrong.contains("wrong-"),
        "{wrong}"
    );
    let scope = with("only-this-0123456789", &["queues"]).ended(1);
    assert!(scope.contains("403") && scope.contains("read"), "{scope}");
    assert!(!scope.contains("only-this"), "{scope}");
    let unusable = with("a b", &["queues"]).ended(2);
    assert!(
        unusable.contains("token") && !unusable.contains("a b"),
        "{unusable}"
    );

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    fs::write(&file, "all-of-it-0123456789\n").expect("a file");
    let file = file.display().to_string();
    // The file wins over the variable.
    assert!(
        with("wrong-0123456789", &["queues", "--token-file", &file])
            .done()
            .contains("default")
    );
    let argument = handoff(&host, &["queues", "--token", "all-of-it-0123456789"]).ended(2);
    assert!(argument.contains("visible to other users"), "{argument}");
    assert!(!argument.contains("all-of-it"), "{argument}");
}

#[test]
fn wrong_urls_are_named() {
    // A port that was free a moment ago.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let nobody = run(command(&format!("http://{address}"), &["queues"])).ended(3);
    assert!(nobody.contains("connection refused"), "{nobody}");
    assert!(nobody.contains("HANDOFF_URL"), "{nobody}");
    let server = TestServer::start(|_| Answer::new(404, "nothing here"));
    let other = run(command(&server.url(""), &["queues"])).ended(1);
    assert!(
        other.contains("not Handoff's") && other.contains("/handoff"),
        "{other}"
    );
    for url in ["localhost:3000", "http://user:s3cret@127.0.0.1"] {
        let unusable = run(command(url, &["queues"])).ended(2);
        assert!(
            unusable.contains("URL") && !unusable.contains("s3cret"),
            "{unusable}"
        );
    }
    let usage = run(command("http://127.0.0.1:1", &["retry"])).ended(2);
    assert!(usage.contains("--all"), "{usage}");
}

fn is_dangerous(c: char) -> bool {
    matches!(u32::from(c), 0..0x20 | 0x7f..=0x9f | 0x61c | 0x200e | 0x200f | 0x202a..=0x202e
        | 0x2066..=0x2069)
        && c != '\n'
}

const EVIL: &str = "a\u{1b}[2J\u{9b}31m\u{202e}\u{7}\r\n\u{7f}z";

fn text_of_users_is_harmless(pair: Pair) {
    let host = Host::start(pair, &[]);
    let args = serde_json::json!({ EVIL: EVIL });
    let id = host
        .http()
        .enqueue(&serde_json::json!({"task": "echo", "args": args, "key": EVIL}));
    handoff(&host, &["watch", &id]).done();
    for arguments in [
        &["show", &id][..],
        &["list"],
        &["watch", &id],
        &["status", &id],
        &["list", "--json"],
        &["show", &id, "--json"],
    ] {
        let printed = handoff(&host, arguments).done();
        assert!(
            printed.contains('z') && !printed.contains(is_dangerous),
            "{printed:?}"
        );
    }
    let shown = handoff(&host, &["show", &id, "--json"]).objects();
    assert_eq!(shown[0]["args"][EVIL], EVIL);
    let refused = handoff(&host, &["show", EVIL]).ended(1);
    assert!(!refused.contains(is_dangerous), "{refused:?}");
    // As wide as the terminal.
    let mut narrow = command(&host.http().url(""), &["list"]);
    narrow.env("COLUMNS", "40");
    let narrow = run(narrow).done();
    let lines = narrow.lines().take(2);
    assert!(lines.clone().count() == 2 && lines.into_iter().all(|line| line.chars().count() <= 40));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let page = format!(
        r#"{{"tasks":[{}],"next":"/v1/queues/default/tasks?from=1"}}"#,
        vec![r#"{"id":"default-1-aa","state":"queued"}"#; 1_000].join(",")
    );
    // Without an end.
    let server = TestServer::start(move |_| Answer::new(200, &page));
    let mut command = command(&server.url(""), &["list", "--all"]);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command line is started");
    let mut first = [0; 2];
    child
        .stdout
        .take()
        .expect("its output")
        .read_exact(&mut first)
        .expect("a line");
    assert_eq!(&first, b"ID");
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
}
