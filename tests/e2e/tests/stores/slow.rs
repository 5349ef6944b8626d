//! Every call of the store takes its time.

use crate::calls::ids;
use handoff_e2e::{Answer, Host, Pair, TestServer, measured, on};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on!(Some: all_end_and_none_runs_twice: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS);

const FAULT: [&str; 2] = ["--fault", "store-slow=20"];
const LIMIT: Duration = Duration::from_secs(120);
const COUNT: usize = 20;

fn all_end_and_none_runs_twice(pair: Pair) {
    let server =
        TestServer::start(|request| Answer::new(200, &json!({"path": request.path}).to_string()));
    let host = Host::start_with(pair, &[], &FAULT);
    let http = host.http();
    let path = |i: usize| format!("/{i}");
    let deliver = |i: usize| json!({"task": "http.request", "args": {"url": server.url(&path(i))}});
    let start = Instant::now();
    let batch: Vec<Value> = (0..COUNT).map(deliver).collect();
    let mut taken = ids(&http
        .post("/v1/tasks:batch", &json!({"tasks": batch}))
        .expect(202));
    taken.extend((COUNT..COUNT + 10).map(|i| http.enqueue(&deliver(i))));
    let sleeping = http.enqueue(&json!({"task": "sleep", "args": {"for": "2s"}}));
    let delayed = http.enqueue(&json!({"task": "echo", "delay": "2s"}));

    for (i, id) in taken.iter().enumerate() {
        let task = http.succeeded(id, LIMIT);
        assert_eq!(task["attempt"], 1, "{task:#}");
        assert_eq!(task["result"]["body"]["path"], path(i), "{task:#}");
        assert_eq!(server.received(&path(i)).len(), 1, "{task:#}");
    }
    for id in [sleeping, delayed] {
        let task = http.succeeded(&id, LIMIT);
        assert_eq!(task["attempt"], 1, "{task:#}");
    }
    measured(
        pair,
        &format!(
            "with 20 ms for each call of the store {} tasks ended within {:.1} s, each run once",
            taken.len() + 2,
            start.elapsed().as_secs_f64()
        ),
    );
}
