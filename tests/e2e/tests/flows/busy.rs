//! More requests than the local host serves at once are refused in the application's own form.

use handoff_e2e::{Host, Pair, on, until};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

on!(Some: refused_with_what_to_do: local_sqlite LOCAL_SQLITE);
on!(Some: who_left_keeps_no_place: local_sqlite LOCAL_SQLITE);
on!(Some: workers_start_when_all_is_taken: local_sqlite LOCAL_SQLITE);
on!(Some: a_body_that_trickles_ends: local_sqlite LOCAL_SQLITE, spin_sqlite SPIN_SQLITE);
on!(Some: a_host_that_calls_its_store_too_often_says_so: local_sqlite LOCAL_SQLITE);

fn refused_with_what_to_do(pair: Pair) {
    let host = Host::start_with(pair, &[], &["--instances-max", "1"]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "sleep", "args": {"for": "30s"}}));
    thread::scope(|scope| {
        // The enqueueing instance may still wake a worker.
        scope.spawn(|| {
            until("the only instance waits", Duration::from_secs(10), || {
                let reply = http.get(&format!("/v1/tasks/{id}?wait=3s"));
                (reply.status == 200).then_some(())
            })
        });
        let refused = until("a request is refused", Duration::from_secs(10), || {
            let reply = http.get("/v1/queues");
            (reply.status != 200).then_some(reply)
        });
        refused.expect_problem(503, "busy", None);
        assert_eq!(refused.header("retry-after"), Some("1"));
        http.get("/healthz").expect(200);
        http.get("/readyz").expect(200);
    });
}

fn who_left_keeps_no_place(pair: Pair) {
    let host = Host::start_with(pair, &[], &["--instances-max", "4"]);
    let http = host.http();
    let id = http.enqueue(&json!({"task": "sleep", "args": {"for": "2m"}}));
    let head = format!("GET /v1/tasks/{id}?wait=60s HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut waiting = Vec::new();
    until("all places are taken", Duration::from_secs(20), || {
        let mut stream = TcpStream::connect(host.address()).expect("the host takes connections");
        stream.write_all(head.as_bytes()).expect("it is sent");
        waiting.push(stream);
        (http.get("/v1/queues").status == 503).then_some(())
    });
    drop(waiting);
    until("the places are free", Duration::from_secs(30), || {
        (http.get("/v1/queues").status == 200).then_some(())
    });
}

/// One place is for requests from outside, nine are for calls between components. All of these wait for tasks.
fn workers_start_when_all_is_taken(pair: Pair) {
    const PLACES: usize = 9;
    let host = Host::start_with(pair, &[], &["--instances-max", "1"]);
    let http = host.http();
    let call = json!({
        "url": "http://handoff.spin.internal/v1/tasks?wait=20s",
        "body": {"task": "sleep", "args": {"for": "2s"}},
        "timeout": "30s",
    });
    let calls = json!({"requests": vec![call; 2 * PLACES]});
    let answer = thread::scope(|scope| {
        // Whoever asks whether all is taken takes the place itself for a moment.
        let answer = scope.spawn(|| {
            until("it is served", Duration::from_secs(20), || {
                let reply = http.post("/gather", &calls);
                (reply.status != 503).then(|| reply.expect(200).json())
            })
        });
        until("all is taken", Duration::from_secs(20), || {
            let taken = http.get("/v1/queues").status == 503;
            if !taken {
                thread::sleep(Duration::from_millis(100));
            }
            taken.then_some(())
        });
        answer.join().expect("an answer")
    });
    let results = answer["results"].as_array().expect("a list");
    let (answered, refused): (Vec<_>, Vec<_>) =
        results.iter().partition(|result| result["status"] == 200);
    for result in &answered {
        assert_eq!(result["body"]["state"], "succeeded", "{result:#}");
    }
    for result in refused {
        // What it says depends on how much of the body was sent.
        assert!(result["error"].is_string(), "{result:#}");
    }
    assert_eq!(answered.len(), PLACES, "{answer:#}");
}

fn a_body_that_trickles_ends(pair: Pair) {
    let host = Host::start(pair, &[]);
    let head = "POST /v1/tasks HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let mut stream = TcpStream::connect(host.address()).expect("the host takes connections");
    let set = stream.set_read_timeout(Some(Duration::from_secs(120)));
    set.expect("a time limit is set");
    stream.write_all(head.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    let mut bytes = [0; 4096];
    while !answer.contains("body-timeout") {
        let length = stream.read(&mut bytes).expect("an answer in time");
        assert!(length > 0, "{answer}");
        answer.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

fn a_host_that_calls_its_store_too_often_says_so(pair: Pair) {
    let host = Host::start_with(pair, &[], &["--fault", "store-busy"]);
    for reply in [
        host.http().post("/v1/tasks", &json!({"task": "echo"})),
        host.http().get("/v1/queues"),
    ] {
        reply.expect_problem(503, "store-busy", None);
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
}
