//! Chains, groups and chords.

use crate::support::{Action, Sim, When, member, parts};
use handoff_queue::{
    Cancelled, Counts, Json, Limits, Member, OnFailure, State, Step, TaskId, TaskSpec, Waiting,
    Workflow,
};
use serde_json::{Value, json};

const ARGS_MAX: u64 = 10_000;

fn workflow(steps: Vec<Step>, on_failure: OnFailure) -> TaskSpec {
    let workflow = Workflow {
        steps,
        on_failure,
        args_max_bytes: ARGS_MAX,
    };
    workflow.task()
}

fn chain(members: Vec<Member>) -> TaskSpec {
    workflow(
        members.into_iter().map(Step::One).collect(),
        OnFailure::Fail,
    )
}

fn group(n: usize, args: impl Fn(usize) -> Value) -> Step {
    Step::Many((0..n).map(|i| member(&format!("m{i}"), args(i))).collect())
}

fn counts(sim: &Sim, id: &TaskId) -> (u64, Counts) {
    let id = id.clone();
    let view = sim.wait(|queue| async move { queue.workflow(&id).await.unwrap().unwrap() });
    (view.total, view.ended)
}

fn succeeded(n: u64) -> Counts {
    Counts {
        succeeded: n,
        ..Counts::default()
    }
}

#[test]
fn what_a_step_of_a_chain_returns_is_given_to_the_next() {
    let sim = Sim::new(1);
    let echo = |name: &str, into: Option<&str>| Member {
        into: into.map(str::to_owned),
        ..member(name, json!({"echo": into.unwrap_or("input")}))
    };
    let id = sim.enqueue_one(chain(vec![
        member("one", json!({"then": {"a": 1}})),
        echo("two", None),
        echo("three", Some("said")),
    ]));
    let took_ms = sim.until_state(&id, State::Succeeded, 3_000);
    println!("a chain of three took {took_ms} ms");
    assert_eq!(sim.view(&id).unwrap().result, Some(json!({"a": 1}).into()));
    assert_eq!(counts(&sim, &id), (3, succeeded(3)));
    for name in ["one", "two", "three"] {
        assert_eq!(sim.began(name).len(), 1, "{name}");
    }
}

#[test]
fn a_step_without_arguments_is_given_the_result_as_such() {
    let sim = Sim::new(1);
    let id = sim.enqueue_one(chain(vec![
        member("one", json!({"then": {"name": "two", "then": 7}})),
        Member {
            args: None,
            ..member("two", json!({}))
        },
    ]));
    sim.until_state(&id, State::Succeeded, 3_000);
    assert_eq!(sim.view(&id).unwrap().result, Some(json!(7).into()));
}

#[test]
fn a_step_may_ignore_what_came_before() {
    let sim = Sim::new(1);
    let long = "x".repeat(20_000);
    let id = sim.enqueue_one(chain(vec![
        member("one", json!({"then": long})),
        Member {
            ignores: true,
            ..member("two", json!({"echo": "input"}))
        },
    ]));
    sim.until_state(&id, State::Succeeded, 3_000);
    assert_eq!(sim.view(&id).unwrap().result, Some(Json::null()));
}

#[test]
fn a_step_that_fails_ends_the_chain() {
    let sim = Sim::new(1);
    let id = sim.enqueue_one(chain(vec![
        member("one", json!({})),
        member("two", json!({"fatal": "no use"})),
        member("three", json!({})),
    ]));
    sim.until_state(&id, State::Failed, 3_000);
    let error = sim.view(&id).unwrap().errors.remove(0).error;
    assert!(error.starts_with("step 1, test-"), "{error}");
    assert!(error.ends_with(", failed: no use"), "{error}");
    sim.run_for(30_000);
    assert!(sim.began("three").is_empty());
    let failed = Counts {
        succeeded: 1,
        failed: 1,
        ..Counts::default()
    };
    assert_eq!(counts(&sim, &id), (3, failed));
}

#[test]
fn a_group_ends_when_all_have() {
    for n in [1, 2, 1_000, 2_500] {
        let sim = Sim::new(1);
        let id = sim.enqueue_one(workflow(vec![group(n, |_| json!({}))], OnFailure::Fail));
        let took_ms = sim.until_state(&id, State::Succeeded, 60_000);
        println!("{n} took {took_ms} ms");
        let result = sim.view(&id).unwrap().result;
        assert_eq!(result, Some(json!({"succeeded": n}).into()));
        assert_eq!(counts(&sim, &id), (n as u64, succeeded(n as u64)));
        assert_eq!(sim.world.began.borrow().len(), n);
    }
}

#[test]
fn progress_counts_those_that_have_ended() {
    let sim = Sim::new(1);
    let slow = |i: usize| json!({"sleep_ms": if i < 30 { 0 } else { 4_000 }});
    let id = sim.enqueue_one(workflow(vec![group(50, slow)], OnFailure::Fail));
    sim.run_for(3_000);
    assert_eq!(sim.state(&id), State::Running);
    assert_eq!(counts(&sim, &id), (50, succeeded(30)));
    sim.until_state(&id, State::Succeeded, 60_000);
}

#[test]
fn what_follows_a_group_is_given_all_results_in_order() {
    let sim = Sim::new(1);
    let id = sim.enqueue_one(workflow(
        vec![
            group(40, |i| json!({"then": i, "sleep_ms": (41 - i) * 10})),
            Step::One(member("then", json!({"echo": "results"}))),
        ],
        OnFailure::Fail,
    ));
    sim.until_state(&id, State::Succeeded, 10_000);
    let result = sim.view(&id).unwrap().result;
    assert_eq!(result, Some(json!((0..40).collect::<Vec<_>>()).into()));
    assert_eq!(counts(&sim, &id), (40, succeeded(40)));
}

#[test]
fn a_failure_ends_a_group_at_once_and_the_others_do_not_begin() {
    let sim = Sim::new(1);
    let args = |i: usize| match i {
        3 => json!({"fatal": "no use"}),
        _ => json!({"sleep_ms": 30_000}),
    };
    let steps = vec![group(500, args), Step::One(member("then", json!({})))];
    let id = sim.enqueue_one(workflow(steps, OnFailure::Fail));
    sim.until_state(&id, State::Failed, 10_000);
    let error = sim.view(&id).unwrap().errors.remove(0).error;
    assert!(error.starts_with("task 3 of 500, test-"), "{error}");
    assert!(error.ends_with(", failed: no use"), "{error}");
    sim.run_for(100_000);
    assert!(sim.began("then").is_empty());
    let (total, ended) = counts(&sim, &id);
    assert_eq!((total, ended.failed), (500, 1), "{ended:?}");
    assert!(ended.cancelled > 0, "{ended:?}");
    let all = ended.succeeded + ended.failed + ended.cancelled;
    assert_eq!(all, 500, "{ended:?}");
}

#[test]
fn what_follows_a_group_may_be_told_who_failed() {
    let sim = Sim::new(1);
    let args = |i: usize| match i {
        1 => json!({"fatal": "no use"}),
        _ => json!({"then": i}),
    };
    let then = Step::One(member("then", json!({"echo": "errors"})));
    let id = sim.enqueue_one(workflow(vec![group(3, args), then], OnFailure::Wait));
    sim.until_state(&id, State::Succeeded, 10_000);
    let failed = json!({"state": "failed", "error": "no use"});
    let errors = Some(json!([null, failed, null]).into());
    assert_eq!(sim.view(&id).unwrap().result, errors);
    let ended = Counts {
        succeeded: 2,
        failed: 1,
        ..Counts::default()
    };
    assert_eq!(counts(&sim, &id), (3, ended));
}

#[test]
fn a_group_that_waits_for_all_fails_in_the_end() {
    let sim = Sim::new(1);
    let args = |i: usize| match i % 2 {
        1 => json!({"fatal": "no use"}),
        _ => json!({"sleep_ms": 3_000}),
    };
    let id = sim.enqueue_one(workflow(vec![group(5, args)], OnFailure::Wait));
    let took_ms = sim.until_state(&id, State::Failed, 10_000);
    assert!(took_ms >= 3_000);
    let error = sim.view(&id).unwrap().errors.remove(0).error;
    assert!(
        error.starts_with("2 of 5 did not succeed; task 1 of 5, "),
        "{error}"
    );
}

#[test]
fn results_that_are_too_much_for_what_follows_fail_the_workflow() {
    let sim = Sim::new(1);
    let long = "x".repeat(3_000);
    let steps = vec![
        group(4, |_| json!({"then": long})),
        Step::One(member("then", json!({}))),
    ];
    let id = sim.enqueue_one(workflow(steps, OnFailure::Fail));
    sim.until_state(&id, State::Failed, 10_000);
    let error = sim.view(&id).unwrap().errors.remove(0).error;
    assert!(error.contains("10000 bytes"), "{error}");
    let long = "x".repeat(9_990);
    let id = sim.enqueue_one(chain(vec![
        member("one", json!({"then": long})),
        member("two", json!({})),
    ]));
    sim.until_state(&id, State::Failed, 10_000);
    let error = sim.view(&id).unwrap().errors.remove(0).error;
    assert!(error.contains("10000 are allowed"), "{error}");
    assert!(sim.began("two").is_empty());
}

#[test]
fn a_workflow_that_is_cancelled_cancels_what_it_enqueued() {
    let sim = Sim::new(1);
    let steps = vec![group(300, |_| json!({"until_cancelled": true}))];
    let id = sim.enqueue_one(workflow(steps, OnFailure::Fail));
    sim.run_for(2_000);
    let it = id.clone();
    let cancelled = sim.wait(|queue| async move { queue.cancel(&it).await.unwrap() });
    assert_eq!(cancelled, Cancelled::Done);
    assert_eq!(sim.state(&id), State::Cancelled);
    sim.run_for(30_000);
    let (total, ended) = counts(&sim, &id);
    assert_eq!((total, ended.cancelled), (300, 300), "{ended:?}");
}

#[test]
fn a_member_that_is_cancelled_has_failed() {
    let sim = Sim::new(1);
    let args = |i: usize| json!({"sleep_ms": 100, "until_cancelled": if i == 1 { json!(true) } else { Value::Null }});
    let id = sim.enqueue_one(workflow(vec![group(3, args)], OnFailure::Wait));
    sim.run_for(2_000);
    let it = id.clone();
    let (members, more) =
        sim.wait(|queue| async move { queue.members(&it, 1, 1).await.unwrap().unwrap() });
    assert!(more);
    let (member, view) = members[0].task.clone().unwrap();
    assert_eq!(view.unwrap().task.member_of.unwrap().index, 1);
    sim.wait(|queue| async move { queue.cancel(&member).await.unwrap() });
    sim.until_state(&id, State::Failed, 10_000);
    let ended = Counts {
        succeeded: 2,
        cancelled: 1,
        ..Counts::default()
    };
    assert_eq!(counts(&sim, &id), (3, ended));
}

/// The worker dies with each of its first outcomes: whoever runs a member again counts it again.
#[test]
fn what_is_delivered_twice_counts_once() {
    let sim = Sim::new(1);
    let mut deaths = 0;
    sim.world.faults.script(move |call| {
        let ends = parts(call.key).0 == "o" && call.changes > 0 && deaths < 4;
        if ends && call.by_worker() && call.now_ms % 7 == 0 {
            deaths += 1;
            return Action::Kill(When::Before);
        }
        Action::Pass
    });
    let steps = vec![
        group(20, |i| json!({"sleep_ms": i, "then": i})),
        Step::One(member("then", json!({"echo": "results"}))),
    ];
    let id = sim.enqueue_one(workflow(steps, OnFailure::Fail));
    sim.run_with_ticks(200_000, 5_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    assert_eq!(counts(&sim, &id), (20, succeeded(20)));
    let result = sim.view(&id).unwrap().result;
    assert_eq!(result, Some(json!((0..20).collect::<Vec<_>>()).into()));
}

/// Cancels member `index` of a workflow, as a client does.
fn cancel_member(sim: &Sim, workflow: &TaskId, index: usize) -> TaskId {
    let it = workflow.clone();
    sim.wait(move |queue| async move {
        let members = queue.members(&it, index, 1).await.unwrap().unwrap().0;
        let (member, _) = members[0].task.clone().unwrap();
        assert_eq!(queue.cancel(&member).await.unwrap(), Cancelled::Done);
        queue.push_along(true).await.unwrap();
        member
    })
}

/// A member that waits behind a hundred others is cancelled: the group ends, and none of them runs for nothing.
#[test]
fn a_group_waits_for_nobody_to_come_to_the_member_that_was_cancelled() {
    let sim = Sim::new(1);
    sim.world.queue_limits.set(Limits {
        concurrency: Some(1),
        ..Limits::default()
    });
    let steps = vec![group(100, |_| json!({"sleep_ms": 1_000}))];
    let id = sim.enqueue_one(workflow(steps, OnFailure::Fail));
    sim.run_for(1_500);
    cancel_member(&sim, &id, 90);
    sim.run_for(1_000);
    assert_eq!(sim.state(&id), State::Failed);
    let (total, ended) = counts(&sim, &id);
    assert!(ended.cancelled >= 96, "{ended:?} of {total}");
    sim.run_for(10_000);
    assert!(sim.world.began.borrow().len() <= 4);
}

/// While a queue is paused no task begins, and what its tasks' ends are for goes on.
#[test]
fn a_group_ends_in_a_paused_queue() {
    for on_failure in [OnFailure::Fail, OnFailure::Wait] {
        let sim = Sim::new(1);
        sim.wait(|queue| async move { queue.pause().await.unwrap() });
        let steps = vec![group(3, |_| json!({}))];
        let id = sim.enqueue_one(workflow(steps, on_failure));
        sim.run_for(1_000);
        for index in 0..3 {
            cancel_member(&sim, &id, index);
            sim.run_for(1_000);
            if on_failure == OnFailure::Fail {
                break;
            }
        }
        assert_eq!(sim.state(&id), State::Failed);
        assert_eq!(counts(&sim, &id).1.cancelled, 3);
        assert!(sim.world.began.borrow().is_empty());
    }
}

/// What ran goes on while the queue is paused, and the last of it ends the group.
#[test]
fn a_group_whose_members_run_ends_although_the_queue_was_paused() {
    let sim = Sim::new(1);
    let steps = vec![group(3, |_| json!({"sleep_ms": 2_000}))];
    let id = sim.enqueue_one(workflow(steps, OnFailure::Fail));
    sim.run_for(1_000);
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    sim.run_for(2_000);
    assert_eq!(sim.state(&id), State::Succeeded);
}

/// A purge cancels the members that wait, and the group ends as its policy says.
#[test]
fn a_group_ends_when_its_members_are_purged_from_a_paused_queue() {
    let sim = Sim::new(1);
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    let steps = vec![group(5, |_| json!({}))];
    let id = sim.enqueue_one(workflow(steps, OnFailure::Wait));
    sim.run_for(1_000);
    let purged = sim.wait(|queue| async move {
        let purged = queue.purge(&mut Waiting::all()).await.unwrap();
        queue.push_along(true).await.unwrap();
        purged
    });
    assert_eq!(purged, 5);
    sim.run_for(1_000);
    assert_eq!(sim.state(&id), State::Failed);
    assert_eq!(counts(&sim, &id).1.cancelled, 5);
}
