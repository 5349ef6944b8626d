//! The pages in docs/reference say what this crate does: which keys there are, and what operations cost.

use crate::support::{Sim, keyed, keys, member, set, task, with};
use handoff_queue::memory::Calls;
use handoff_queue::{
    Cancelled, FollowUp, IdempotencyKey, Json, KeyLimits, Limits, Missed, OnFailure, Overlap,
    Priority, RETENTION_MIN_MS, Rate, RetryPolicy, Rule, Schedule, Step, TaskSpec, Workflow,
};
use serde_json::json;
use std::collections::BTreeSet;

const COST: &str = include_str!("../../../../docs/reference/cost.md");
const KEYS: &str = include_str!("../../../../docs/reference/keys.md");

/// The rows of the table under a heading, without its head.
fn rows(page: &'static str, heading: &str) -> Vec<Vec<&'static str>> {
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("a section {heading:?}"));
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.map(cells).collect()
}

fn counted() -> Vec<Vec<&'static str>> {
    rows(COST, "Counted by tests")
}

/// Writes and reads, as the page has them.
fn row(operation: &str) -> (&'static str, &'static str) {
    let rows = counted();
    let row = rows.iter().find(|row| row[0] == operation);
    let row = row.unwrap_or_else(|| panic!("cost.md has no row {operation:?}"));
    (row[1], row[2])
}

/// `7`, `k`, `4 k`, or a sum of these.
fn evaluate(formula: &str, k: u64) -> u64 {
    let term = |term: &str| match term.trim().strip_suffix('k').map(str::trim) {
        Some("") => k,
        Some(factor) => k * factor.parse::<u64>().expect("a factor of k"),
        None => term.trim().parse().expect("a number of calls"),
    };
    formula.split('+').map(term).sum()
}

/// The page says what `calls` were counted for this operation on `k` tasks.
#[track_caller]
pub(crate) fn page(operation: &str, calls: &Calls, k: u64) {
    let (writes, reads) = row(operation);
    for (formula, counted) in [(writes, calls.writes), (reads, calls.reads)] {
        let holds = match formula.strip_prefix('≤') {
            Some(most) => counted <= evaluate(most, k),
            None => formula == "–" || counted == evaluate(formula, k),
        };
        assert!(
            holds,
            "{operation}: cost.md says {formula}, counted {calls:?} for k = {k}"
        );
    }
}

/// The page says this average, rounded.
#[track_caller]
pub(crate) fn page_each(operation: &str, each: (f64, f64)) {
    let (writes, reads) = row(operation);
    for (said, counted) in [(writes, each.0), (reads, each.1)] {
        let near = (counted - evaluate(said, 0) as f64).abs() <= 0.6;
        assert!(near, "{operation}: cost.md says {said}, counted {each:.2?}");
    }
}

#[test]
fn every_row_of_the_cost_table_is_counted() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/protocol/budget");
    let files = std::fs::read_dir(folder).unwrap();
    let tests: String = files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    for row in counted() {
        let named = |part: &str| tests.contains(&format!("\"{part}"));
        let formatted = [
            "`/status` of ",
            "`/v1/tasks/{id}` of ",
            "claim and finish k tasks, ",
        ];
        let formatted = formatted.iter().any(|prefix| row[0].starts_with(prefix));
        assert!(named(row[0]) || formatted, "no test counts {:?}", row[0]);
    }
}

/// Whether a key is one of `pattern`, in which `{…}` is any text without a dot.
fn is_of(pattern: &str, key: &str) -> bool {
    let (pattern, key): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), key.split('.').collect());
    let fits =
        |(known, part): (&&str, &&str)| known.starts_with('{') && !part.is_empty() || known == part;
    pattern.len() == key.len() && pattern.iter().zip(&key).all(fits)
}

/// All keys that a queue touches in which everything is used.
fn touched() -> BTreeSet<String> {
    let sim = Sim::new(11);
    sim.record();
    everything(&sim);
    let mut keys: BTreeSet<_> = sim.record().into_iter().map(|line| line.key).collect();
    // What waits for a key, and what a rate allows, in a queue of its own.
    let sim = Sim::new(12);
    let rate = Some(Rate {
        count: 100,
        period_s: 60,
    });
    let concurrency = Some(1);
    let per_key = KeyLimits { concurrency, rate };
    sim.world.queue_limits.set(Limits {
        concurrency: Some(10),
        rate,
        per_key,
    });
    sim.record();
    sim.enqueue(
        (0..3)
            .map(|i| keyed("a", &format!("k{i}"), json!({"sleep_ms": 1_000})))
            .collect(),
    );
    sim.run_for(60_000);
    keys.extend(sim.record().into_iter().map(|line| line.key));
    keys.remove("");
    keys
}

fn everything(sim: &Sim) {
    let hour = |task| TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..task
    };
    let mut ids = Vec::new();
    for priority in Priority::ALL {
        ids.extend(sim.enqueue(vec![hour(with(priority, task("t", json!({}))))]));
    }
    let later = TaskSpec {
        not_before_ms: Some(sim.now_ms() + 20_000),
        ..task("later", json!({}))
    };
    let later = sim.enqueue_one(hour(later));
    let mut fails = task("fails", json!({"fail_times": 1}));
    set(&mut fails.args, "fatal", "no use");
    fails.on_end = Some(FollowUp {
        kind: "io".to_owned(),
        args: json!({"name": "after"}).into(),
        timeout_ms: 1_000,
        retry: RetryPolicy::default(),
    });
    sim.enqueue_one(hour(fails));
    let traps = TaskSpec {
        kind: "killer".to_owned(),
        timeout_ms: 2_000,
        ..task("traps", json!({"traps": true}))
    };
    sim.enqueue_one(hour(traps));
    let cancelled = sim.wait(|queue| async move { queue.cancel(&later).await.unwrap() });
    assert_eq!(cancelled, Cancelled::Done);
    sim.wait(|queue| async move {
        queue.pause().await.unwrap();
        queue.resume().await.unwrap();
        let key = IdempotencyKey::of_caller("a", 60_000, &Json::empty_object());
        drop(
            queue
                .enqueue_once(task("once", json!({})), &key)
                .await
                .unwrap(),
        );
        let schedule = Schedule {
            name: "s".to_owned(),
            rule: Rule::Every(5_000),
            queue: "test".to_owned(),
            task: task("occurs", json!({})),
            expires_after_ms: None,
            overlap: Overlap::Queue,
            missed: Missed::Latest,
        };
        drop(queue.put_schedule(schedule).await.unwrap());
        queue
    });
    let member = |i: usize| member(&format!("m{i}"), json!({}));
    let workflow = Workflow {
        steps: vec![Step::Many((0..3).map(member).collect())],
        on_failure: OnFailure::Fail,
        args_max_bytes: 100_000,
    };
    sim.enqueue_one(workflow.task());
    sim.run_with_ticks(120_000, 5_000);
    sim.wait(|queue| async move { assert!(queue.delete_schedule("s").await.unwrap()) });
    sim.run_with_ticks(RETENTION_MIN_MS + 30 * 60_000, 60_000);
    assert!(!ids.is_empty());
}

#[test]
fn the_page_of_keys_names_each_kind_of_key_and_no_other() {
    let keys = touched();
    let mut patterns = BTreeSet::new();
    for row in rows(KEYS, "Keys of a queue") {
        let quoted = row[0].split('`').skip(1).step_by(2);
        patterns.extend(quoted);
    }
    let mut seen = BTreeSet::<&&str>::new();
    for key in &keys {
        let rest = key
            .strip_prefix(keys::ALL)
            .unwrap_or_else(|| panic!("{key}"));
        let of: Vec<_> = patterns
            .iter()
            .filter(|pattern| is_of(pattern, rest))
            .collect();
        assert_eq!(of.len(), 1, "{key} is of these kinds in keys.md: {of:?}");
        seen.extend(of);
    }
    let unseen: Vec<_> = patterns
        .iter()
        .filter(|pattern| !seen.contains(pattern))
        .collect();
    assert!(
        unseen.is_empty(),
        "keys.md names keys that nothing touched: {unseen:?}"
    );
}
