//! What lists of tasks cost.

use super::{cost_of, tasks};
use crate::pages::page;
use crate::support::Sim;
use handoff_queue::{State, every};

#[test]
fn a_page_of_tasks_however_many_there_are() {
    for many in [32, 2_000] {
        let sim = Sim::new(3);
        for from in (0..many).step_by(1_000) {
            sim.enqueue(tasks((many - from).min(1_000)));
        }
        sim.run_for(60_000);
        sim.world.faults.wake_fails.set(1_000);
        let listed = |state: Option<State>| {
            cost_of(&sim, |sim| {
                let page =
                    sim.wait(
                        |queue| async move { queue.list(state, &every, None, 32).await.unwrap() },
                    );
                assert_eq!(page.tasks.len(), 32);
            })
        };
        page("a page of k tasks", &listed(None), 32);
        let succeeded = listed(Some(State::Succeeded));
        page("a page of k tasks in one state", &succeeded, 32);
    }
}
