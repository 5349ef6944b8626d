//! The store takes no more: writes are refused, reads are not.

use crate::calls::{RECOVERY, assert_refused, enqueue, ids, reading, writing};
use handoff_e2e::{Answer, Client, Host, Pair, TestServer, measured, on_every_pair, until};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

on_every_pair!(refuses_and_goes_on);

/// Longer than a worker tries to write an outcome: 5 times, 50 to 250 ms apart, and once more with the next ones.
const FULL: Duration = Duration::from_secs(4);
/// So much may still be written at first, so that it is some call in the middle that fails.
const ROOM: u64 = 1 << 20;

/// The store's disk or memory.
struct Disk<'a>(Pair, &'a mut Host);

impl Disk<'_> {
    /// Takes some more and then nothing.
    fn fills(&mut self) {
        let room = self.1.largest_file() + ROOM;
        match self.0.has_redis() {
            true => self.1.redis().set("maxmemory", "4mb"),
            false if self.0.has_server() => self.1.postgres().set_read_only(true),
            false => self.1.limit_files(Some(room)),
        }
    }

    /// Takes nothing at all, not even in place of what is there.
    fn is_full(&mut self) {
        match self.0.has_redis() {
            true => self.1.redis().set("maxmemory", "1"),
            false if self.0.has_server() => {}
            false => self.1.limit_files(Some(0)),
        }
    }

    fn has_room(&mut self) {
        match self.0.has_redis() {
            true => self.1.redis().set("maxmemory", "0"),
            false if self.0.has_server() => self.1.postgres().set_read_only(false),
            false => self.1.limit_files(None),
        }
    }
}

fn refuses_and_goes_on(pair: Pair) {
    let full = Arc::new(AtomicBool::new(false));
    let server = server_that_waits_for(full.clone());
    let mut host = Host::start(pair, &[]);
    let http = host.http().clone();
    let tasks = Tasks::enqueue(&http, &server);

    let mut disk = Disk(pair, &mut host);
    disk.fills();
    let mut acknowledged = enqueue_until_refused(&http);
    disk.is_full();
    full.store(true, Ordering::SeqCst);
    let refused = writes_are_refused_and_reads_are_not(&http, &tasks, &acknowledged);
    disk.has_room();

    // At once.
    let echo = enqueue(json!({"task": "echo", "args": 8}));
    let first = echo.send(&http).expect(202).json();
    acknowledged.push(first["id"].as_str().expect("an id").to_owned());
    all_end(&http, &tasks, &acknowledged);
    let delivered = running_task_ends_with_its_last_delivery(&http, &tasks, &server);
    http.get("/readyz").expect(200);
    let acknowledged = acknowledged.len();
    measured(
        pair,
        &format!(
            "a full store refused {refused} requests; then {acknowledged} acknowledged tasks ended, and one whose \
             outcome could not be written ran {delivered} times"
        ),
    );
}

/// Its first answer comes when the store is full, so that the outcome can't be written.
fn server_that_waits_for(full: Arc<AtomicBool>) -> TestServer {
    TestServer::start(move |request| {
        if request.nth == 1 {
            until("the store is full", Duration::from_secs(20), || {
                full.load(Ordering::SeqCst).then_some(())
            });
        }
        Answer::new(200, &json!({"nth": request.nth}).to_string())
    })
}

/// What was acknowledged while the store had room.
struct Tasks {
    done: Value,
    running: String,
    delayed: String,
}

impl Tasks {
    /// Returns when one task is done and one runs.
    fn enqueue(http: &Client, server: &TestServer) -> Self {
        let done = http.enqueue(&json!({"task": "echo", "args": 7}));
        let done = http.succeeded(&done, Duration::from_secs(10));
        let url = server.url("/");
        let running = json!({"task": "http.request", "args": {"url": url}, "timeout": "15s"});
        let running = http.enqueue(&running);
        let delayed = json!({"task": "echo", "args": "late", "delay": "3s", "timeout": "4s"});
        let delayed = http.enqueue(&delayed);
        until("the task runs", Duration::from_secs(10), || {
            (!server.received("/").is_empty()).then_some(())
        });
        Self {
            done,
            running,
            delayed,
        }
    }

    fn assert_done_is_unchanged(&self, http: &Client) {
        let id = self.done["id"].as_str().expect("an id");
        assert_eq!(http.task(id), self.done);
    }
}

/// The tasks that the store took before it was full.
fn enqueue_until_refused(http: &Client) -> Vec<String> {
    let large = json!({"task": "echo", "args": "x".repeat(8 << 10), "timeout": "4s"});
    let batch = json!({"tasks": vec![large; 20]});
    until("the store is full", Duration::from_secs(60), || {
        let mut taken = Vec::new();
        loop {
            let reply = http.post("/v1/tasks:batch", &batch);
            if reply.status == 503 {
                return Some(taken);
            }
            taken.extend(ids(&reply.expect(202)));
        }
    })
}

/// Returns the number of refused requests.
fn writes_are_refused_and_reads_are_not(
    http: &Client,
    tasks: &Tasks,
    acknowledged: &[String],
) -> u32 {
    let end = Instant::now() + FULL;
    let mut refused = 0;
    while Instant::now() < end {
        for call in writing(&tasks.delayed) {
            assert_refused(&call, &call.send(http));
            refused += 1;
        }
        let open = [&tasks.running, &tasks.delayed];
        for id in acknowledged.iter().take(3).chain(open) {
            for call in reading(id) {
                call.send(http).expect(200);
            }
        }
        tasks.assert_done_is_unchanged(http);
        http.get("/healthz").expect(200);
    }
    refused
}

/// Nothing of what was refused was done.
fn all_end(http: &Client, tasks: &Tasks, acknowledged: &[String]) {
    let delayed = http.succeeded(&tasks.delayed, RECOVERY);
    assert_eq!(delayed["result"], "late");
    for id in acknowledged {
        let task = http.succeeded(id, RECOVERY);
        assert_eq!(task["result"], task["args"]);
    }
    tasks.assert_done_is_unchanged(http);
}

/// Returns the number of deliveries.
fn running_task_ends_with_its_last_delivery(
    http: &Client,
    tasks: &Tasks,
    server: &TestServer,
) -> usize {
    // Its lease is longer by its timeout.
    let limit = RECOVERY + Duration::from_secs(15 - 4);
    let running = http.succeeded(&tasks.running, limit);
    let delivered = server.received("/").len();
    assert_eq!(running["result"]["body"]["nth"], delivered, "{running:#}");
    delivered
}
