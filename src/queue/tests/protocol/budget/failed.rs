//! What the failed list costs.

use super::{cost_of, tasks};
use crate::pages::page;
use crate::support::{Sim, set};
use handoff_queue::every;

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
            let page =
                sim.wait(|queue| async move { queue.failed(&every, None, 20).await.unwrap() });
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
        let found = |i: usize, what: &str| {
            let (id, of) = (ids[i].clone(), sim.view(&ids[i]).unwrap().task);
            let found = cost_of(&sim, |sim| {
                sim.wait(|queue| async move { queue.retry_of(&id, &of).await.unwrap() });
            });
            page(what, &found, 0);
        };
        found(2, "find the retry of a failed task");
        found(3, "find no retry of a failed task");
        println!(
            "of {failed} that failed: a page {listed:?}, discard {discard:?}, retry {first:?}, again {again:?}"
        );
        page("a page of k failed tasks", &listed, 20);
        page("discard a failed task", &discard, 0);
        page("retry a failed task", &first, 0);
        page("retry a failed task again", &again, 0);
    }
}
