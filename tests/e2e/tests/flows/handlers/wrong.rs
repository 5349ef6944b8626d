//! Answers that are none of the protocol.

use super::{LIMIT, error, sent, start};
use handoff_e2e::{Answer, Pair, TestServer, on_every_pair_and_wash};
use serde_json::json;
use std::io::Write;

on_every_pair_and_wash!(a_wrong_answer_fails_its_attempt_and_nothing_else);

/// Each kind of answer, and what the error says of it.
const WRONG: [(&str, &str); 15] = [
    ("text", "not JSON"),
    ("no UTF-8", "not UTF-8"),
    ("too deep", "nested"),
    ("too much", "more than"),
    ("a little too much", "262146 bytes"),
    ("half", "broke off"),
    ("nothing", "broke off"),
    ("no last line", "without a result"),
    ("a line of text", "line 2"),
    ("two in a line", "several of"),
    ("an unknown line", "results"),
    ("an endless line", "more than"),
    ("a deep line", "nested"),
    ("no time", "handoff-continue"),
    ("no status", "answered 799: what"),
];

fn wrong(kind: &str) -> Answer {
    let lines = |text: &str| Answer::new(200, text).header("content-type", "application/x-ndjson");
    match kind {
        "text" => Answer::new(200, "<html>Hello</html>"),
        "no UTF-8" => Answer::streamed(200, |out| out.write_all(b"\"\xff\xfe\"")),
        "too deep" => Answer::new(200, &("[".repeat(5_000) + &"]".repeat(5_000))),
        "too much" => large("["),
        "a little too much" => Answer::new(200, &format!("\"{}\"", "x".repeat(262_144))),
        "a deep line" => lines(&format!(
            "{{\"result\": {}{}}}",
            "[".repeat(65),
            "]".repeat(65)
        )),
        "half" => {
            Answer::streamed(200, |out| out.write_all(b"{\"a\":")).header("content-length", "100")
        }
        "nothing" => Answer::streamed(200, |_| Ok(())).header("content-length", "100"),
        "no last line" => lines("{\"progress\": 1}\n"),
        "a line of text" => lines("{\"progress\": 1}\nDone!\n"),
        "two in a line" => lines("{\"result\": 1, \"fail\": \"no\"}\n"),
        "an unknown line" => lines("{\"results\": 1}\n"),
        "an endless line" => large("{\"log\": \"").header("content-type", "application/x-ndjson"),
        "no time" => Answer::new(200, "1").header("handoff-continue", "soon"),
        _ => Answer::new(799, "what"),
    }
}

/// Six megabytes, as long as somebody reads them.
fn large(begin: &'static str) -> Answer {
    Answer::streamed(200, move |out| {
        out.write_all(begin.as_bytes())?;
        (0..100).try_for_each(|_| out.write_all(&[b' '; 1 << 16]))
    })
}

fn a_wrong_answer_fails_its_attempt_and_nothing_else(pair: Pair) {
    let server = TestServer::start(|request| match sent(request)["args"]["wrong"].as_str() {
        Some(kind) => wrong(kind),
        None => Answer::new(200, "\"fine\""),
    });
    let host = start(pair, &server, &[]);
    let http = host.http();
    let ids = WRONG.map(|(kind, _)| {
        let fine = http.enqueue(&json!({"task": "b.any"}));
        let retry = json!({"attempts": 2, "initial": "10ms"});
        let wrong = json!({"task": "b.any", "args": {"wrong": kind}, "retry": retry});
        (http.enqueue(&wrong), fine)
    });
    for ((kind, said), (id, fine)) in WRONG.iter().zip(ids) {
        let task = http.finished(&id, LIMIT);
        assert_eq!(
            (&task["state"], &task["attempt"]),
            (&json!("failed"), &json!(2)),
            "{kind}: {task:#}"
        );
        assert!(error(&task).contains(said), "{kind}: {task:#}");
        assert_eq!(http.succeeded(&fine, LIMIT)["result"], "fine");
    }
}
