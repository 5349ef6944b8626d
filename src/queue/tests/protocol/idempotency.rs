//! Idempotency keys: one task, however often and by however many it is asked for.

use crate::support::{self, Action, Sim, Spawned, When, keys, task};
use futures::FutureExt;
use handoff_queue::{
    IdempotencyKey, Once, QueueError, RETENTION_MIN_MS, State, Store, TaskId, TaskSpec, TaskStatus,
    Wake,
};
use serde_json::json;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

fn key(ttl_ms: u64) -> IdempotencyKey {
    IdempotencyKey::of_caller("a", ttl_ms, &handoff_queue::Json::empty_object())
}

/// A request by a client of its own. It wakes a worker as the api component does.
fn request(sim: &Sim, key: &IdempotencyKey, task: TaskSpec) -> Spawned<Once> {
    let key = key.clone();
    sim.spawn(|_, queue| async move {
        let once = queue.enqueue_once(task, &key).await.unwrap();
        if let Once::Created(receipt) | Once::Repeated(receipt) = &once {
            queue.wake_for(receipt, || 4).await.unwrap();
        }
        once
    })
}

fn ask(sim: &Sim, key: &IdempotencyKey, name: &str) -> Once {
    let asked = request(sim, key, task(name, json!({})));
    assert!(sim.run_until(60_000, || asked.is_done()));
    asked.take().unwrap()
}

/// The task's id and whether this request enqueued it.
fn answer(once: &Once) -> (TaskId, bool) {
    match once {
        Once::Created(receipt) => (receipt.ids[0].clone(), true),
        Once::Repeated(receipt) => (receipt.ids[0].clone(), false),
        other => panic!("{other:?}"),
    }
}

/// The first client dies at this operation on a key that starts so.
fn first_dies(sim: &Sim, operation: &'static str, key: &str) {
    let key = key.to_owned();
    let mut died = false;
    sim.world.faults.script(move |call| {
        let here = call.operation == operation && call.key.starts_with(&key);
        if here && call.by_client() && !died {
            died = true;
            return Action::Kill(When::Before);
        }
        Action::Pass
    });
}

#[test]
fn a_hundred_at_once_get_one_task() {
    for seed in 1..=5 {
        let sim = Sim::new(seed);
        sim.world.faults.yields.set(5_000);
        sim.world.faults.slow.set(2_000);
        let asked = |i| request(&sim, &key(DAY_MS), task(&format!("t{i}"), json!({})));
        let asked: Vec<_> = (0..100).map(asked).collect();
        sim.run_for(5_000);
        let answers: Vec<_> = asked.iter().map(|a| answer(&a.take().unwrap())).collect();
        let (first, _) = &answers[0];
        assert!(answers.iter().all(|(id, _)| id == first));
        assert_eq!(answers.iter().filter(|(_, created)| *created).count(), 1);
        assert_eq!(sim.state(first), State::Succeeded);
        let began: usize = (0..100).map(|i| sim.began(&format!("t{i}")).len()).sum();
        assert_eq!(began, 1);
        sim.run_for(60_000);
        assert!(sim.alive().is_empty(), "nobody waits for the others' slots");
    }
}

#[test]
fn a_repeated_request_finds_the_task_until_its_time_is_over() {
    let sim = Sim::new(1);
    let key = key(5 * HOUR_MS);
    let kept_shortly = |name: &str| TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..task(name, json!({}))
    };
    let first = request(&sim, &key, kept_shortly("a"));
    sim.run_for(1_000);
    let (first, created) = answer(&first.take().unwrap());
    assert!(created);
    // Longer than its retention, and over the end of a period.
    for _ in 0..4 {
        sim.run_with_ticks(72 * 60_000, 10 * 60_000);
        assert_eq!(answer(&ask(&sim, &key, "b")), (first.clone(), false));
        assert_eq!(sim.state(&first), State::Succeeded);
    }
    sim.run_with_ticks(20 * 60_000, 10 * 60_000);
    let (second, created) = answer(&ask(&sim, &key, "c"));
    assert!(created && second != first);
    sim.run_for(1_000);
    let began = ["a", "b", "c"].map(|name| sim.began(name).len());
    assert_eq!(began, [1, 0, 1]);
}

#[test]
fn nothing_is_left_when_the_key_is_over() {
    let sim = Sim::new(1);
    let kept_shortly = TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..task("a", json!({}))
    };
    let first = request(&sim, &key(HOUR_MS), kept_shortly);
    sim.run_for(1_000);
    let (first, _) = answer(&first.take().unwrap());
    sim.run_with_ticks(4 * HOUR_MS, 10 * 60_000);
    sim.run_with_ticks(60_000, 5_000);
    assert_eq!(sim.status(&first), TaskStatus::Unknown);
    let about = |key: &&String| ["s", "o", "i", "ge"].contains(&support::parts(key).0);
    let keys = sim.world.store.keys();
    assert_eq!(keys.iter().find(about), None);
}

#[test]
fn what_a_key_left_in_an_idle_queue_goes_by_the_first_keeper() {
    // Nobody was woken, so that there is no keeper until the next month.
    let sim = Sim::new(1);
    sim.world.faults.wake_fails.set(1_000);
    ask(&sim, &key(60_000), "a");
    sim.world.faults.off();
    sim.run_for(10 * DAY_MS);
    sim.worker(Wake::Work);
    sim.run_with_ticks(120_000, 1_000);
    let about = |key: &&String| support::parts(key).0 == "i";
    let keys = sim.world.store.keys();
    assert_eq!(keys.iter().find(about), None);
}

#[test]
fn another_request_with_the_key_is_refused() {
    let sim = Sim::new(1);
    let of = |request: serde_json::Value| IdempotencyKey::of_caller("a", DAY_MS, &request.into());
    let (first, _) = answer(&ask(&sim, &of(json!({"x": 1, "y": 2})), "a"));
    let same = ask(&sim, &of(json!({"y": 2, "x": 1})), "b");
    assert_eq!(answer(&same), (first, false));
    let other = ask(&sim, &of(json!({"x": 1})), "c");
    assert!(matches!(other, Once::Differs), "{other:?}");
    sim.run_for(20_000);
    let began = ["a", "b", "c"].map(|name| sim.began(name).len());
    assert_eq!(began, [1, 0, 0]);
}

#[test]
fn another_time_to_live_or_name_space_is_another_key() {
    let sim = Sim::new(1);
    let keys = [
        key(DAY_MS),
        key(DAY_MS + 1),
        IdempotencyKey::internal("a", DAY_MS),
    ];
    for key in &keys {
        assert!(answer(&ask(&sim, key, "a")).1);
    }
    // Whoever uses an internal key means the same.
    assert!(!answer(&ask(&sim, &keys[2], "b")).1);
}

#[test]
fn what_happens_once_has_one_task_for_however_long_it_is_to_be_known() {
    let sim = Sim::new(1);
    let event = |ttl_ms| IdempotencyKey::of_event("a", ttl_ms);
    let (id, created) = answer(&ask(&sim, &event(DAY_MS), "a"));
    assert!(created);
    let longer = event(3 * DAY_MS);
    assert_eq!(answer(&ask(&sim, &longer, "b")), (id.clone(), false));
    sim.run_with_ticks(DAY_MS + RETENTION_MIN_MS + 600_000, 600_000);
    // Its task is gone, and was there.
    assert!(sim.view(&id).is_none());
    assert_eq!(answer(&ask(&sim, &longer, "b")), (id, false));
}

#[test]
fn a_winner_that_dies_holds_nobody_up_for_long() {
    for (operation, place) in [
        ("increment", keys::TRIES),
        ("increment", keys::TAIL),
        ("set", keys::TRIES),
        ("set", keys::SLOTS),
        ("counter", keys::HEAD),
    ] {
        let sim = Sim::new(1);
        first_dies(&sim, operation, place);
        let key = key(DAY_MS);
        let dead = request(&sim, &key, task("a", json!({})));
        sim.run_for(10);
        assert!(dead.instance.was_killed(), "{operation} {place}");
        let before_ms = sim.now_ms();
        let (id, _) = answer(&ask(&sim, &key, "b"));
        assert!(sim.now_ms() - before_ms < 200, "{operation} {place}");
        assert_eq!(answer(&ask(&sim, &key, "c")), (id.clone(), false));
        sim.until_state(&id, State::Succeeded, 5_000);
        assert_eq!(sim.began("a").len() + sim.began("b").len(), 1);
    }
}

#[test]
fn while_another_is_stuck_a_request_is_put_off() {
    // Whoever tries is overtaken by another's try, for ever.
    let sim = Sim::new(1);
    let store = sim.world.store.clone();
    sim.world.faults.observe(move |call| {
        let candidate = call.operation == "set" && call.key.starts_with(keys::TRIES);
        if candidate && let Some((name, _)) = call.key.rsplit_once('.') {
            store.increment(name, 1).now_or_never().unwrap().unwrap();
        }
    });
    let before_ms = sim.now_ms();
    let once = ask(&sim, &key(DAY_MS), "a");
    assert!(matches!(once, Once::Busy), "{once:?}");
    assert!((200..3_000).contains(&(sim.now_ms() - before_ms)));
    sim.world.faults.no_script();
    assert!(sim.began("a").is_empty());
    answer(&ask(&sim, &key(DAY_MS), "a"));
}

#[test]
fn on_both_sides_of_a_periods_end_there_is_one_task() {
    for seed in 1..=60 {
        let sim = Sim::new(seed);
        sim.world.faults.yields.set(3_000);
        sim.world.faults.slow.set(3_000);
        // Clocks of clients are up to 3 s apart: some are in the next period already.
        sim.world.faults.skew_ms.set(2_999);
        sim.run_for(60_000 - sim.now_ms() % 60_000 - 1_500 - seed * 3);
        let asked = |i| request(&sim, &key(60_000), task(&format!("t{i}"), json!({})));
        let asked: Vec<_> = (0..10).map(asked).collect();
        sim.run_for(3_000);
        let answers: Vec<_> = asked.iter().map(|a| answer(&a.take().unwrap()).0).collect();
        assert!(answers.iter().all(|id| *id == answers[0]), "seed {seed}");
        sim.run_for(20_000);
        let began: usize = (0..10).map(|i| sim.began(&format!("t{i}")).len()).sum();
        assert_eq!(began, 1, "seed {seed}");
    }
}

#[test]
fn a_slot_that_several_fill_is_run_once() {
    // The first fills its slot after a claimer took the ticket, and counts on it; the claimer is about to give up. A second
    // request comes between the two, and counts itself, too.
    let sim = Sim::new(1);
    let mut first = true;
    sim.world.faults.script(move |call| {
        let worker = call.by_worker();
        match (call.operation, call.key) {
            ("set", key) if key == keys::slot(1) && first => {
                first = false;
                Action::Stall(When::Before, 1_500)
            }
            ("increment", key) if key == keys::handover(1) && worker => {
                Action::Stall(When::Before, 1_000)
            }
            _ => Action::Pass,
        }
    });
    let key = key(DAY_MS);
    let slow = request(&sim, &key, task("a", json!({})));
    sim.run_for(1);
    sim.worker(Wake::Work);
    sim.run_for(1_400);
    let (id, created) = answer(&ask(&sim, &key, "b"));
    assert!(!created);
    sim.run_for(120_000);
    assert_eq!(answer(&slow.take().unwrap()), (id.clone(), true));
    assert_eq!((sim.began("a").len(), sim.began("b").len()), (1, 0));
    assert_eq!(sim.state(&id), State::Succeeded);
}

#[test]
fn a_candidate_that_cannot_be_read_refuses_its_key_and_no_other() {
    for broken in [&b"2{}"[..], b"1{\"slot\":1,\"ta", b""] {
        let sim = Sim::new(1);
        let (id, _) = answer(&ask(&sim, &key(HOUR_MS), "a"));
        let keys = sim.world.store.keys();
        let candidate = keys
            .iter()
            .find(|k| k.starts_with(keys::TRIES) && k.ends_with(".1"));
        let put = sim.world.store.set(candidate.unwrap(), broken);
        put.now_or_never().unwrap().unwrap();
        let again = sim.wait(|queue| async move {
            queue
                .enqueue_once(task("b", json!({})), &key(HOUR_MS))
                .await
        });
        assert!(matches!(
            again,
            Err(QueueError::Newer { .. } | QueueError::Record { .. })
        ));
        assert!(answer(&ask(&sim, &key(2 * HOUR_MS), "c")).1);
        sim.until_state(&id, State::Succeeded, 5_000);
        sim.run_with_ticks(10 * HOUR_MS, 30 * 60_000);
        let keys = sim.world.store.keys();
        assert!(
            !keys.iter().any(|k| k.starts_with(keys::TRIES)),
            "it is forgotten in time"
        );
    }
}

#[test]
fn a_delayed_task_is_announced_before_it_counts_as_seen_to() {
    // The winner dies before its task is there; the second fills the slot when the task is due, and dies, too.
    let sim = Sim::new(1);
    let mut deaths = 0;
    sim.world.faults.script(move |call| {
        let here = match deaths {
            0 => call.is("set", &keys::slot(1)),
            // To announce it.
            1 => call.is("increment", keys::TAIL),
            _ => false,
        };
        if here && call.by_client() {
            deaths += 1;
            return Action::Kill(When::Before);
        }
        Action::Pass
    });
    let delayed = |name: &str| TaskSpec {
        not_before_ms: Some(sim.now_ms() + 5_000),
        ..task(name, json!({}))
    };
    request(&sim, &key(DAY_MS), delayed("a"));
    sim.run_for(10);
    sim.worker(Wake::Work);
    sim.run_for(30_000);
    request(&sim, &key(DAY_MS), delayed("b"));
    sim.run_for(10);
    let (id, created) = answer(&ask(&sim, &key(DAY_MS), "c"));
    assert!(!created);
    sim.until_state(&id, State::Succeeded, 5_000);
    assert_eq!(sim.began("a").len(), 1);
}

#[test]
fn a_winner_that_died_is_followed_after_hours() {
    for delay_ms in [None, Some(3 * HOUR_MS)] {
        let sim = Sim::new(1);
        first_dies(&sim, "set", &keys::slot(1));
        let asked = TaskSpec {
            not_before_ms: delay_ms.map(|ms| sim.now_ms() + ms),
            retention_ms: RETENTION_MIN_MS,
            ..task("a", json!({}))
        };
        request(&sim, &key(DAY_MS), asked);
        sim.run_for(100);
        // Its slot was passed by rescue and by retention, and what they noted was deleted.
        sim.enqueue_one(task("other", json!({})));
        sim.run_with_ticks(2 * HOUR_MS + 30 * 60_000, 60_000);
        let (id, created) = answer(&ask(&sim, &key(DAY_MS), "b"));
        assert!(!created);
        let within_ms = delay_ms.map_or(80_000, |_| HOUR_MS);
        sim.until_state(&id, State::Succeeded, within_ms);
        assert_eq!(sim.began("a").len(), 1);
        sim.run_with_ticks(30 * HOUR_MS, 30 * 60_000);
        assert_eq!(sim.status(&id), TaskStatus::Unknown, "it is deleted");
    }
}
