//! The server of the store is killed for good, and its synchronous standby takes over.

use crate::calls::{RECOVERY, try_to_enqueue};
use handoff_e2e::{Host, Pair, folder, measured, on, until};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

on!(Some: nothing_acknowledged_is_lost: local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES);

/// So many tasks are acknowledged before, and after.
const ENOUGH: usize = 100;
/// So many enqueue at once.
const CLIENTS: usize = 4;
const LIMIT: Duration = Duration::from_secs(60);

fn nothing_acknowledged_is_lost(pair: Pair) {
    let folder = folder();
    let mut host = Host::start(pair, &[]);
    let standby = host.postgres().start_synchronous_standby(folder.path());
    let both = host.postgres().url_with(&standby);
    host.restart_with("store", &both);
    let http = host.http().clone();

    let done = http.enqueue(&json!({"task": "echo", "args": "before"}));
    let done = http.succeeded(&done, LIMIT);
    let delayed = json!({"task": "echo", "args": "late", "delay": "8s", "timeout": "4s"});
    let running = json!({"task": "sleep", "args": {"for": "3s"}, "timeout": "4s"});
    let mut acknowledged = vec![http.enqueue(&delayed), http.enqueue(&running)];
    until("the task runs", LIMIT, || {
        (http.task(&acknowledged[1])["state"] == "running").then_some(())
    });
    let (taken, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let body = json!({"task": "echo", "args": 8, "timeout": "4s"});
    let enqueues = || {
        let mut ids = Vec::new();
        while !over.load(Ordering::SeqCst) {
            if let Some(id) = try_to_enqueue(&http, &body) {
                ids.push(id);
                taken.fetch_add(1, Ordering::SeqCst);
            }
        }
        ids
    };
    let more = |than: usize| {
        until("enough are acknowledged", LIMIT, || {
            (taken.load(Ordering::SeqCst) > than).then_some(())
        });
    };
    let (back, gone) = thread::scope(|scope| {
        let threads = [(); CLIENTS].map(|()| scope.spawn(enqueues));
        more(ENOUGH);
        // Some of them are on their way.
        host.postgres().kill9();
        let gone = Instant::now();
        let until_then = taken.load(Ordering::SeqCst);
        standby.promote();
        let promoted = Instant::now();
        more(until_then);
        let times = (promoted.elapsed(), gone.elapsed());
        more(until_then + ENOUGH);
        over.store(true, Ordering::SeqCst);
        for thread in threads {
            acknowledged.extend(thread.join().expect("no other answer"));
        }
        times
    });

    let id = done["id"].as_str().expect("an id");
    assert_eq!(http.task(id), done, "what was final");
    for id in &acknowledged {
        let task = http.succeeded(id, RECOVERY);
        let echoes = task["task"] != "echo" || task["result"] == task["args"];
        assert!(echoes, "{task:#}");
    }
    measured(
        pair,
        &format!(
            "{} ms after the server was killed, and {} ms after its standby was promoted, the next task was taken; all {} \
             acknowledged tasks ended",
            gone.as_millis(),
            back.as_millis(),
            acknowledged.len()
        ),
    );
}
