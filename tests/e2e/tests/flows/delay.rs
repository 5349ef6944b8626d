//! Tasks that are to run later, and tasks that are tried again.

use handoff_e2e::{Host, Pair, on_every_pair_and_wash, time_ms};
use handoff_wire::Time;
use serde_json::json;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

on_every_pair_and_wash!(not_early_and_unasked, retried_until_it_succeeds);

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_millis() as u64
}

fn not_early_and_unasked(pair: Pair) {
    const DELAY_MS: u64 = 3_000;
    /// The timer has buckets of one second, and a worker must be found.
    const LATE_MAX_MS: u64 = 4_000;
    let host = Host::start(pair, &[]);
    let http = host.http();

    let past = json!({"task": "echo", "eta": "2020-02-29T12:00:00+01:00"});
    let reply = http.post("/v1/tasks", &past).expect(202).json();
    assert_eq!(reply["state"], "queued");
    assert!(reply.get("next_at").is_none(), "{reply}");
    let id = reply["id"].as_str().expect("an id");
    http.succeeded(id, Duration::from_secs(5));

    let eta_ms = now_ms() + DELAY_MS;
    let eta = Time { ms: eta_ms }.to_string();
    let at = json!({"task": "echo", "args": "eta", "eta": eta});
    let by_delay = json!({"task": "echo", "args": "delay", "delay": "3s"});
    let ids = [(at, true), (by_delay, false)].map(|(task, exact)| {
        let asked_ms = now_ms();
        let reply = http.post("/v1/tasks", &task).expect(202).json();
        assert_eq!(reply["state"], "scheduled", "{reply}");
        let due_ms = time_ms(&reply, "next_at");
        if exact {
            assert_eq!(due_ms, eta_ms);
        } else {
            let due = asked_ms + DELAY_MS..=now_ms() + DELAY_MS;
            assert!(due.contains(&due_ms), "{due_ms} is not in {due:?}");
        }
        (reply["id"].as_str().expect("an id").to_owned(), due_ms)
    });
    for (id, _) in &ids {
        assert_eq!(http.task(id)["state"], "scheduled");
    }
    // Not a guess: nobody may ask meanwhile.
    sleep(Duration::from_millis(DELAY_MS + LATE_MAX_MS));
    for (id, due_ms) in &ids {
        let task = http.task(id);
        assert_eq!(task["state"], "succeeded", "{task:#}");
        let started_ms = time_ms(&task, "started_at");
        assert!(started_ms >= *due_ms, "early: {task:#}");
        assert!(started_ms < due_ms + LATE_MAX_MS, "late: {task:#}");
        assert_eq!(task["attempt"], 1);
    }
}

fn retried_until_it_succeeds(pair: Pair) {
    let host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let start = Instant::now();
    let task = |times, attempts| {
        let retry = json!({"attempts": attempts, "initial": "500ms", "factor": 2});
        json!({"task": "fault", "args": {"how": "fail", "times": times}, "retry": retry})
    };
    let good = http.enqueue(&task(3, 4));
    let bad = http.enqueue(&task(4, 3));

    let good = http.succeeded(&good, Duration::from_secs(60));
    assert_eq!(good["result"], 4, "the attempt that succeeded");
    assert_eq!(good["attempt"], 4);
    let errors = good["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), 3);
    let mut ended_ms = time_ms(&good, "enqueued_at");
    for (i, error) in errors.iter().enumerate() {
        assert_eq!(error["attempt"], i + 1);
        assert_eq!(error["error"], "failed as it was asked to");
        assert!(time_ms(error, "started_at") >= ended_ms, "{good:#}");
        ended_ms = time_ms(error, "ended_at");
        assert!(time_ms(error, "started_at") <= ended_ms, "{good:#}");
    }
    assert!(time_ms(&good, "started_at") >= ended_ms, "{good:#}");

    let bad = http.finished(&bad, Duration::from_secs(60));
    assert_eq!(bad["state"], "failed");
    assert_eq!(bad["error"], "failed as it was asked to");
    assert_eq!(bad["errors"].as_array().map(Vec::len), Some(3));
    let id = bad["id"].as_str().expect("an id");
    let status = http.get(&format!("/status/{id}")).expect(200).json();
    let failed = json!({"status": "failed", "error": "failed as it was asked to"});
    assert_eq!(status, failed);
    // At most 0.5 + 1 + 2 s of backoff, and up to two seconds each until the timer turns and a worker begins.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
}
