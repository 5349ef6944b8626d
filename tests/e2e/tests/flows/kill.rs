//! The host is killed: what was acknowledged ends as it should, and nobody has to ask for it.

use handoff_e2e::{
    Answer, Host, Pair, TestServer, measured, on_every_pair, on_every_pair_and_wash_redis, time_ms,
    until,
};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

on_every_pair!(in_a_burst_of_enqueues, running_again_within_twenty_seconds);
on_every_pair_and_wash_redis!(in_every_state);

/// Leases here are 2 s to begin, 4 s of timeout and 3 s between clocks. Rescue looks at a slot 10 s after its ticket,
/// and the keeper's work is done every 5 s.
const RECOVERY: Duration = Duration::from_secs(2 + 4 + 3 + 10 + 3 * 5);

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_millis() as u64
}

/// Starts the host again, and makes no other request than GET /healthz for as long as recovery may take.
fn recover(host: &mut Host) {
    host.restart();
    let end = Instant::now() + RECOVERY;
    while Instant::now() < end {
        host.http().get("/healthz").expect(200);
        sleep(Duration::from_secs(1));
    }
}

/// All succeeded before anybody asked for them.
fn assert_recovered(pair: Pair, host: &Host, ids: &[(&str, String)], killed_ms: u64) {
    let asked_ms = now_ms();
    let mut last_ms = killed_ms;
    for (what, id) in ids {
        let task = host.http().task(id);
        assert_eq!(task["state"], "succeeded", "{what}: {task:#}");
        let ended_ms = time_ms(&task, "ended_at");
        assert!(ended_ms <= asked_ms, "{what}: {task:#}");
        last_ms = last_ms.max(ended_ms);
    }
    let (count, after_s) = (ids.len(), (last_ms - killed_ms) as f64 / 1_000.0);
    measured(
        pair,
        &format!("the last of {count} tasks ended {after_s:.1} s after the host was killed"),
    );
}

fn in_every_state(pair: Pair) {
    let mut host = Host::start(pair, &[("fault_tasks", "true")]);
    let http = host.http();
    let server = TestServer::start(|request| match request.nth {
        1 => Answer::new(429, "").header("retry-after", "5"),
        _ => Answer::new(200, ""),
    });
    let sleeping = json!({"task": "sleep", "args": {"for": "3s"}, "timeout": "4s"});
    let busy = json!({"task": "fault.busy", "args": {"for": "3s"}, "timeout": "4s"});
    let url = server.url("/");
    let put_off = json!({"task": "http.request", "args": {"url": url}, "timeout": "4s"});
    let delayed = |delay: &str| json!({"task": "echo", "delay": delay, "timeout": "4s"});
    let echo = json!({"task": "echo", "timeout": "4s"});

    let done = http.enqueue(&echo);
    let done = http.succeeded(&done, Duration::from_secs(10));
    let retrying = http.enqueue(&put_off);
    let mut ids = vec![
        ("delayed", http.enqueue(&delayed("4s"))),
        // Due at about the time when nobody is there.
        ("delayed", http.enqueue(&delayed("1500ms"))),
        ("retrying", retrying.clone()),
    ];
    until("the task waits", Duration::from_secs(10), || {
        (http.task(&retrying)["state"] == "retrying").then_some(())
    });
    let running = [(); 3].map(|()| http.enqueue(&sleeping));
    let computing = http.enqueue(&busy);
    until("the tasks run", Duration::from_secs(10), || {
        let mut all = running.iter().chain([&computing]);
        all.all(|id| http.task(id)["state"] == "running")
            .then_some(())
    });
    ids.extend(running.map(|id| ("running", id)));
    ids.push(("computing", computing));
    // Acknowledged, and nobody has time for it any more.
    let batch = http.post("/v1/tasks:batch", &json!({"tasks": vec![echo; 50]}));
    let killed_ms = now_ms();
    host.kill9();

    let taken = batch.expect(202).json()["tasks"].clone();
    for task in taken.as_array().expect("a list") {
        ids.push(("waiting", task["id"].as_str().expect("an id").to_owned()));
    }
    recover(&mut host);
    assert_recovered(pair, &host, &ids, killed_ms);
    let id = done["id"].as_str().expect("an id");
    assert_eq!(host.http().task(id), done);
}

fn in_a_burst_of_enqueues(pair: Pair) {
    const ENOUGH: usize = 200;
    let mut host = Host::start(pair, &[]);
    let http = host.http().clone();
    let acknowledged = AtomicUsize::new(0);
    let (ids, killed_ms): (Vec<_>, u64) = thread::scope(|scope| {
        let enqueue = || {
            let body = json!({"task": "echo", "timeout": "4s"}).to_string();
            let headers = [("content-type", "application/json")];
            let mut ids = Vec::new();
            // Until the host is gone.
            while let Ok(reply) = http.try_send("POST", "/v1/tasks", &headers, body.as_bytes()) {
                // Spin may find its SQLite file locked while the first requests open it: not acknowledged.
                if reply.status == 503 {
                    continue;
                }
                let task = reply.expect(202).json();
                ids.push(("burst", task["id"].as_str().expect("an id").to_owned()));
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            ids
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(enqueue)).collect();
        until("enough are acknowledged", Duration::from_secs(60), || {
            (acknowledged.load(Ordering::SeqCst) >= ENOUGH).then_some(())
        });
        let killed_ms = now_ms();
        host.kill9();
        let joined = threads.into_iter().map(|thread| thread.join());
        let ids = joined.flat_map(|ids| ids.expect("no other answer"));
        (ids.collect(), killed_ms)
    });
    assert!(ids.len() >= ENOUGH);

    recover(&mut host);
    assert_recovered(pair, &host, &ids, killed_ms);
}

/// What a host ran when it died runs again, whatever its timeout, all at once: by promise within 20 s of the next request, and
/// by this limit on a machine with much else to do.
const AGAIN: Duration = Duration::from_secs(40);

fn running_again_within_twenty_seconds(pair: Pair) {
    let mut host = Host::start(pair, &[]);
    let http = host.http();
    let sleeping =
        |timeout: &str| json!({"task": "sleep", "args": {"for": "5m"}, "timeout": timeout});
    let batch = |count: usize| {
        let timeouts = ["6m", "1h", "24h"];
        let tasks: Vec<_> = (0..count).map(|i| sleeping(timeouts[i % 3])).collect();
        let taken = http
            .post("/v1/tasks:batch", &json!({"tasks": tasks}))
            .expect(202)
            .json();
        let ids = taken["tasks"].as_array().expect("a list").clone();
        ids.iter()
            .map(|task| task["id"].as_str().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    let running = |ids: &[String]| ids.iter().all(|id| http.task(id)["state"] == "running");
    let mut ids = batch(30);
    until("the tasks run", Duration::from_secs(10), || {
        running(&ids).then_some(())
    });
    // Rescue has passed the first ones, and others were just taken.
    sleep(Duration::from_secs(12));
    ids.extend(batch(6));
    until("the last tasks are taken", Duration::from_secs(10), || {
        running(&ids).then_some(())
    });
    host.kill9();
    host.restart();

    let up_ms = now_ms();
    host.http().get("/healthz").expect(200);
    let begun_ms = |id: &String| {
        let task = host.http().task(id);
        let begun_ms = task["started_at"]
            .is_string()
            .then(|| time_ms(&task, "started_at"));
        begun_ms.filter(|&ms| ms >= up_ms)
    };
    let last_ms = until("all run again", AGAIN, || {
        host.http().get("/healthz").expect(200);
        sleep(Duration::from_millis(500));
        ids.iter()
            .map(begun_ms)
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .max()
    });
    for id in &ids[..30] {
        let task = host.http().task(id);
        assert_eq!(
            (&task["runs_lost"], &task["attempt"]),
            (&json!(1), &json!(1)),
            "{task:#}"
        );
    }
    let after_s = (last_ms - up_ms) as f64 / 1_000.0;
    let count = ids.len();
    measured(
        pair,
        &format!(
            "the last of {count} tasks of a dead host ran again {after_s:.1} s after the next request"
        ),
    );
}
