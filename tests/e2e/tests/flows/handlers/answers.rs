//! What a handler is sent, and what its answer means.

use super::{LIMIT, error, sent, start};
use handoff_e2e::{Answer, Pair, TestServer, on_every_pair_and_wash};
use serde_json::{Value, json};

on_every_pair_and_wash!(a_call_tells_the_task, each_answer_has_its_meaning);

fn a_call_tells_the_task(pair: Pair) {
    let server = TestServer::start(|_| Answer::new(200, "{\"seen\": true}"));
    let host = start(pair, &server, &[]);
    let http = host.http();
    let args = json!({"for": "result", "number": 1.5});
    let id = http.enqueue(&json!({"task": "a.result", "args": args, "key": "k"}));
    assert_eq!(http.succeeded(&id, LIMIT)["result"], json!({"seen": true}));
    let request = &server.received("/result")[0];
    assert_eq!(request.method, "POST");
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(
        header("content-length"),
        Some(request.body.len().to_string().as_str())
    );
    assert_eq!(header("handoff-protocol"), Some("1"));
    assert_eq!(
        header("idempotency-key"),
        Some(format!("{}.0", id).as_str())
    );
    assert_eq!(header("webhook-signature"), None, "there is no secret");
    let mut body = sent(request);
    let left_ms = body["left_ms"].as_u64().expect("a number");
    assert!((1..=60_000).contains(&left_ms), "{body:#}");
    assert!(
        body["deadline"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z'))
    );
    for given in ["left_ms", "deadline"] {
        body[given].take();
    }
    assert_eq!(
        body,
        json!({
            "id": id, "task": "a.result", "queue": "default", "key": "k",
            "args": {"for": "result", "number": 1.5}, "attempt": 1, "attempts_max": 5,
            "part": 0, "checkpoint": null, "last_error": null, "fence": 0,
            "deadline": null, "left_ms": null,
        })
    );
}

fn each_answer_has_its_meaning(pair: Pair) {
    let server = TestServer::start(|request| match (request.path.as_str(), request.nth) {
        ("/retry", 1) => Answer::new(500, "not yet"),
        ("/parts", 1) => Answer::new(200, "{\"done\": 7}").header("handoff-continue", "0s"),
        ("/parts", 2) => Answer::new(200, "[8]").header("handoff-continue", "1s"),
        ("/later", 1) => Answer::new(503, "").header("retry-after", "1"),
        ("/problem", _) => Answer::new(422, r#"{"title": "No", "detail": "no such image"}"#)
            .header("content-type", "application/problem+json"),
        ("/elsewhere", _) => Answer::new(307, "").header("location", "/result"),
        _ => Answer::new(204, ""),
    });
    let host = start(pair, &server, &[]);
    let http = host.http();
    let kinds = ["retry", "parts", "later", "problem", "elsewhere"];
    let ids = kinds.map(|kind| {
        http.enqueue(
            &json!({"task": format!("a.{kind}"), "retry": {"initial": "10ms", "max": "10ms"}}),
        )
    });
    let [retry, parts, later, problem, elsewhere] =
        ids.each_ref().map(|id| http.finished(id, LIMIT));

    assert_eq!(
        (&retry["state"], &retry["attempt"]),
        (&json!("succeeded"), &json!(2))
    );
    let [first, second] = &server.received("/retry")[..] else {
        panic!("it is called twice");
    };
    assert_eq!(
        first.headers["idempotency-key"],
        second.headers["idempotency-key"]
    );
    assert_eq!(sent(second)["last_error"], "answered 500: not yet");
    assert_eq!(sent(second)["attempt"], 2);
    assert!(sent(second)["fence"].as_u64() > sent(first)["fence"].as_u64());

    has_parts(&server, &ids[1], &parts);
    assert_eq!(
        (&later["state"], &later["attempt"]),
        (&json!("succeeded"), &json!(1))
    );
    assert_eq!(server.received("/later").len(), 2);
    assert_eq!(
        (&problem["state"], error(&problem)),
        (&json!("failed"), "no such image")
    );
    assert_eq!(elsewhere["state"], "failed");
    assert!(
        error(&elsewhere).contains("redirects are not followed"),
        "{elsewhere:#}"
    );
    assert_eq!(
        server.received("/result").len(),
        0,
        "nobody followed the redirect"
    );
}

/// Each part began with the checkpoint of the one before, and had an idempotency key of its own.
fn has_parts(server: &TestServer, id: &str, parts: &Value) {
    assert_eq!(
        (&parts["state"], &parts["attempt"]),
        (&json!("succeeded"), &json!(1))
    );
    let calls = server.received("/parts");
    let told: Vec<_> = calls
        .iter()
        .map(sent)
        .map(|b| (b["part"].clone(), b["checkpoint"].clone()))
        .collect();
    let expected = [
        (json!(0), json!(null)),
        (json!(1), json!({"done": 7})),
        (json!(2), json!([8])),
    ];
    assert_eq!(told, expected);
    let keys: Vec<_> = calls
        .iter()
        .map(|call| call.headers["idempotency-key"].as_str())
        .collect();
    let expected = (0..3).map(|part| format!("{}.{part}", id));
    assert_eq!(keys, expected.collect::<Vec<_>>());
}
