//! Watching a task: every change once and in order, also when another instance goes on from a position.

use crate::support::{Sim, task};
use handoff_queue::{Event, RetryPolicy, Seen, TaskId, TaskSpec};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;

/// Watches to the end, and goes on in another instance after so many events. Returns them in words.
fn watch(sim: &Sim, id: &TaskId, events_max: usize) -> Vec<String> {
    let told = Rc::new(RefCell::new(Vec::new()));
    let mut seen = "0-0-0-0".to_owned();
    loop {
        let (put, id, from) = (told.clone(), id.clone(), seen.clone());
        let (reached, over) = sim.wait(|queue| async move {
            let mut seen: Seen = from.parse().unwrap();
            let mut watch = queue.watch(&id, seen).await.unwrap().unwrap();
            let mut count = 0;
            while !watch.is_over() {
                for (at, event) in watch.next(&queue, 1_000).await.unwrap() {
                    if count == events_max {
                        return (seen.to_string(), false);
                    }
                    put.borrow_mut().push(words(event));
                    seen = at;
                    count += 1;
                }
            }
            (seen.to_string(), true)
        });
        seen = reached;
        if over {
            return told.take();
        }
    }
}

fn words(event: Event<'_>) -> String {
    match event {
        Event::State(view) => format!("{} {}", view.state, view.attempt),
        Event::Progress(report) => {
            let message = report.message.as_deref().unwrap_or("-");
            format!("progress {} {message}", report.progress.as_ref().unwrap())
        }
        Event::Log(line) => line.message.clone(),
    }
}

fn without_jitter(sim: &Sim, args: Value, delay_ms: u64) -> TaskSpec {
    TaskSpec {
        not_before_ms: (delay_ms > 0).then(|| sim.now_ms() + delay_ms),
        retry: RetryPolicy {
            attempts: 2,
            ..RetryPolicy::default()
        },
        ..task("a", args)
    }
}

#[test]
fn every_change_is_told_once_wherever_the_watch_breaks_off() {
    let args = json!({
        "progress": 0.5, "message": "half", "logs": 2, "sleep_ms": 1_500, "fail_times": 1, "after_ms": 2_000,
    });
    let expected = [
        "scheduled 0",
        "running 1",
        "attempt 1 line 1",
        "attempt 1 line 2",
        "progress 0.5 half",
        "retrying 1",
        "running 2",
        "attempt 2 line 1",
        "attempt 2 line 2",
        "succeeded 2",
    ];
    for events_max in [1, 2, 3, 4, 100] {
        let sim = Sim::new(events_max as u64);
        let id = sim.enqueue_one(without_jitter(&sim, args.clone(), 5_000));
        let told = watch(&sim, &id, events_max);
        // A task that is due waits for a moment before it runs.
        let told: Vec<_> = told.iter().filter(|t| *t != "queued 0").collect();
        assert_eq!(told, expected, "{events_max}");
    }
}

#[test]
fn of_what_is_over_only_what_is_kept_is_told() {
    let sim = Sim::new(1);
    let id = sim.enqueue_one(task("a", json!({"logs": 130, "progress": 1})));
    sim.run_for(20_000);
    let told = watch(&sim, &id, 7);
    assert_eq!(told.len(), 100 + 2);
    assert_eq!(told[0], "attempt 1 line 31");
    assert_eq!(told[100..], ["progress 1 -", "succeeded 1"]);
}

#[test]
fn who_saw_the_end_sees_nothing_more() {
    let sim = Sim::new(2);
    let id = sim.enqueue_one(task("a", json!({})));
    sim.run_for(1_000);
    let last = sim.wait(|queue| {
        let id = id.clone();
        async move {
            let mut watch = queue.watch(&id, Seen::default()).await.unwrap().unwrap();
            assert!(!watch.is_over());
            let events = watch.next(&queue, 0).await.unwrap();
            events.last().unwrap().0
        }
    });
    let over = sim.wait(|queue| async move {
        let watch = queue.watch(&id, last).await.unwrap().unwrap();
        watch.is_over()
    });
    assert!(over);
}

#[test]
fn a_lost_worker_and_its_successor_are_seen() {
    let sim = Sim::new(3);
    let id = sim.enqueue_one(TaskSpec {
        timeout_ms: 3_000,
        ..task("a", json!({"logs": 1, "sleep_ms": 1_500}))
    });
    sim.run_for(1_200);
    sim.alive().iter().for_each(|w| w.kill());
    let told = watch(&sim, &id, 1);
    let expected = [
        "running 1",
        "attempt 1 line 1",
        "running 1",
        "attempt 1 line 1",
        "succeeded 1",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_quiet_watch_looks_less_and_less_often() {
    let sim = Sim::new(4);
    let id = sim.enqueue_one(task("a", json!({"hang": true})));
    sim.run_for(2_000);
    let before = Rc::new(RefCell::new(String::new()));
    let name = before.clone();
    sim.record();
    let watching = sim.spawn(|instance, queue| async move {
        name.borrow_mut().clone_from(&instance.name);
        let mut watch = queue.watch(&id, Seen::default()).await.unwrap().unwrap();
        for _ in 0..20 {
            watch.next(&queue, 1_000).await.unwrap();
        }
    });
    assert!(sim.run_until(30_000, || watching.is_done()));
    let calls = sim
        .record()
        .iter()
        .filter(|l| l.who == *before.borrow())
        .count();
    println!("20 s: {calls} calls");
    // Some 80 looks at four keys, and one at the register each second.
    assert!(calls < 500, "{calls}");
}
