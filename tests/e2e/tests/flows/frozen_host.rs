//! A host that stands still while it runs tasks, and goes on when another one has finished them, changes nothing any more.

use handoff_e2e::{Answer, Database, Host, Pair, TestServer, on, slot, until};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

// Spin serves from a process that `spin up` starts.
on!(Some: what_it_comes_to_is_too_late: local_redis LOCAL_REDIS, local_outbound LOCAL_OUTBOUND);

/// Leases here are 2 s to begin, 10 s of timeout and 3 s between clocks. Rescue looks at a slot 10 s after its ticket,
/// and the keeper's work is done every 5 s. What was lost runs alone, and is answered at once.
const RECOVERY: Duration = Duration::from_secs(2 + 10 + 3 + 10 + 3 * 5);
const SOON: Duration = Duration::from_secs(30);
/// More than a task here comes to.
const EPOCHS: u64 = 10;

/// What each task differs in, and where it delivers to.
fn plan() -> [(&'static str, Value); 3] {
    let once = json!({"attempts": 1});
    [
        // By the timer: its owner decides by a record of its own.
        ("/delayed", json!({"retry": once, "delay": "1s"})),
        ("/at-once", json!({"retry": once})),
        // Its owner has one more attempt put into the timer.
        ("/again", json!({"retry": {"initial": "100ms"}})),
    ]
}

/// Whether the store holds a run of the task that failed, whatever became of the task: the second host's don't.
fn has_failed_run(host: &Host, id: &str) -> bool {
    let redis = host
        .database_if_any()
        .and_then(Database::redis)
        .expect("this pair's store is Redis");
    let run = |epoch| redis.ask(&format!("GET q.default.o.{}.{epoch}", slot(id)));
    let failed = |run: String| run.contains(r#"{"failed":"#) || run.contains(r#"{"retrying":"#);
    (0..EPOCHS).any(|epoch| failed(run(epoch)))
}

fn what_it_comes_to_is_too_late(pair: Pair) {
    let frozen = Arc::new(AtomicBool::new(false));
    let server = TestServer::start({
        let frozen = frozen.clone();
        move |request| {
            if request.nth == 1 {
                // The answer is there when the host goes on.
                until("the host is frozen", SOON, || {
                    frozen.load(Ordering::SeqCst).then_some(())
                });
            }
            Answer::new(200, &json!({"nth": request.nth}).to_string())
        }
    });
    let first = Host::start(pair, &[]);
    let second = first.start_beside(&[]);
    // Nobody asks the second for anything yet, so these run on the first.
    let tasks = plan().map(|(path, mut task)| {
        task["task"] = json!("http.request");
        task["args"] = json!({"url": server.url(path)});
        task["timeout"] = json!("10s");
        let id = first.http().enqueue(&task);
        until("the task runs", SOON, || {
            (!server.received(path).is_empty()).then_some(())
        });
        (path, id)
    });
    first.freeze();
    frozen.store(true, Ordering::SeqCst);

    let ended = tasks.each_ref().map(|(path, id)| {
        let task = second.http().succeeded(id, RECOVERY);
        assert_eq!(task["result"]["body"]["nth"], 2, "{path}: {task:#}");
        // It did not run alone when it was lost, so that is no attempt.
        assert_eq!(task["attempt"], 1, "{path}: {task:#}");
        assert_eq!(task["errors"], json!([]), "{path}: {task:#}");
        assert!(!has_failed_run(&first, id), "{path}");
        task
    });

    first.thaw();
    until(
        "the first host has written how its runs ended",
        SOON,
        || {
            let mut ids = tasks.iter().map(|(_, id)| id);
            ids.all(|id| has_failed_run(&first, id)).then_some(())
        },
    );
    // The timer passes this one after the attempt that is too many.
    let after = json!({"task": "echo", "args": 7, "delay": "2s"});
    let after = first.http().enqueue(&after);
    assert_eq!(first.http().succeeded(&after, SOON)["result"], 7);
    for host in [&first, &second] {
        for ((path, id), task) in tasks.iter().zip(&ended) {
            // While the stale delivery is settled it may be shown as running.
            assert_eq!(host.http().finished(id, SOON), *task, "{path}");
            assert_eq!(server.received(path).len(), 2, "{path}");
        }
        let failed = host.http().get("/v1/queues/default/tasks?state=failed");
        assert_eq!(failed.expect(200).json()["tasks"], json!([]));
        until("nothing runs or waits", SOON, || {
            let queue = host.http().get("/v1/queues/default").expect(200).json();
            (queue["running"] == 0 && queue["waiting"] == 0).then_some(())
        });
    }
}
