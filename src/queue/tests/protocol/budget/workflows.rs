//! What the tasks of workflows cost.

use super::{cost_of, two_minutes};
use crate::pages::page_each;
use crate::support::{Sim, member};
use handoff_queue::memory::Calls;
use handoff_queue::{OnFailure, State, Step, Workflow};
use serde_json::json;

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
