//! Store calls per operation, counted and compared with docs/reference/cost.md.

use crate::pages::{page, page_each};
use crate::support::{Line, Sim, SimQueue, member, set, task, value, with};
use handoff_queue::memory::Calls;
use handoff_queue::{
    FollowUp, IdempotencyKey, Limits, Missed, OnFailure, Once, Overlap, Priority, RETENTION_MIN_MS,
    Rate, Rule, Schedule, State, Step, TaskId, TaskSpec, Wake, Workflow,
};
use serde_json::json;

fn is_read(line: &Line) -> bool {
    matches!(line.operation, "get" | "get_many" | "counter")
}

/// Reads (one for each key) and writes (one for each call) in a recording.
fn count<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Calls {
    let mut calls = Calls::default();
    let mut last = None;
    for line in lines {
        if line.operation.is_empty() {
            continue;
        }
        if is_read(line) {
            calls.reads += 1;
        } else {
            // The keys of one call follow each other.
            let many = line.operation.ends_with("_many");
            let this = (line.at_ms, line.who.as_str(), line.operation);
            if !(many && last == Some(this)) {
                calls.writes += 1;
            }
            last = Some(this);
            continue;
        }
        last = None;
    }
    calls
}

/// Nobody is woken, so that only the measured operation calls the store.
fn alone() -> Sim {
    let sim = Sim::new(7);
    sim.world.faults.wake_fails.set(1_000);
    sim
}

fn tasks(n: usize) -> Vec<TaskSpec> {
    (0..n).map(|i| task(&format!("t{i}"), json!({}))).collect()
}

fn backlog(sim: &Sim, n: usize) -> Vec<TaskId> {
    let batches = (0..n).step_by(1_000);
    batches
        .flat_map(|from| sim.enqueue(tasks((n - from).min(1_000))))
        .collect()
}

fn cost_of(sim: &Sim, work: impl FnOnce(&Sim)) -> Calls {
    sim.world.store.take_calls();
    work(sim);
    sim.world.store.take_calls()
}

#[test]
fn enqueueing_costs_the_same_for_one_and_for_a_hundred_whatever_waits() {
    for waiting in [0, 10_000] {
        for n in [1, 100] {
            let sim = alone();
            backlog(&sim, waiting);
            let cost = cost_of(&sim, |sim| drop(sim.enqueue(tasks(n))));
            println!("enqueue {n} behind {waiting}: {cost:?}");
            let enqueue = "enqueue 1 to 1,000 tasks, with the look at the worker registrations";
            page(enqueue, &cost, 0);
        }
    }
}

/// Who never pauses a queue pays nothing for it; afterwards whoever is about to wake a worker reads whether it is paused.
#[test]
fn a_pause_costs_one_read_more_from_then_on() {
    let sim = alone();
    let pause = |sim: &Sim| sim.wait(|queue| async move { queue.pause().await.unwrap() });
    let resume = |sim: &Sim| sim.wait(|queue| async move { queue.resume().await.unwrap() });
    let enqueue = |sim: &Sim| drop(sim.enqueue(tasks(1)));
    let costs = |operation: &str, work: &dyn Fn(&Sim)| page(operation, &cost_of(&sim, work), 0);
    let paused_once = "the same in a queue that was once paused, no worker registered";
    costs("the first pause of a queue", &pause);
    costs("resume a queue", &resume);
    costs("pause a queue", &pause);
    costs(paused_once, &enqueue);
    costs("resume a queue in which tasks wait", &resume);
    costs(paused_once, &enqueue);
}

/// What one pays that has a priority, and whoever has none beside it.
#[test]
fn a_priority_costs_some_reads_and_no_write() {
    for waiting in [0, 10_000] {
        let of = |priority, n| tasks(n).into_iter().map(move |t| with(priority, t));
        let sim = alone();
        backlog(&sim, waiting);
        let first = cost_of(&sim, |sim| {
            drop(sim.enqueue(of(Priority::High, 1).collect()))
        });
        let further = cost_of(&sim, |sim| {
            drop(sim.enqueue(of(Priority::Low, 100).collect()))
        });
        let normal = cost_of(&sim, |sim| drop(sim.enqueue(tasks(100))));
        let all = of(Priority::High, 30)
            .chain(of(Priority::Normal, 30))
            .chain(of(Priority::Low, 30));
        let all: Vec<_> = all.collect();
        let all = cost_of(&sim, |sim| drop(sim.enqueue(all)));
        let depth = |queue: SimQueue| async move { queue.depth().await.unwrap() };
        let depth = cost_of(&sim, |sim| _ = sim.wait(depth));
        println!(
            "enqueue the first {first:?}, 100 {further:?}, 100 without {normal:?}, some of each {all:?}; depth {depth:?}"
        );
        let unregistered = "the first task with a priority, no worker registered";
        page(unregistered, &first, 0);
        page("enqueue with a priority, no worker registered", &further, 0);
        assert_eq!((normal.writes, normal.reads), (2, 2));
        let batch = "enqueue a batch of three priorities, no worker registered";
        page(batch, &all, 0);
        page("show a queue, priorities in use", &depth, 0);
    }
}

#[test]
fn claiming_and_finishing_tasks_with_a_priority_costs_four_reads_more_at_most() {
    for priority in Priority::ALL {
        let sim = alone();
        // Lanes are in use.
        sim.enqueue(vec![with(Priority::High, task("first", json!({})))]);
        sim.worker(Wake::Work);
        sim.run_for(60_000);
        let of = tasks(127).into_iter().map(|t| with(priority, t));
        let ids = sim.enqueue(of.collect());
        sim.record();
        sim.worker(Wake::Work);
        sim.until_state(ids.last().unwrap(), State::Succeeded, 10_000);
        let cost = claim_and_finish(&sim.record(), 64);
        println!("claim and finish 64 of {priority:?}: {cost:?}");
        page("claim and finish k tasks, priorities in use", &cost, 64);
    }
}

#[test]
fn status_costs_the_same_whatever_waits() {
    for waiting in [0, 10_000] {
        let sim = alone();
        let done = sim.enqueue(tasks(1)).remove(0);
        sim.worker(Wake::Work);
        sim.until_state(&done, State::Succeeded, 1_000);
        sim.run_for(60_000);
        assert!(sim.alive().is_empty());
        backlog(&sim, waiting);
        let open = sim.enqueue(tasks(1)).remove(0);
        for (id, name) in [(&done, "a final task"), (&open, "a task that waits")] {
            let brief = cost_of(&sim, |sim| drop(sim.status(id)));
            let view = cost_of(&sim, |sim| drop(sim.view(id)));
            println!("status of {name} before {waiting}: brief {brief:?}, view {view:?}");
            page(&format!("`/status` of {name}"), &brief, 0);
            page(&format!("`/v1/tasks/{{id}}` of {name}"), &view, 0);
        }
    }
}

#[test]
fn an_idempotency_key_costs_the_same_whatever_waits() {
    const TTL_MS: u64 = 86_400_000;
    let ask = |sim: &Sim, key: &str| {
        let key = IdempotencyKey::of_caller(key, TTL_MS, &handoff_queue::Json::empty_object());
        let once = |queue: SimQueue| async move {
            let task = tasks(1).remove(0);
            queue.enqueue_once(task, &key).await.unwrap()
        };
        match sim.wait(once) {
            Once::Created(receipt) | Once::Repeated(receipt) => receipt.ids[0].clone(),
            other => panic!("{other:?}"),
        }
    };
    for waiting in [0, 10_000] {
        let sim = alone();
        backlog(&sim, waiting);
        let first = cost_of(&sim, |sim| drop(ask(sim, "a")));
        let further = cost_of(&sim, |sim| drop(ask(sim, "b")));
        let again = cost_of(&sim, |sim| drop(ask(sim, "b")));
        println!("a key behind {waiting}: {first:?}, another {further:?}, again {again:?}");
        // The marks of the day, hour and minute in which it is forgotten.
        let minute = "enqueue with an idempotency key, first of its minute, with the task object";
        page(minute, &first, 0);
        let further_key = "enqueue with an idempotency key, with the task object";
        page(further_key, &further, 0);
        page("repeat a request while its task waits", &again, 0);
    }
    let sim = alone();
    let id = ask(&sim, "a");
    sim.worker(Wake::Work);
    sim.until_state(&id, State::Succeeded, 1_000);
    sim.run_for(60_000);
    let again = cost_of(&sim, |sim| drop(ask(sim, "a")));
    sim.run_for(TTL_MS - 3_600_000);
    let next_period = cost_of(&sim, |sim| drop(ask(sim, "a")));
    println!("a key whose task is final: {again:?}, in the next period {next_period:?}");
    page("repeat a request after its task ended", &again, 0);
    page("repeat a request in the key's next period", &next_period, 0);
}

/// What a worker's claim of `k` tickets and the work on them cost, cut out of a recording.
fn claim_and_finish(lines: &[Line], k: u64) -> Calls {
    let by = format!("by {k}:");
    let claim = lines
        .iter()
        .position(|l| l.key.starts_with("q.test.head") && l.text.starts_with(&by))
        .unwrap_or_else(|| panic!("no claim of {k}"));
    let from = lines[..claim]
        .iter()
        .rposition(|l| l.key == "q.test.tail")
        .unwrap();
    let finish = lines[claim..]
        .iter()
        .position(|l| l.key.starts_with("q.test.o.") && !is_read(l))
        .unwrap();
    let last = lines[claim + finish..]
        .iter()
        .take_while(|l| l.key.starts_with("q.test.o."))
        .count();
    count(&lines[from..claim + finish + last])
}

#[test]
fn claiming_and_finishing_short_tasks_costs_two_writes_and_a_read_each() {
    // A worker takes 1, 2, 4 … 64: with 127 tasks the last batch is one of 64.
    for (waiting, k) in [(1, 1), (127, 64), (10_127, 64)] {
        let sim = alone();
        let ids = backlog(&sim, waiting);
        sim.record();
        sim.worker(Wake::Work);
        sim.until_state(ids.last().unwrap(), State::Succeeded, 10_000);
        let cost = claim_and_finish(&sim.record(), k);
        println!("claim and finish {k} of {waiting}: {cost:?}");
        page("claim and finish k short tasks", &cost, k);
    }
}

#[test]
fn limits_cost_a_look_each_and_a_write_for_tokens_however_many_wait() {
    let rate = Some(Rate {
        count: 1_000_000,
        period_s: 60,
    });
    let concurrency = Some(8);
    let table = [
        (concurrency, None, "concurrency limit"),
        (None, rate, "rate limit"),
        (concurrency, rate, "both limits"),
    ];
    for (concurrency, rate, limit) in table {
        for waiting in [127, 10_127] {
            let sim = alone();
            sim.world.queue_limits.set(Limits {
                concurrency,
                rate,
                ..Limits::default()
            });
            let ids = backlog(&sim, waiting);
            sim.record();
            sim.worker(Wake::Work);
            sim.until_state(&ids[100], State::Succeeded, 10_000);
            let mut lines = sim.record();
            if concurrency.is_some() {
                // It has its permits when it takes eight for the second time.
                let first = lines
                    .iter()
                    .position(|l| l.key == "q.test.head" && l.text.starts_with("by 8:"));
                lines.drain(..=first.unwrap());
            }
            let cost = claim_and_finish(&lines, 8);
            println!("claim and finish 8 of {waiting}, {concurrency:?} {rate:?}: {cost:?}");
            page(&format!("claim and finish k tasks, {limit}"), &cost, 8);
        }
    }
}

#[test]
fn a_time_to_expire_costs_no_call_more_whether_it_is_over_or_not() {
    for (expires_ms, state) in [(0, State::Expired), (60_000, State::Succeeded)] {
        let sim = alone();
        let expires_ms = Some(sim.now_ms() + expires_ms);
        let new = tasks(127).into_iter().map(|t| TaskSpec { expires_ms, ..t });
        let new: Vec<_> = new.collect();
        let mut ids = Vec::new();
        let cost = cost_of(&sim, |sim| ids = sim.enqueue(new));
        assert_eq!((cost.writes, cost.reads), (2, 2));
        sim.run_for(1);
        sim.record();
        sim.worker(Wake::Work);
        sim.until_state(ids.last().unwrap(), state, 10_000);
        let cost = claim_and_finish(&sim.record(), 64);
        println!("claim 64 that end {state}: {cost:?}");
        page("claim and finish k tasks that expired", &cost, 64);
    }
}

#[test]
fn a_long_task_costs_its_heartbeats_more() {
    let sim = alone();
    let id = sim.enqueue_one(task("long", json!({"sleep_ms": 21_500})));
    sim.record();
    sim.worker(Wake::Work);
    sim.run_for(22_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    let lines = sim.record();
    let own = |l: &&Line| {
        ["s.1", "o.1.0", "c.1.1", "xb.0"]
            .iter()
            .any(|k| l.key == format!("q.test.{k}"))
            || (l.key == "q.test.head" && l.operation == "increment")
    };
    let by_worker = || lines.iter().filter(|l| l.who.starts_with("worker"));
    let task = count(
        by_worker()
            .filter(own)
            .filter(|l| !(l.key.contains(".xb.") && l.at_ms > 50)),
    );
    let cancel_looks = by_worker()
        .filter(|l| l.key.contains(".xb.") && l.at_ms > 50)
        .count();
    let all = count(by_worker());
    println!(
        "a task of 21.5 s: {task:?}, {cancel_looks} looks for a cancel, all calls of the worker {all:?}"
    );
    // The claim, five heartbeats (after 1 s, then every 5 s), the outcome.
    page("run one task of 21.5 s (5 heartbeats)", &task, 0);
    // A look once a second.
    assert!((20..=22).contains(&cancel_looks), "{cancel_looks}");
}

/// What runs for longer than 10 s costs the keeper a look for every 10 to 15 s, and nothing of the timer.
#[test]
fn a_minute_of_many_long_tasks() {
    let minute = |tasks: usize| {
        let sim = Sim::new(6);
        let long = |i| TaskSpec {
            timeout_ms: 600_000,
            ..task(&format!("t{i}"), json!({"sleep_ms": 150_000}))
        };
        sim.enqueue((0..tasks).map(long).collect());
        sim.run_with_ticks(60_000, 5_000);
        cost_of(&sim, |sim| sim.run_with_ticks(60_000, 5_000))
    };
    let (few, many) = (minute(1), minute(101));
    let each = |many: u64, few: u64| (many - few) as f64 / 100.0;
    let (writes, reads) = (each(many.writes, few.writes), each(many.reads, few.reads));
    println!("a minute of a long task: {writes:.2} writes, {reads:.2} reads");
    // Heartbeats; looks for a cancel, and those of the keeper.
    page_each("each minute of a task that runs longer", (writes, reads));
}

/// All calls of all instances in two minutes in which `n` tasks made by `new` run.
fn two_minutes(n: usize, new: impl Fn(&Sim, TaskSpec) -> TaskSpec) -> Calls {
    let sim = Sim::new(3);
    // The keeper's first pass is a long one.
    sim.tick();
    sim.run_for(60_000);
    cost_of(&sim, |sim| {
        let tasks = tasks(n).into_iter().map(|t| new(sim, t));
        let tasks: Vec<_> = tasks.collect();
        let ids: Vec<_> = tasks
            .chunks(1_000)
            .flat_map(|chunk| sim.enqueue(chunk.to_vec()))
            .collect();
        sim.run_for(120_000);
        assert!(sim.alive().is_empty(), "the keeper has seen to everything");
        assert!(!ids.is_empty());
    })
}

/// Asserts what the first such task may cost, all calls counted, beyond a task without; and that the page says what each
/// further one costs.
fn assert_extra(name: &str, first_max: (u64, u64), new: impl Fn(&Sim, TaskSpec) -> TaskSpec) {
    let plain = |n| two_minutes(n, |_, task| task);
    let (plain_one, plain_many) = (plain(1), plain(101));
    let (one, many) = (two_minutes(1, &new), two_minutes(101, &new));
    let first = (one.writes - plain_one.writes, one.reads - plain_one.reads);
    let each = |many: u64, one: u64, plain_many: u64, plain_one: u64| {
        ((many - one) as f64 - (plain_many - plain_one) as f64) / 100.0
    };
    let each = (
        each(many.writes, one.writes, plain_many.writes, plain_one.writes),
        each(many.reads, one.reads, plain_many.reads, plain_one.reads),
    );
    println!(
        "a task alone {plain_one:?}; {name}: the first has (writes, reads) {first:?} more, each further one {each:?}"
    );
    assert!(
        first.0 <= first_max.0 && first.1 <= first_max.1,
        "{first:?}"
    );
    page_each(name, each);
}

#[test]
fn a_delay() {
    assert_extra("each delay", (230, 370), |sim, task| TaskSpec {
        not_before_ms: Some(sim.now_ms() + 20_000),
        ..task
    });
}

#[test]
fn a_retry() {
    assert_extra("each retry", (230, 370), |_, mut task| {
        set(&mut task.args, "fail_times", 1);
        set(&mut task.args, "after_ms", 20_000);
        task
    });
}

fn put(sim: &Sim, name: &str, every_ms: u64) {
    let schedule = Schedule {
        name: name.to_owned(),
        rule: Rule::Every(every_ms),
        queue: "test".to_owned(),
        task: task("a", json!({})),
        expires_after_ms: None,
        overlap: Overlap::Queue,
        missed: Missed::Latest,
    };
    sim.wait(|queue| async move { drop(queue.put_schedule(schedule).await.unwrap()) });
}

#[test]
fn a_schedule_costs_the_same_however_many_there_are() {
    const HOUR_MS: u64 = 3_600_000;
    for others in [0, 100] {
        let sim = alone();
        for i in 0..others {
            put(&sim, &format!("s{i}"), HOUR_MS);
        }
        let first = cost_of(&sim, |sim| put(sim, "a", HOUR_MS));
        let again = cost_of(&sim, |sim| put(sim, "a", HOUR_MS));
        let other = cost_of(&sim, |sim| put(sim, "a", 2 * HOUR_MS));
        let look = |queue: SimQueue| async move { drop(queue.schedule("a").await.unwrap()) };
        let look = cost_of(&sim, |sim| sim.wait(look));
        let delete =
            |queue: SimQueue| async move { assert!(queue.delete_schedule("a").await.unwrap()) };
        let delete = cost_of(&sim, |sim| sim.wait(delete));
        println!(
            "put {first:?}, again {again:?}, another {other:?}; look {look:?}; delete {delete:?}"
        );
        // The first entries of an hour mark it, and their minutes.
        match others {
            0 => assert!(first.writes <= 7 + 6 && first.reads <= 12, "{first:?}"),
            _ => page("put a schedule", &first, 0),
        }
        page("put a schedule again, unchanged", &again, 0);
        page("put a schedule again, changed", &other, 0);
        page("show a schedule", &look, 0);
        page("delete a schedule", &delete, 0);
    }
}

#[test]
fn an_occurrence() {
    // A keeper is there in any case.
    let minute = |every_ms| {
        let sim = Sim::new(7);
        put(&sim, "far", 65_000);
        put(&sim, "a", every_ms);
        sim.worker(Wake::Keep);
        sim.run_for(3_000);
        cost_of(&sim, |sim| sim.run_for(60_000))
    };
    let (far, near) = (minute(65_000), minute(2_000));
    let each = |near: u64, far: u64| (near as f64 - far as f64) / 30.0;
    let (writes, reads) = (each(near.writes, far.writes), each(near.reads, far.reads));
    println!("an occurrence and its task: {writes:.1} writes, {reads:.1} reads");
    let occurrence = "each occurrence of a schedule, with its task";
    page_each(occurrence, (writes, reads));
}

#[test]
fn what_follows_an_end() {
    // Its own run included.
    assert_extra("each webhook, with its own run", (20, 70), |_, mut task| {
        task.on_end = Some(FollowUp {
            kind: "io".to_owned(),
            args: json!({"name": "after"}).into(),
            timeout_ms: task.timeout_ms,
            retry: task.retry,
        });
        task
    });
}

fn one_of_each_key(sim: &Sim) {
    let mut limits = sim.world.queue_limits.get();
    limits.per_key.concurrency = Some(1);
    sim.world.queue_limits.set(limits);
}

#[test]
fn a_key_of_its_own() {
    // What it counts is deleted hours later, for which the keeper passes the hours and minutes from midnight on.
    assert_extra(
        "each task with a key of its own under a limit",
        (130, 105),
        |sim, mut task| {
            one_of_each_key(sim);
            task.key = Some(value(&task.args)["name"].to_string());
            task
        },
    );
}

#[test]
fn waiting_for_a_key() {
    // However many wait before it.
    assert_extra(
        "each task that waits for a key under a limit",
        (130, 105),
        |sim, mut task| {
            one_of_each_key(sim);
            task.key = Some("a".to_owned());
            task
        },
    );
}

#[test]
fn a_key_without_limits() {
    assert_extra(
        "each task with a key, no limit for keys",
        (0, 0),
        |_, mut task| {
            task.key = Some("a".to_owned());
            task
        },
    );
}

/// All calls of all instances while a workflow of these steps runs, and a while longer.
fn cost_of_workflow(steps: Vec<Step>) -> Calls {
    let sim = Sim::new(3);
    sim.tick();
    sim.run_for(60_000);
    let workflow = Workflow {
        steps,
        on_failure: OnFailure::Fail,
        args_max_bytes: 100_000,
    };
    cost_of(&sim, |sim| {
        let id = sim.enqueue_one(workflow.task());
        sim.run_for(120_000);
        assert_eq!(sim.state(&id), State::Succeeded);
        assert!(sim.alive().is_empty(), "the keeper has seen to everything");
    })
}

#[test]
fn a_task_of_a_workflow() {
    let member = |i: usize| member(&format!("m{i}"), json!({}));
    let group = |n: usize| cost_of_workflow(vec![Step::Many((0..n).map(member).collect())]);
    let chain = |n: usize| cost_of_workflow((0..n).map(|i| Step::One(member(i))).collect());
    let each = |many: Calls, few: Calls, n: f64| {
        let per = |many: u64, few: u64| (many as f64 - few as f64) / n;
        (per(many.writes, few.writes), per(many.reads, few.reads))
    };
    let plain = |n| two_minutes(n, |_, task| task);
    let alone = each(plain(2_100), plain(100), 2_000.0);
    let of_group = each(group(2_100), group(100), 2_000.0);
    let of_chain = each(chain(30), chain(10), 20.0);
    println!(
        "a task alone {alone:.2?}, of a group {of_group:.2?}, of a chain {of_chain:.2?} (writes, reads)"
    );
    let more = (of_group.0 - alone.0, of_group.1 - alone.1);
    page_each("each task of a group", more);
    page_each("each step of a chain, with its task", of_chain);
}

#[test]
fn a_failure() {
    assert_extra("each task that fails for good", (2, 0), |_, mut task| {
        set(&mut task.args, "fatal", "no use");
        task
    });
}

#[test]
fn a_page_of_failed_tasks_and_taking_them_off_whatever_failed() {
    for failed in [20, 500] {
        let sim = Sim::new(3);
        let fails = tasks(failed).into_iter().map(|mut task| {
            set(&mut task.args, "fatal", "no use");
            task
        });
        let ids = sim.enqueue(fails.collect());
        sim.run_for(60_000);
        assert!(sim.alive().is_empty());
        sim.world.faults.wake_fails.set(1_000);
        let listed = cost_of(&sim, |sim| {
            let page = sim.wait(|queue| async move { queue.failed(None, 20).await.unwrap() });
            assert_eq!(page.tasks.len(), 20);
        });
        let discard = cost_of(&sim, |sim| {
            let id = ids[0].clone();
            sim.wait(|queue| async move { queue.discard(&id).await.unwrap() });
        });
        let retry = |sim: &Sim, i: usize| {
            let id = ids[i].clone();
            sim.wait(|queue| async move { queue.retry(&id, None).await.unwrap() });
        };
        retry(&sim, 1);
        let first = cost_of(&sim, |sim| retry(sim, 2));
        let again = cost_of(&sim, |sim| retry(sim, 2));
        println!(
            "of {failed} that failed: a page {listed:?}, discard {discard:?}, retry {first:?}, again {again:?}"
        );
        page("a page of k failed tasks", &listed, 20);
        page("discard a failed task", &discard, 0);
        page("retry a failed task", &first, 0);
        page("retry a failed task again", &again, 0);
    }
}

#[test]
fn rescue_and_retention_of_five_hundred() {
    let sim = Sim::new(5);
    let hour = |t| TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..t
    };
    let of_slots = |l: &Line| {
        let kind = l.key.split('.').nth(2).unwrap_or_default();
        matches!(kind, "s" | "h" | "c" | "o" | "r" | "x") && l.who.starts_with("worker")
    };
    let ids = sim.enqueue(tasks(500).into_iter().map(hour).collect());
    sim.until_state(&ids[499], State::Succeeded, 5_000);
    sim.record();
    sim.run_for(60_000);
    let rescue = count(sim.record().iter().filter(|l| of_slots(l)));
    sim.run_with_ticks(RETENTION_MIN_MS + 30 * 60_000, 60_000);
    let retention = count(sim.record().iter().filter(|l| of_slots(l)));
    assert!(
        !sim.world
            .store
            .keys()
            .iter()
            .any(|k| k.starts_with("q.test.s."))
    );
    println!("500 tasks: rescue {rescue:?}, retention {retention:?}");
    page("rescue passes k finished tasks", &rescue, 500);
    page("retention deletes k tasks", &retention, 500);
}
