//! More requests than the local host serves at once are refused in the application's own form.

use handoff_e2e::{Host, Pair, on, until};
use serde_json::json;
use std::thread;
use std::time::Duration;

on!(Some: refused_with_what_to_do: local_sqlite LOCAL_SQLITE);

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
            let reply = http.get("/healthz");
            (reply.status != 200).then_some(reply)
        });
        refused.expect_problem(503, "busy", None);
        assert_eq!(refused.header("retry-after"), Some("1"));
    });
}
