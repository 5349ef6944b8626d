//! Many things at once inside one request.

use handoff_e2e::{
    Answer, Gate, Host, Pair, TestServer, on, on_every_pair, on_every_pair_and_wash,
};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::{Duration, Instant};

on_every_pair!(each_request_has_its_own_answer, wrong_bodies);
on_every_pair_and_wash!(waits_at_once, requests_are_sent_at_once);
// The store makes no difference.
on!(Some: reaches_no_loopback_as_delivered: local_memory LOCAL_MEMORY, spin_sqlite SPIN_SQLITE, wash_memory WASH_MEMORY);

fn waits_at_once(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let start = Instant::now();
    let waits = json!({"waits": ["1s", "1s", "1s"]});
    let reply = http.post("/gather", &waits).expect(200);
    let took = start.elapsed();
    assert_eq!(reply.json(), json!({"waited": ["1s", "1s", "1s"]}));
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(took < Duration::from_millis(2_500), "{took:?}");
}

fn each_request_has_its_own_answer(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    let server = TestServer::start(|request| match request.path.as_str() {
        "/slow" => {
            std::thread::sleep(Duration::from_millis(500));
            Answer::new(200, "late")
        }
        "/missing" => Answer::new(404, "nothing here"),
        _ => Answer::new(201, &String::from_utf8_lossy(&request.body)).header("x-test", "yes"),
    });
    let answer = http.post(
        "/gather",
        &json!({"requests": [
            // The slowest first: the order is that of the question.
            {"url": server.url("/slow")},
            {"url": http.url("/healthz")},
            {"url": "http://handoff.spin.internal/healthz"},
            {"url": "http://192.0.2.1/not-allowed-by-the-manifest"},
            {"url": closed_port()},
            {"url": server.url("/missing")},
            {"url": server.url("/echo"), "method": "PUT", "headers": {"x-one": "1"}, "body": {"a": [1]}},
            {"url": server.url("/slow"), "timeout": "100ms"},
        ]}),
    );
    let results = answer.expect(200).json()["results"].clone();
    let results = results.as_array().expect("a list");
    assert_eq!(results.len(), 8);
    assert_eq!(results[0]["status"], 200);
    assert_eq!(results[0]["body"], "late");
    for own in &results[1..3] {
        assert_eq!(own["status"], 200, "{own}");
        assert_eq!(own["body"], json!({"status": "alive"}));
    }
    for failed in [&results[3], &results[4], &results[7]] {
        let error = failed["error"].as_str().unwrap_or_default();
        assert!(!error.is_empty(), "{failed}");
        assert!(failed.get("status").is_none(), "{failed}");
    }
    let late = results[7]["error"].as_str().unwrap_or_default();
    assert!(late.contains("100 ms"), "{late}");
    assert_eq!(results[5]["status"], 404);
    assert_eq!(results[5]["body"], "nothing here");
    assert_eq!(results[6]["status"], 201);
    assert_eq!(results[6]["headers"]["x-test"], "yes");
    assert_eq!(results[6]["body"], json!({"a": [1]}));
    let echo = &server.received("/echo")[0];
    assert_eq!((echo.method.as_str(), echo.nth), ("PUT", 1));
    assert_eq!(echo.headers["x-one"], "1");
    assert_eq!(echo.headers["content-type"], "application/json");
}

fn requests_are_sent_at_once(pair: Pair) {
    const COUNT: usize = 8;
    let host = Host::start(pair, &[]);
    let gate = Gate::default();
    let server = TestServer::start(move |_| {
        // Nobody is answered before all are here.
        let status = if gate.pass(COUNT) { 200 } else { 500 };
        Answer::new(status, "")
    });
    let requests = vec![json!({"url": server.url("/gate")}); COUNT];
    let answer = host
        .http()
        .post("/gather", &json!({"requests": requests}))
        .expect(200)
        .json();
    for result in answer["results"].as_array().expect("a list") {
        assert_eq!(result["status"], 200, "{answer}");
    }
}

fn reaches_no_loopback_as_delivered(pair: Pair) {
    let host = Host::start_as_delivered(pair);
    let http = host.http();
    let server = TestServer::start(|_| Answer::new(200, "reached"));
    let url = server.url("/");
    let ask = |urls: &[String]| {
        let requests: Vec<_> = urls.iter().map(|url| json!({"url": url})).collect();
        http.post("/gather", &json!({"requests": requests}))
    };
    let forms = [
        "127.0.0.1",
        "127.0.0.2",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ];
    let mut urls = forms.map(|form| url.replace("127.0.0.1", form)).to_vec();
    urls.push(http.url("/healthz"));
    let results = ask(&urls).expect(200).json()["results"].clone();
    for (url, result) in urls.iter().zip(results.as_array().expect("a list")) {
        let error = result["error"].as_str().unwrap_or_default();
        assert!(error.contains("may not be called"), "{url}: {result}");
    }
    for form in [
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.01",
        "0",
    ] {
        let reply = ask(&[url.replace("127.0.0.1", form)]);
        reply.expect_problem(400, "invalid-request", Some("requests[0].url"));
    }
    assert_eq!(server.received("/").len(), 0);
    if pair == Pair::WASH_MEMORY {
        return; // It has no names for its own components.
    }
    let own = ask(&["http://handoff.spin.internal/healthz".to_owned()]);
    assert_eq!(own.expect(200).json()["results"][0]["status"], 200);
}

fn wrong_bodies(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    for body in [
        "",
        "{",
        "{}",
        "null",
        r#"{"waits": ["1s"], "requests": []}"#,
    ] {
        let headers = [("content-type", "application/json")];
        let reply = http.send("POST", "/gather", &headers, body.as_bytes());
        reply.expect_problem(400, "invalid-request", None);
    }
    let to = |mut request: Value| {
        request["url"] = json!("http://127.0.0.1/");
        json!({"requests": [request]})
    };
    for (body, field) in [
        (json!({"waits": []}), "waits"),
        (json!({"waits": vec!["0s"; 101]}), "waits"),
        (json!({"waits": ["1s", "-1s"]}), "waits[1]"),
        (json!({"waits": ["1h"]}), "waits[0]"),
        (json!({"requests": [{"method": "GET"}]}), "requests[0].url"),
        (json!({"requests": [{"url": "x"}]}), "requests[0].url"),
        (to(json!({"method": "A B"})), "requests[0].method"),
        (
            to(json!({"headers": {"host": "a"}})),
            "requests[0].headers.host",
        ),
        (
            to(json!({"headers": {"a": "b\r\nc: d"}})),
            "requests[0].headers.a",
        ),
        (to(json!({"timeout": "0s"})), "requests[0].timeout"),
        (to(json!({"timeout": "61s"})), "requests[0].timeout"),
        (to(json!({"x": 1})), "requests[0].x"),
    ] {
        eprintln!("{body}");
        let reply = http.post("/gather", &body);
        reply.expect_problem(400, "invalid-request", Some(field));
    }
}

/// A URL that nobody listens at.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}/", listener.local_addr().expect("its address"))
}
