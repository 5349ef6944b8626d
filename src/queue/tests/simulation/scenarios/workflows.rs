//! Chains and groups.

use super::{Scenario, race, scenario};
use handoff_queue::OnFailure;
use serde_json::json;

pub(super) const SCENARIOS: &[Scenario] = &[
    scenario("a chain", |s| {
        s.works(&[&[json!({"unique": true})], &[json!({})]], OnFailure::Fail);
        s.run_for(4_000);
    }),
    scenario(
        "the last two of a group end at once, and one task follows",
        |s| {
            let two = [json!({"unique": true}), json!({"unique": true})];
            s.works(&[&two, &[json!({})]], OnFailure::Wait);
            s.run_for(4_000);
        },
    ),
    scenario("one of a group fails, and another has not begun", |s| {
        let two = [
            json!({"fatal": "no use"}),
            json!({"fail_times": 1, "after_ms": 2_500}),
        ];
        s.works(&[&two, &[json!({})]], OnFailure::Fail);
        s.run_for(5_000);
    }),
    scenario("a group is cancelled", |s| {
        let two = [json!({"sleep_ms": 1_200}), json!({"sleep_ms": 1_200})];
        s.works(&[&two], OnFailure::Fail);
        s.run_for(300);
        s.cancels();
    }),
    scenario("a member of a group is cancelled in a paused queue", |s| {
        s.pauses();
        s.works(&[&[json!({}), json!({}), json!({})]], OnFailure::Fail);
        s.run_for(200);
        let confirmed = s.cancels_member(1);
        s.run_for(3_000);
        s.comes_to_be("the group waits while the queue is paused", |s| {
            let members = s.members();
            !confirmed.get() || members.iter().all(|member| member.1.is_final())
        });
        s.resumes();
    }),
    race(
        "members that are counted while their workflow is about to wait",
        |s| {
            let two = [json!({"unique": true}), json!({"unique": true})];
            s.works(&[&two, &[json!({})]], OnFailure::Fail);
            s.run_for(3_000);
        },
    ),
    race("a workflow whose turn others take for lost", |s| {
        s.works(&[&[json!({"unique": true})], &[json!({})]], OnFailure::Fail);
        s.run_with_ticks(45_000, 15_000);
    }),
];
