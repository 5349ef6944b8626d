//! Host calls of a request, counted by the local host and compared with docs/reference/cost.md.

use handoff_e2e::{Client, Host, Pair, on, until, workspace};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

on!(Some: hot_paths_ask_little_of_the_host: local_memory LOCAL_MEMORY, local_outbound LOCAL_OUTBOUND,
    local_postgres LOCAL_POSTGRES);

const SOON: Duration = Duration::from_secs(20);
/// One request in eight looks at another queue, too, and on a busy machine one waits for its body. The cheapest of
/// this many requests did neither.
const TIMES: usize = 40;

/// One instance, by what was counted.
type Counted = BTreeMap<String, u64>;

/// The instances that served such a request, in the order of their ends.
fn counted(host: &Host, what: &str) -> Vec<Counted> {
    let output = host.output();
    let lines = output.lines().filter_map(|line| {
        let (_, counted) = line.split_once("counted ")?;
        let (request, counts) = counted.split_once(": calls=")?;
        request.starts_with(what).then(|| format!("calls={counts}"))
    });
    let count = |text: &str| {
        let (name, count) = text.split_once('=')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    lines
        .map(|line| line.split(' ').filter_map(count).collect())
        .collect()
}

/// The row of the page that begins with these words: calls and variables of a request, and how often it calls its store. The
/// calls are those with a key-value store.
fn row(page: &str, begin: &str, pair: Pair) -> (Option<[u64; 2]>, u64) {
    let row = page
        .lines()
        .find(|line| line.starts_with(&format!("| {begin} |")));
    let row = row.unwrap_or_else(|| panic!("docs/reference/cost.md has no row {begin:?}"));
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    let number = |i: usize| cells[i].parse().expect("a number");
    match (pair.has_redis(), pair.is_postgres()) {
        (true, _) => (None, number(5)),
        (_, true) => (None, number(6)),
        _ => (Some([number(2), number(3)]), number(4)),
    }
}

fn hot_paths_ask_little_of_the_host(pair: Pair) {
    let host = Host::start_with(pair, &[], &["--count-calls"]);
    let http: &Client = host.http();
    // A worker is there all the time.
    let sleeping = http.enqueue(&json!({"task": "sleep", "args": {"for": "60s"}}));
    until("it runs", SOON, || {
        (http.task(&sleeping)["state"] == "running").then_some(())
    });
    let done = http.enqueue(&json!({"task": "echo", "args": 1}));
    http.succeeded(&done, SOON);
    for _ in 0..TIMES {
        http.enqueue(&json!({"task": "echo", "args": {"to": "a@example.org", "n": 1}}));
        http.get(&format!("/status/{done}")).expect(200);
        http.get(&format!("/status/{sleeping}")).expect(200);
        http.get("/nowhere").expect(404);
    }
    let page = fs::read_to_string(workspace("docs/reference/cost.md"));
    let page = page.expect("the page");
    for (begin, what, times) in [
        (
            "enqueue a task, a worker is there",
            "POST /v1/tasks",
            TIMES + 2,
        ),
        (
            "status of a final task",
            &format!("GET /status/{done}"),
            TIMES,
        ),
        (
            "status of a running task",
            &format!("GET /status/{sleeping}"),
            TIMES,
        ),
        ("a path that is not there", "GET /nowhere", TIMES),
    ] {
        let all = until(begin, SOON, || {
            let all = counted(&host, what);
            (all.len() >= times).then_some(all)
        });
        let least = |name: &str| all.iter().filter_map(|one| one.get(name)).min().copied();
        let [calls, variables, store] =
            ["calls", "variables", "store"].map(|name| least(name).expect("it was counted"));
        let (asked, of_store) = row(&page, begin, pair);
        assert_eq!(store, of_store, "{begin}: calls of the store");
        let Some(asked) = asked else { continue };
        assert_eq!([calls, variables], asked, "{begin}: calls, variables");
        for one in &all {
            assert_eq!(one["grown"], 0, "{begin}: its memory grows: {one:?}");
            assert!(one["memory"] <= 448 << 10, "{begin}: {one:?}");
        }
    }
    http.delete(&format!("/v1/tasks/{sleeping}"));
}
