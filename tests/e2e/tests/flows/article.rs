//! The article's two URLs, with the article's bodies.

use handoff_e2e::{Host, Pair, on, until};
use serde_json::json;
use std::time::{Duration, Instant};

// The only flow with the local host's store in memory: nothing else depends on that one.
on!(Some: ping_and_status: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS, local_memory LOCAL_MEMORY,
    spin_sqlite SPIN_SQLITE, spin_redis SPIN_REDIS, wash_memory WASH_MEMORY, wash_redis WASH_REDIS);

fn ping_and_status(pair: Pair) {
    let host = Host::start(pair, &[]);
    let http = host.http();
    for method in ["GET", "POST"] {
        let start = Instant::now();
        let reply = http.send(method, "/ping", &[], b"").expect(202);
        let body = reply.json();
        let id = body["task_id"].as_str().expect("a task_id");
        assert_eq!(reply.text(), format!("{{\"task_id\":\"{id}\"}}"));
        let status = format!("/status/{id}");
        assert_eq!(reply.header("location"), Some(status.as_str()));
        assert_eq!(reply.header("content-type"), Some("application/json"));

        let processing = json!({"status": "processing"});
        assert_eq!(http.get(&status).expect(200).json(), processing);
        let done = until("the task is done", Duration::from_secs(40), || {
            let body = http.get(&status).expect(200).json();
            (body != processing).then_some(body)
        });
        assert_eq!(done, json!({"status": "done", "result": "Task Done."}));
        let took = start.elapsed();
        assert!(took >= Duration::from_secs(5), "after {took:?}");
    }
}
