//! Pausing, resuming and emptying a queue.

use crate::support::{Action, Sim, When, computing, task};
use handoff_queue::{State, TaskSpec, Waiting, Wake};
use serde_json::json;

fn pause(sim: &Sim) {
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
}

fn resume(sim: &Sim) {
    sim.wait(|queue| async move { queue.resume().await.unwrap() });
}

fn purge(sim: &Sim) -> u64 {
    sim.wait(|queue| async move {
        let mut purged = 0;
        loop {
            match queue.purge(&mut Waiting::all()).await.unwrap() {
                0 => return purged,
                some => purged += some,
            }
        }
    })
}

fn waiting(sim: &Sim) -> u64 {
    sim.wait(|queue| async move { queue.depth().await.unwrap() })
        .waiting
}

fn tasks(names: &str, count: usize) -> Vec<TaskSpec> {
    (0..count)
        .map(|i| task(&format!("{names}{i}"), json!({})))
        .collect()
}

#[test]
fn a_paused_queue_takes_tasks_in_and_runs_none() {
    let sim = Sim::new(1);
    let long = sim.enqueue_one(task("long", json!({"sleep_ms": 20_000})));
    sim.run_for(1_000);
    pause(&sim);
    pause(&sim);
    let mut ids = sim.enqueue(tasks("t", 30));
    let soon = Some(sim.now_ms() + 5_000);
    let delayed = TaskSpec {
        not_before_ms: soon,
        ..task("delayed", json!({}))
    };
    ids.push(sim.enqueue_one(delayed));
    let workers = sim.world.workers.borrow().len();
    sim.run_with_ticks(60_000, 10_000);
    assert_eq!(sim.state(&long), State::Succeeded, "what ran goes on");
    for id in &ids {
        assert_eq!(sim.state(id), State::Queued);
    }
    // The delayed one has two slots: its own and that of its delivery.
    assert_eq!(waiting(&sim), 32);
    let woken = sim.world.workers.borrow().len() - workers;
    assert!(
        woken <= 20,
        "{woken} workers were woken for a paused queue in a minute"
    );

    resume(&sim);
    sim.run_for(1_000);
    for id in &ids {
        assert_eq!(sim.state(id), State::Succeeded);
    }
    assert_eq!(sim.began("t7").len(), 1);
    assert_eq!(waiting(&sim), 0);
}

#[test]
fn whoever_pauses_and_resumes_at_once_leaves_it_one_or_the_other() {
    for seed in 1..200 {
        let sim = Sim::new(seed);
        sim.world.faults.yields.set(5_000);
        for _ in 0..3 {
            sim.spawn(|_, queue| async move { queue.pause().await.unwrap() });
            sim.spawn(|_, queue| async move { queue.resume().await.unwrap() });
        }
        sim.run_for(1_000);
        let tasks = sim.enqueue(tasks("t", 3));
        // Whatever they left, the next one has its way.
        pause(&sim);
        assert!(sim.wait(|queue| async move { queue.depth().await.unwrap().paused }));
        resume(&sim);
        sim.run_for(1_000);
        for id in &tasks {
            assert_eq!(sim.state(id), State::Succeeded, "seed {seed}");
        }
    }
}

#[test]
fn a_purge_cancels_what_waits_and_nothing_else() {
    let sim = Sim::new(2);
    let done = sim.enqueue_one(task("done", json!({})));
    let running = sim.enqueue_one(task("running", json!({"sleep_ms": 9_000})));
    let later = TaskSpec {
        not_before_ms: Some(sim.now_ms() + 60_000),
        ..task("later", json!({}))
    };
    let later = sim.enqueue_one(later);
    sim.run_for(1_000);
    pause(&sim);
    let again = sim.enqueue_one(task("again", json!({})));
    let waiting_ids = sim.enqueue(tasks("t", 450));
    assert_eq!(purge(&sim), 451);
    resume(&sim);
    sim.run_for(20_000);
    for id in waiting_ids.iter().chain([&again]) {
        assert_eq!(sim.state(id), State::Cancelled);
    }
    assert_eq!(sim.state(&done), State::Succeeded);
    assert_eq!(sim.state(&running), State::Succeeded);
    assert_eq!(sim.state(&later), State::Scheduled);
    let after = sim.enqueue_one(task("after", json!({})));
    sim.run_for(1_000);
    assert_eq!(sim.state(&after), State::Succeeded);
}

#[test]
fn a_purge_ends_jobs_that_wait_for_their_next_part() {
    let sim = Sim::new(3);
    let id = sim.enqueue_one(computing(
        "job",
        json!({"continues": 50, "sleep_ms": 1_000}),
    ));
    sim.run_for(3_500);
    pause(&sim);
    sim.run_for(3_000);
    assert_eq!(sim.state(&id), State::Queued);
    assert!(sim.began("job").len() > 1);
    assert_eq!(purge(&sim), 1);
    assert_eq!(sim.state(&id), State::Cancelled);
}

/// Whoever purges dies or fails: what it took and did not cancel runs, and nothing is lost.
#[test]
fn a_purge_that_dies_loses_nothing() {
    for action in [
        Action::Kill(When::Before),
        Action::Fail(When::Before),
        Action::KillInPart(1),
        Action::FailInPart(1),
    ] {
        let sim = Sim::new(4);
        pause(&sim);
        let ids = sim.enqueue(tasks("t", 3));
        sim.world.faults.script(move |call| match call.operation {
            "set_many" if call.by_client() => action,
            _ => Action::Pass,
        });
        sim.spawn(|_, queue| async move { queue.purge(&mut Waiting::all()).await });
        sim.settle();
        sim.world.faults.no_script();
        resume(&sim);
        sim.run_with_ticks(180_000, 5_000);
        for (i, id) in ids.iter().enumerate() {
            let state = sim.state(id);
            assert!(
                matches!(state, State::Cancelled | State::Succeeded),
                "{state}"
            );
            let ran = usize::from(state == State::Succeeded);
            assert_eq!(sim.began(&format!("t{i}")).len(), ran);
        }
    }
}

/// Two workers see one task: the second one's ticket is for a slot that is not filled yet.
#[test]
fn a_ticket_for_what_comes_next_is_given_up_when_the_queue_is_paused() {
    for seed in 1..100 {
        let sim = Sim::new(seed);
        sim.world.faults.yields.set(5_000);
        sim.world.faults.slow.set(2_000);
        sim.worker(Wake::Work);
        sim.worker(Wake::Work);
        sim.enqueue_one(task("first", json!({"sleep_ms": 1_000})));
        sim.run_for(20);
        pause(&sim);
        sim.run_for(200);
        let paused_ms = sim.now_ms();
        let ids = sim.enqueue(tasks("t", 3));
        sim.run_for(3_000);
        for (i, id) in ids.iter().enumerate() {
            let began = sim.began(&format!("t{i}"));
            assert!(began.is_empty(), "seed {seed}: {began:?} after {paused_ms}");
            assert_eq!(sim.state(id), State::Queued);
        }
        resume(&sim);
        sim.run_for(3_000);
        for id in &ids {
            assert_eq!(sim.state(id), State::Succeeded, "seed {seed}");
        }
    }
}
