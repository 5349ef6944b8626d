//! Lists of workflows.

use crate::support::{Sim, member, task};
use handoff_queue::{OnFailure, Step, TaskId, Workflow};
use serde_json::json;

/// The ids of a list of workflows, page by page, with how many slots it looked at.
fn listed(sim: &Sim, most: usize) -> (Vec<TaskId>, u64) {
    let (mut ids, mut searched, mut from) = (Vec::new(), 0, None::<Vec<u64>>);
    loop {
        let page =
            sim.wait(|queue| async move { queue.workflows(from.as_deref(), most).await.unwrap() });
        assert!(page.workflows.len() <= most && page.unreadable.is_empty());
        ids.extend(page.workflows.into_iter().map(|(id, _)| id));
        searched += page.searched;
        from = page.next;
        if from.is_none() {
            return (ids, searched);
        }
    }
}

#[test]
fn workflows_are_listed_the_newest_first_with_exact_counts_and_without_other_tasks() {
    let sim = Sim::new(31);
    assert_eq!(listed(&sim, 3), (Vec::new(), 0));
    sim.enqueue_one(task("alone", json!({})));
    assert_eq!(listed(&sim, 3), (Vec::new(), 0), "no lane is read for it");
    let mut ids = Vec::new();
    for i in 0..5 {
        let fails = |n: usize| match n < i {
            true => json!({"fatal": "no use"}),
            false => json!({}),
        };
        let members = (0..6).map(|n| member(&format!("m{n}"), fails(n))).collect();
        let workflow = Workflow {
            steps: vec![Step::Many(members)],
            on_failure: OnFailure::Wait,
            args_max_bytes: 10_000,
        };
        let id = sim.enqueue_one(workflow.task());
        sim.run_for(10_000);
        ids.insert(0, id);
    }
    for most in [1, 2, 100] {
        let (found, searched) = listed(&sim, most);
        assert_eq!(found, ids, "pages of {most}");
        assert!(searched >= 5);
    }
    let page = sim.wait(|queue| async move { queue.workflows(None, 10).await.unwrap() });
    for (i, (_, view)) in page.workflows.iter().rev().enumerate() {
        assert_eq!(view.total, 6);
        assert_eq!(view.ended.failed, i as u64);
        assert_eq!(view.ended.succeeded, 6 - i as u64);
    }
    assert!(page.back_to_ms.is_some_and(|ms| ms < sim.now_ms() - 40_000));
}
