//! Retrying all failed tasks.

use super::{HOUR_MS, MINUTE_MS, discard, fail, failing, left, list, page};
use crate::support::{Action, Sim, When};
use handoff_queue::{BulkResult, Receipt, State, every};

fn sweep(sim: &Sim, before: Option<u64>, most_ms: u64) -> BulkResult<Receipt> {
    let end_ms = sim.now_ms() + most_ms;
    sim.wait(|queue| async move {
        let swept = queue
            .retry_failed(&every, before, end_ms, None)
            .await
            .unwrap();
        queue.wake_for(&swept.done, || 8).await.unwrap();
        swept
    })
}

#[test]
fn all_are_retried_in_as_many_calls_as_it_takes() {
    let sim = Sim::new(10);
    let ids = fail(&sim, 50);
    let (mut next, mut retried, mut calls) = (None, Vec::new(), 0);
    loop {
        // No call has time for more than a page.
        let swept = sweep(&sim, next, 0);
        // They fail again, and are not retried in this round.
        sim.run_for(1_000);
        retried.extend(swept.done.tasks);
        calls += 1;
        next = swept.next;
        if next.is_none() {
            break;
        }
    }
    assert!(calls > 2, "{calls}");
    let of: Vec<_> = retried
        .iter()
        .filter_map(|task| task.retry_of.clone())
        .collect();
    assert_eq!(of, ids.iter().rev().cloned().collect::<Vec<_>>());
    let listed = list(&sim);
    assert_eq!(listed.len(), 50);
    assert!(ids.iter().all(|id| !listed.contains(id)));
}

#[test]
fn two_who_retry_all_at_once_make_one_task_of_each() {
    for seed in 1..30 {
        let sim = Sim::new(seed);
        fail(&sim, 8);
        sim.world.faults.yields.set(5_000);
        let end_ms = sim.now_ms() + 60_000;
        let both: Vec<_> = (0..2)
            .map(|_| {
                sim.spawn(|_, queue| async move {
                    queue
                        .retry_failed(&every, None, end_ms, None)
                        .await
                        .unwrap()
                })
            })
            .collect();
        sim.run_for(60_000);
        let done = both.iter().map(|one| one.take().unwrap().done);
        let tasks: Vec<_> = done.flat_map(|receipt| receipt.tasks).collect();
        assert_eq!(tasks.len(), 8, "seed {seed}");
        // The first runs failed, and so did one more of each.
        sim.run_with_ticks(60_000, 5_000);
        for i in 0..8 {
            assert_eq!(sim.began(&format!("t{i}")).len(), 2, "seed {seed}");
        }
    }
}

/// Whoever retries all dies or is failed by the store: what it did is done, and repeating it does the rest.
#[test]
fn a_retry_of_all_that_is_cut_short_is_repeated() {
    for at in 1..80 {
        for action in [Action::Kill(When::After), Action::Fail(When::Before)] {
            let sim = Sim::new(11);
            fail(&sim, 3);
            let mut calls = 0;
            // The last of these numbers are behind its last call.
            sim.world.faults.script_that_may_pass(move |call| {
                calls += u64::from(call.by_client());
                if calls == at { action } else { Action::Pass }
            });
            let end_ms = sim.now_ms() + 60_000;
            sim.spawn(
                |_, queue| async move { queue.retry_failed(&every, None, end_ms, None).await },
            );
            sim.run_for(1_000);
            sim.world.faults.no_script();
            while sweep(&sim, None, 60_000).next.is_some() {}
            sim.run_with_ticks(180_000, 5_000);
            for i in 0..3 {
                let began = sim.began(&format!("t{i}")).len();
                // What was retried before the repetition may have failed again by then.
                assert!((2..=3).contains(&began), "{action:?} at {at}: {began}");
            }
        }
    }
}

#[test]
fn those_behind_many_that_were_discarded_are_found() {
    let sim = Sim::new(12);
    let old = fail(&sim, 1).remove(0);
    let many: Vec<_> = (0..1_100).map(|i| failing(&format!("m{i}"))).collect();
    let (some, rest) = many.split_at(1_000);
    let mut ids = sim.enqueue(some.to_vec());
    ids.extend(sim.enqueue(rest.to_vec()));
    sim.until_state(ids.last().unwrap(), State::Failed, 60_000);
    sim.run_for(1_000);
    for id in &ids {
        discard(&sim, id);
    }
    let first = page(&sim, None, 20);
    assert!(first.tasks.is_empty());
    let second = page(&sim, first.next, 20);
    assert_eq!(second.tasks[0].0, old);
    assert_eq!(second.next, None);

    // Old numbers that stand for nothing any more are not looked at for good.
    sim.run_with_ticks(4 * HOUR_MS, 5 * MINUTE_MS);
    sim.world.store.take_calls();
    assert_eq!(page(&sim, None, 20).next, None);
    let calls = sim.world.store.take_calls();
    assert_eq!((calls.writes, calls.reads), (0, 2));
    assert_eq!(left(&sim), Vec::<String>::new());
}
