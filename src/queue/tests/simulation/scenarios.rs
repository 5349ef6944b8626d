//! Short scenarios: the actions of clients, and their times.

use super::load::follow_up;
use super::schedules::schedule;
use super::stage::{Stage, is_of_a_task};
use crate::support::{Action, START_MS, When, parts, run_name};
use handoff_queue::{
    CLOCK_SLACK_MS, Missed, OnFailure, Priority, RETENTION_MIN_MS, Schedule, TaskSpec, WINDOW_MS,
};
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 1_440 * MINUTE_MS;

/// A scenario.
pub struct Scenario {
    pub name: &'static str,
    pub search: Search,
    pub left: Left,
    pub play: fn(&Stage),
}

/// The search in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// A fault at every place.
    Singles,
    /// A fault at every place, and at every pair of places.
    Pairs,
    /// No fault, but at every place the instance is held until others have come so far.
    Races,
}

/// The keys left after the retention of its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// An instance that outlives retention may leave its slot behind.
    Perhaps,
    NothingAfterHours,
    /// Not even the timer's marks and closed seconds.
    NothingAfterDays,
}

pub static SCENARIOS: [Scenario; 82] = [
    Scenario {
        name: "a task",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| stage.plays(&[json!({})], 3_000),
    },
    Scenario {
        name: "a batch",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| stage.plays(&[json!({}), json!({"sleep_ms": 100}), json!({})], 3_000),
    },
    Scenario {
        name: "the first task with a priority",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| stage.plays_with(Priority::High, json!({}), 3_000),
    },
    Scenario {
        name: "two who are the first to give a task a priority",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.enqueues_with(Priority::High, json!({}));
            stage.plays_with(Priority::Low, json!({}), 3_000);
        },
    },
    Scenario {
        name: "a task with a priority, and its retry, while the last worker leaves",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.enqueues(&[json!({})]);
            stage.sim.run_for(12);
            let args = json!({"fail_times": 1, "after_ms": 600});
            stage.plays_with(Priority::Low, args, 5_000);
        },
    },
    Scenario {
        name: "an enqueuer of a priority that claimers overtake",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.plays_with(Priority::High, json!({"sleep_ms": 2_500}), 100);
            stage.stalls_before_its_slot(1_500, Priority::High);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "a retry",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| stage.plays(&[json!({"fail_times": 1, "after_ms": 600})], 5_000),
    },
    Scenario {
        name: "a retry at once",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| stage.plays(&[json!({"fail_times": 2, "after_ms": 0})], 5_000),
    },
    Scenario {
        name: "a task that fails",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| stage.plays(&[json!({"fatal": "no use"})], 3_000),
    },
    Scenario {
        name: "tasks that fail in their last attempt",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| stage.plays(&[json!({"fail_times": 3, "after_ms": 0}), json!({})], 5_000),
    },
    Scenario {
        name: "a failed task is retried by two and discarded by one",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let failed = stage.fails(json!({"fatal": "no use"}));
            stage.load.retry(&stage.sim, &failed);
            stage.load.retry(&stage.sim, &failed);
            stage.load.discard(&stage.sim, &failed);
            stage.sim.run_for(3_000);
        },
    },
    Scenario {
        name: "all failed tasks are retried, twice at once",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.fails(json!({"fail_times": 3, "after_ms": 0}));
            stage.fails(json!({"fatal": "no use"}));
            stage.load.retry_all(&stage.sim);
            stage.load.retry_all(&stage.sim);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "a task that is always put off",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let mut task = stage.task(json!({"puts_off_ms": 1_000}));
            (task.retry.attempts, task.retry.max_ms) = (1, 100);
            stage.load.enqueue(&stage.sim, vec![task]);
            stage.sim.run_for(200);
            stage.goes_on(30_000);
        },
    },
    Scenario {
        name: "tasks with large arguments behind small ones",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            // All wait when the first worker comes. The small ones teach it to take many at once.
            stage.points.open.set(false);
            stage.pauses();
            let large = || json!({"pad": "x".repeat(200_000), "sleep_ms": 300});
            let small = (0..7).map(|_| json!({}));
            let all: Vec<_> = small.chain((0..6).map(|_| large())).collect();
            stage.enqueues(&all);
            stage.sim.run_for(100);
            stage.points.open.set(true);
            stage.resumes();
            stage.sim.run_for(400);
            stage.goes_on(5_000);
        },
    },
    Scenario {
        name: "a job in parts",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| stage.plays(&[json!({"continues": 3})], 3_000),
    },
    Scenario {
        name: "a delay",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.delays(json!({}), 1_200);
            stage.sim.run_for(4_200);
        },
    },
    Scenario {
        name: "a delay over midnight",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage
                .sim
                .run_for(midnight_ms() - stage.sim.now_ms() - 2_500);
            stage.delays(json!({}), 3_000);
            stage.sim.run_for(6_000);
        },
    },
    Scenario {
        name: "a lost worker",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.enqueues(&[json!({"sleep_ms": 2_000})]);
            stage.sim.run_for(500);
            stage.lose_workers();
            stage.points.open.set(true);
            stage.sim.run_with_ticks(30_000, 5_000);
        },
    },
    Scenario {
        name: "a lost worker that was retrying",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.enqueues(&[json!({"fail_times": 1, "after_ms": 3_000, "sleep_ms": 1_200})]);
            stage.sim.run_for(2_000);
            stage.lose_workers();
            stage.points.open.set(true);
            stage.sim.run_with_ticks(30_000, 5_000);
        },
    },
    Scenario {
        name: "the last worker leaves while one enqueues",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.enqueues(&[json!({})]);
            stage.sim.run_for(12);
            stage.plays(&[json!({})], 3_000);
        },
    },
    Scenario {
        name: "an enqueuer that claimers overtake",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.stalls_in_enqueueing(1_500);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "an enqueuer that is overtaken by claimers that die",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.stalls_in_enqueueing(27_000);
            stage.sim.run_for(500);
            stage.lose_workers();
            stage.sim.run_with_ticks(40_000, 5_000);
        },
    },
    Scenario {
        name: "an enqueuer that comes back after hours",
        search: Search::Singles,
        left: Left::Perhaps,
        play: |stage| {
            stage.stalls_in_enqueueing(3 * 60 * MINUTE_MS);
            stage.points.open.set(false);
            stage.sees_all_final();
            stage
                .sim
                .run_with_ticks(3 * 60 * MINUTE_MS + 1_000, 5 * MINUTE_MS);
            stage.points.open.set(true);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "a slot that is given hours after claimers raced for it",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.enqueues(&[json!({})]);
            stage.sees_all_final();
            stage.takes_a_ticket_too_many();
            stage.sim.run_with_ticks(3 * 60 * MINUTE_MS, 5 * MINUTE_MS);
            stage.points.open.set(true);
            stage.plays(&[json!({})], 3_000);
        },
    },
    Scenario {
        name: "cancelled while it waits",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.enqueues(&[json!({}), json!({}), json!({})]);
            stage.sim.settle();
            stage.cancels();
        },
    },
    Scenario {
        name: "cancelled while it retries",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.enqueues(&[json!({"fail_times": 1, "after_ms": 3_000})]);
            stage.sim.run_for(1_000);
            stage.cancels();
        },
    },
    Scenario {
        name: "deleted after its retention",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.enqueues(&[json!({}), json!({"continues": 2}), json!({"fail_times": 1})]);
            stage.sees_all_final();
            stage
                .sim
                .run_with_ticks(RETENTION_MIN_MS + 10 * MINUTE_MS, 10 * MINUTE_MS);
            stage.points.open.set(true);
            stage.sim.run_with_ticks(15 * MINUTE_MS, 5 * MINUTE_MS);
        },
    },
    Scenario {
        name: "cancelled when its worker may have died while it put a far retry into the timer",
        search: Search::Singles,
        left: Left::NothingAfterDays,
        play: |stage| {
            places_until_its_outcome(stage);
            stage.plays(&[json!({"fail_times": 1, "after_ms": 58 * MINUTE_MS})], 100);
            stage.points.open.set(false);
            stage.cancels();
            stage.sees_all_final();
            // Otherwise it ends when the retry is due: in another hour, before its retention is
            // over.
            stage.goes_on(57 * MINUTE_MS + 30_000);
        },
    },
    Scenario {
        name: "an enqueuer that comes back just in time",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.stalls_before_its_slot(29_000, Priority::Normal);
            stage.sim.settle();
            stage.goes_on(28_900);
            stage.points.open.set(true);
            stage.sim.run_for(200);
            stage.goes_on(10_000);
        },
    },
    Scenario {
        name: "a task that kills its instance",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            let killer = stage.task(json!({"sleep_ms": 1_200, "traps": true}));
            let beside = || stage.task(json!({"sleep_ms": 1_500}));
            let mut tasks = vec![beside(), killer, beside()];
            tasks.iter_mut().for_each(|task| task.retry.attempts = 1);
            stage.load.enqueue(&stage.sim, tasks);
            stage.sim.run_with_ticks(15_000, 5_000);
            stage.points.open.set(true);
            stage.sim.run_with_ticks(10_000, 5_000);
            stage.goes_on(60_000);
        },
    },
    Scenario {
        name: "the last worker leaves while one enqueues, and nobody keeps the queue",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            // A keeper found nothing to do in this window, and is gone.
            stage.points.open.set(false);
            stage
                .sim
                .run_for(WINDOW_MS - stage.sim.now_ms() % WINDOW_MS);
            stage.sim.tick();
            stage.sim.run_for(500);
            stage.points.open.set(true);
            stage.enqueues(&[json!({})]);
            stage.sim.run_for(12);
            stage.plays(&[json!({})], 1_000);
        },
    },
    Scenario {
        name: "cancelled between two parts, of which nobody announced the second",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.script(|call, _| {
                let ends = parts(call.key).0 == "o" && call.instance.name.starts_with("worker");
                match ends {
                    true => Action::Kill(When::After),
                    false => Action::Pass,
                }
            });
            stage.plays(&[json!({"continues": 1})], 100);
            stage.script(|_, _| Action::Pass);
            stage.points.open.set(true);
            stage.cancels();
            stage.goes_on(30_000);
        },
    },
    Scenario {
        name: "cancelled while it is deleted",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.delays(json!({}), 1_000);
            stage.sees_all_final();
            let deletes = Rc::new(Cell::new(false));
            let seen = deletes.clone();
            stage.script(move |call, points| {
                if call.operation == "delete_many" && is_of_a_task(call.key) {
                    points.open.set(true);
                    seen.set(true);
                }
                Action::Pass
            });
            let ms = RETENTION_MIN_MS + 20 * MINUTE_MS;
            for _ in 0..ms / 5_000 {
                if stage.sim.run_until(5_000, || deletes.get()) {
                    break;
                }
                stage.sim.tick();
            }
            stage.cancels();
        },
    },
    Scenario {
        name: "an owner that others take for lost",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            stage.plays(&[json!({})], 100);
            stage.goes_on(22_000);
        },
    },
    Scenario {
        name: "a second owner that others take for lost",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            stage.points.open.set(false);
            stage.plays(
                &[json!({"fail_times": 1, "after_ms": 300, "sleep_ms": 1_000})],
                1_700,
            );
            // Its second attempt is due.
            stage.points.open.set(true);
            stage.sim.run_for(200);
            stage.goes_on(22_000);
        },
    },
    Scenario {
        name: "tasks for a worker that is there",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            stage.points.open.set(false);
            stage.plays(&[json!({"sleep_ms": 1_500})], 100);
            stage.points.open.set(true);
            stage.enqueues(&[json!({})]);
            stage.plays_with(Priority::High, json!({}), 3_000);
        },
    },
    Scenario {
        name: "cancelled while it is taken",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            stage.enqueues(&[json!({})]);
            stage
                .sim
                .run_until(1_000, || !stage.load.asked().is_empty());
            stage.cancels();
        },
    },
    Scenario {
        name: "cancelled while it ends",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            stage.points.open.set(false);
            stage.plays(&[json!({"sleep_ms": 500})], 495);
            stage.points.open.set(true);
            stage.cancels();
        },
    },
    Scenario {
        name: "cancelled while it goes on in another instance",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            stage.points.open.set(false);
            stage.plays(&[json!({"continues": 1, "sleep_ms": 300})], 295);
            stage.points.open.set(true);
            stage.cancels();
        },
    },
    Scenario {
        name: "three clients at once with one key",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            stage.keyed(150 * MINUTE_MS, 3);
            stage.sim.run_for(3_000);
        },
    },
    Scenario {
        name: "a retry that the timer passes at midnight",
        search: Search::Races,
        left: Left::Perhaps,
        play: retries_over_midnight,
    },
    Scenario {
        name: "a task that waited for long when it was taken",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            stage.points.open.set(false);
            // A keeper stays for this one.
            stage.delays(json!({}), 25_000);
            stage.sim.run_for(12_000);
            stage.points.open.set(true);
            stage.sim.run_for(2_000);
            stage.points.open.set(false);
            // No worker is woken for this one.
            stage.sim.world.faults.wake_fails.set(1_000);
            stage.plays(&[json!({"sleep_ms": 2_500})], 9_000);
            stage.sim.world.faults.wake_fails.set(0);
            stage.sim.run_with_ticks(6_000, 1_000);
        },
    },
    Scenario {
        name: "a run of its whole timeout, and clocks that are ahead",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let long = TaskSpec {
                timeout_ms: 12_000,
                ..stage.task(json!({"sleep_ms": 11_900}))
            };
            stage.load.enqueue(&stage.sim, vec![long]);
            stage.sim.run_for(20);
            stage.points.open.set(false);
            // Its worker's clock is right, and its last write is slow. Each later worker has a
            // clock of its own.
            stage.sim.world.faults.skew_ms.set(CLOCK_SLACK_MS - 1);
            let ends_ms = stage.sim.now_ms() + 11_000;
            stage.script(move |call, _| {
                let last = call.now_ms > ends_ms && call.operation == "set";
                match last && call.instance.name.starts_with("worker") {
                    true => Action::Slow(1_900),
                    false => Action::Pass,
                }
            });
            stage.sim.run_with_ticks(45_000, 500);
        },
    },
    Scenario {
        name: "a run that is longer than it may be silent",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            runs_long(stage);
            stage.sim.run_for(9_500);
            stage.points.open.set(true);
            stage.sim.run_for(7_500);
            stage.points.open.set(false);
            stage.sim.run_for(12_000);
        },
    },
    Scenario {
        name: "a long run that one keeper hands over to the next",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            let mut limits = stage.sim.world.limits.get();
            limits.budget_ms = 12_000;
            stage.sim.world.limits.set(limits);
            runs_long(stage);
            stage.sim.run_for(11_500);
            stage.points.open.set(true);
            stage.sim.run_for(2_500);
            stage.points.open.set(false);
            stage.sim.run_for(14_000);
        },
    },
    Scenario {
        name: "a kind that ends its instances, beside others",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            let killer = || TaskSpec {
                kind: "killer".to_owned(),
                ..stage.fatal(json!({"sleep_ms": 300, "traps": true}))
            };
            stage
                .load
                .enqueue(&stage.sim, (0..3).map(|_| killer()).collect());
            stage.sim.run_with_ticks(MINUTE_MS, 1_000);
            let beside = stage.task(json!({"sleep_ms": 1_000}));
            let name = run_name(&beside.args, None);
            stage.load.enqueue(&stage.sim, vec![killer(), beside]);
            stage.sim.run_with_ticks(MINUTE_MS, 1_000);
            let begun = stage.sim.began(&name).len();
            assert_eq!(begun, 1, "it began so often beside a known killer");
        },
    },
    Scenario {
        name: "every second a task that ends its instance, beside others",
        search: Search::Singles,
        left: Left::Perhaps,
        play: |stage| {
            stage.points.open.set(false);
            for _ in 0..60 {
                let killer = stage.fatal(json!({"sleep_ms": 500, "traps": true}));
                let killer = TaskSpec {
                    kind: "killer".to_owned(),
                    ..killer
                };
                stage.load.enqueue(&stage.sim, vec![killer]);
                let beside = stage.load.named(json!({"sleep_ms": 4_000}));
                stage.load.enqueue(&stage.sim, vec![beside]);
                stage.sim.run_for(1_000);
            }
            stage.sim.run_with_ticks(MINUTE_MS, 1_000);
            let longest_ms = stage.longest_wait_ms();
            assert!(longest_ms <= 26_000, "one was held up for {longest_ms} ms");
        },
    },
    Scenario {
        name: "a worker that dies beside a keeper",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            // One worker stays as keeper for the time of this task. Another one is woken for the
            // long task.
            stage.delays(json!({}), 6_000);
            stage.sim.run_for(3_000);
            runs_long(stage);
            stage.sim.run_for(17_000);
            let running = stage
                .load
                .asked()
                .pop()
                .map(|long| stage.sim.began(&long.name));
            let worker = running.unwrap_or_default().remove(0).instance;
            worker.hit(stage.sim.now_ms());
            // No client makes a request from here on.
            worker.kill();
            stage.sim.run_for(60_000);
        },
    },
    Scenario {
        name: "a task whose end another follows",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| {
            let task = TaskSpec {
                on_end: Some(follow_up("it")),
                ..stage.task(json!({"fail_times": 1, "after_ms": 600}))
            };
            stage.load.enqueue(&stage.sim, vec![task]);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "a task is cancelled in a paused queue, and another follows its end",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.pauses();
            stage.enqueues_followed(json!({}), 20);
            stage.sim.run_for(100);
            stage.cancels();
            stage.comes_to_be("what follows it waits while the queue is paused", |stage| {
                stage.all_followed()
            });
            stage.resumes();
        },
    },
    Scenario {
        name: "a follow-up runs while one task may",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.limited(Some(1), Some((2, 60)));
            stage.enqueues_followed(json!({}), 4_000);
            stage.sim.run_for(1_000);
            stage.enqueues(&[json!({})]);
            stage.sim.run_for(1_000);
            stage.is_so_far("a task waits for a follow-up", |stage| {
                let begun = stage.sim.world.began.borrow();
                begun.iter().filter(|began| !began.follows).count() == 2
            });
        },
    },
    Scenario {
        name: "a follow-up while every worker computes",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let mut limits = stage.sim.world.limits.get();
            limits.workers_max = 1;
            stage.sim.world.limits.set(limits);
            stage.points.open.set(false);
            let long = TaskSpec {
                kind: "compute".to_owned(),
                timeout_ms: 12_000,
                ..stage.task(json!({"sleep_ms": 4_000}))
            };
            let delayed = TaskSpec {
                not_before_ms: Some(stage.sim.now_ms() + MINUTE_MS),
                on_end: Some(follow_up("it")),
                ..stage.task(json!({}))
            };
            // All in one window.
            stage
                .sim
                .run_for(WINDOW_MS - stage.sim.now_ms() % WINDOW_MS);
            stage.load.enqueue(&stage.sim, vec![long, delayed]);
            stage.sim.run_for(300);
            stage.points.open.set(true);
            if let Some(delayed) = stage.load.asked().get(1) {
                stage.load.cancel(&stage.sim, delayed);
            }
            stage.sim.run_for(2_000);
            stage.is_so_far("what follows it waits for who computes", |stage| {
                stage.all_followed()
            });
            stage.sim.run_for(4_000);
        },
    },
    Scenario {
        name: "a member of a group is cancelled in a paused queue",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.pauses();
            stage.works(&[&[json!({}), json!({}), json!({})]], OnFailure::Fail);
            stage.sim.run_for(200);
            let confirmed = stage.cancels_member(1);
            stage.sim.run_for(3_000);
            stage.comes_to_be("the group waits while the queue is paused", |stage| {
                let members = stage.members();
                !confirmed.get() || members.iter().all(|member| member.1.is_final())
            });
            stage.resumes();
        },
    },
    Scenario {
        name: "expired before it is taken",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| stage.expires(0, 3_000),
    },
    Scenario {
        name: "a delay that expires",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| stage.expires(1_200, 5_000),
    },
    Scenario {
        name: "two clients with one key",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.keyed(60 * MINUTE_MS, 2);
            stage.sim.run_for(3_000);
        },
    },
    Scenario {
        name: "a delayed task's key is used again",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let asks = || {
                let task = TaskSpec {
                    not_before_ms: Some(stage.sim.now_ms() + 2_500),
                    ..stage.task(json!({}))
                };
                stage.load.enqueue_once(&stage.sim, "a", MINUTE_MS, 0, task);
            };
            asks();
            stage.sim.run_for(1_000);
            asks();
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "a key is used again over its period's end",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let end_ms = MINUTE_MS - stage.sim.now_ms() % MINUTE_MS;
            stage.sim.run_for(end_ms - 600);
            stage.keyed(MINUTE_MS, 1);
            stage.sim.run_for(1_000);
            stage.keyed(MINUTE_MS, 1);
            stage.sim.run_for(3_000);
        },
    },
    Scenario {
        name: "a key is used again after its task's retention",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.keyed(150 * MINUTE_MS, 1);
            stage.sees_all_final();
            stage
                .sim
                .run_with_ticks(2 * RETENTION_MIN_MS + 10 * MINUTE_MS, 10 * MINUTE_MS);
            stage.points.open.set(true);
            stage.keyed(150 * MINUTE_MS, 1);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "a key whose winner died is used again after hours",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.dies_with_a_key();
            stage
                .sim
                .run_with_ticks(2 * RETENTION_MIN_MS + 10 * MINUTE_MS, 10 * MINUTE_MS);
            stage.points.open.set(true);
            stage.keyed(150 * MINUTE_MS, 2);
            stage.sim.run_with_ticks(MINUTE_MS, 5_000);
        },
    },
    Scenario {
        name: "tasks that run one at a time",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.limited(Some(1), None);
            stage.plays(&[json!({"sleep_ms": 100}), json!({"sleep_ms": 100})], 20);
            stage.plays(&[json!({})], 3_000);
        },
    },
    Scenario {
        name: "one at a time from one window to the next",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.limited(Some(1), None);
            let ms = WINDOW_MS - stage.sim.now_ms() % WINDOW_MS;
            stage.sim.run_for(ms - 300);
            stage.enqueues(&[json!({"sleep_ms": 600})]);
            stage.sim.run_for(100);
            stage.plays(&[json!({})], 3_000);
        },
    },
    Scenario {
        name: "tasks that begin one in a second",
        search: Search::Pairs,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.limited(None, Some((1, 1)));
            stage.plays(&[json!({}), json!({}), json!({})], 4_000);
        },
    },
    Scenario {
        name: "tasks that begin one in a minute",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.limited(None, Some((1, 60)));
            stage.plays(&[json!({}), json!({})], 200);
            // Long after rescue has passed the first of them.
            stage.points.open.set(false);
            let ms = MINUTE_MS - stage.sim.now_ms() % MINUTE_MS;
            stage.sim.run_for(ms - 500);
            stage.points.open.set(true);
            stage.sim.run_for(2_000);
        },
    },
    Scenario {
        name: "tasks of a key",
        search: Search::Pairs,
        left: Left::NothingAfterDays,
        play: |stage| {
            stage.of_one_key(&[json!({"sleep_ms": 100}), json!({}), json!({})]);
            stage.sim.run_for(3_000);
        },
    },
    Scenario {
        name: "tasks of a key in parts, and retried",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let retried = json!({"fail_times": 1, "after_ms": 300, "sleep_ms": 100});
            stage.of_one_key(&[json!({"continues": 1, "sleep_ms": 100}), retried]);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "a task of a key, and its neighbours' worker is lost",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.of_one_key(&[json!({"sleep_ms": 2_000}), json!({}), json!({})]);
            stage.sim.run_for(500);
            stage.lose_workers();
            stage.points.open.set(true);
            stage.sim.run_with_ticks(80_000, 5_000);
        },
    },
    Scenario {
        name: "cancelled while it waits for its key",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.of_one_key(&[json!({"sleep_ms": 1_000}), json!({}), json!({})]);
            stage.sim.run_for(200);
            stage.points.open.set(true);
            let asked = stage.load.asked();
            stage.load.cancel(&stage.sim, &asked[1]);
            stage.sim.run_for(4_000);
        },
    },
    Scenario {
        name: "a task is parked while its turn comes",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            stage.of_one_key(&[json!({"sleep_ms": 600, "computes": true})]);
            stage.sim.run_for(100);
            // Another worker takes this one, and finds its key in use.
            stage.points.open.set(true);
            stage.of_one_key(&[json!({})]);
            stage.sim.run_for(2_000);
        },
    },
    Scenario {
        name: "a schedule",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let schedule = schedule("a", 2_000, json!({}));
            stage.load.schedules.put(&stage.sim, schedule);
            stage.sim.run_for(4_500);
        },
    },
    Scenario {
        name: "a schedule is deleted",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            let schedule = schedule("a", 2_000, json!({}));
            stage.load.schedules.put(&stage.sim, schedule);
            stage.sim.run_for(40_900);
            stage.points.open.set(true);
            stage.load.schedules.delete(&stage.sim, "a");
            stage.sim.run_for(3_000);
        },
    },
    Scenario {
        name: "two schedules at once, and one of them again",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            for name in ["a", "b"] {
                let schedule = schedule(name, 2_000, json!({}));
                stage.load.schedules.put(&stage.sim, schedule);
            }
            stage.sim.run_for(2_900);
            let schedule = schedule("b", 1_000, json!({}));
            stage.load.schedules.put(&stage.sim, schedule);
            stage.sim.run_for(2_500);
        },
    },
    Scenario {
        name: "a schedule's deletion while another is put",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            let put = |name| {
                stage
                    .load
                    .schedules
                    .put(&stage.sim, schedule(name, 2_000, json!({})))
            };
            put("a");
            stage.sim.run_for(40_900);
            // Both have taken their numbers when the first one writes its table, and the other does
            // not know of it.
            let mut stalls = vec![4_000, 500];
            stage.script(move |call, _| {
                let writes = call.operation == "set" && parts(call.key).0 == "y";
                let ms = stalls.pop_if(|_| writes && call.instance.name.starts_with("client"));
                ms.map_or(Action::Pass, |ms| Action::Stall(When::Before, ms))
            });
            stage.points.open.set(true);
            stage.load.schedules.delete(&stage.sim, "a");
            put("b");
            stage.sim.run_with_ticks(6_000, 500);
        },
    },
    Scenario {
        name: "a schedule that two keep",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            let schedule = schedule("a", 2_000, json!({}));
            stage.load.schedules.put(&stage.sim, schedule);
            stage.sim.run_for(1_000);
            stage.points.open.set(true);
            // Each that stalls is joined by another.
            stage.sim.run_with_ticks(6_000, 500);
        },
    },
    Scenario {
        name: "a schedule that nobody kept for a while",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.points.open.set(false);
            let missed = Missed::All;
            let schedule = Schedule {
                missed,
                ..schedule("a", 10_000, json!({}))
            };
            stage.load.schedules.put(&stage.sim, schedule);
            stage.sim.run_for(11_000);
            stage.lose_workers();
            stage.sim.run_for(3 * MINUTE_MS);
            stage.points.open.set(true);
            stage.sim.run_with_ticks(10_000, 5_000);
        },
    },
    Scenario {
        name: "a schedule is put while others come and go",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            let schedules = &stage.load.schedules;
            schedules.put(&stage.sim, schedule("a", 1_000, json!({})));
            schedules.put(&stage.sim, schedule("b", 1_000, json!({})));
            schedules.delete(&stage.sim, "c");
            stage.sim.run_for(2_500);
        },
    },
    Scenario {
        name: "a chain",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            stage.works(&[&[json!({"unique": true})], &[json!({})]], OnFailure::Fail);
            stage.sim.run_for(4_000);
        },
    },
    Scenario {
        name: "the last two of a group end at once, and one task follows",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let two = [json!({"unique": true}), json!({"unique": true})];
            stage.works(&[&two, &[json!({})]], OnFailure::Wait);
            stage.sim.run_for(4_000);
        },
    },
    Scenario {
        name: "one of a group fails, and another has not begun",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let two = [
                json!({"fatal": "no use"}),
                json!({"fail_times": 1, "after_ms": 2_500}),
            ];
            stage.works(&[&two, &[json!({})]], OnFailure::Fail);
            stage.sim.run_for(5_000);
        },
    },
    Scenario {
        name: "a group is cancelled",
        search: Search::Singles,
        left: Left::NothingAfterHours,
        play: |stage| {
            let two = [json!({"sleep_ms": 1_200}), json!({"sleep_ms": 1_200})];
            stage.works(&[&two], OnFailure::Fail);
            stage.sim.run_for(300);
            stage.cancels();
        },
    },
    Scenario {
        name: "members that are counted while their workflow is about to wait",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            let two = [json!({"unique": true}), json!({"unique": true})];
            stage.works(&[&two, &[json!({})]], OnFailure::Fail);
            stage.sim.run_for(3_000);
        },
    },
    Scenario {
        name: "a workflow whose turn others take for lost",
        search: Search::Races,
        left: Left::Perhaps,
        play: |stage| {
            stage.works(&[&[json!({"unique": true})], &[json!({})]], OnFailure::Fail);
            stage.sim.run_with_ticks(45_000, 15_000);
        },
    },
];

/// A task with a timeout of a day that takes 24 s.
fn runs_long(stage: &Stage) {
    let long = TaskSpec {
        timeout_ms: DAY_MS,
        ..stage.task(json!({"sleep_ms": 24_000}))
    };
    stage.load.enqueue(&stage.sim, vec![long]);
}

fn midnight_ms() -> u64 {
    START_MS - START_MS % DAY_MS + DAY_MS
}

/// A retry that is due shortly before midnight.
fn retries_over_midnight(stage: &Stage) {
    let ms = midnight_ms() - stage.sim.now_ms() - 3_500;
    stage.sim.run_for(ms);
    places_until_its_outcome(stage);
    stage.plays(&[json!({"fail_times": 1, "after_ms": 1_000})], 100);
    stage.goes_on(12_000);
}

/// Places are the calls of workers before the first outcome: the timer entry comes before.
fn places_until_its_outcome(stage: &Stage) {
    let mut ended = false;
    stage.script(move |call, points| {
        let by_worker = call.instance.name.starts_with("worker");
        ended |= parts(call.key).0 == "o";
        points.open.set(by_worker && !ended);
        Action::Pass
    });
}
