//! Tasks with a priority: what is taken before what, and what else is as it is without.

use crate::support::{self, Action, Sim, When, computing, keys, task, with};
use handoff_queue::{
    FollowUp, IdempotencyKey, Once, Priority, RETENTION_MIN_MS, Retried, RetryPolicy, State, Store,
    TaskSpec, Waiting, Wake,
};
use serde_json::{Value, json};

const HIGH: Priority = Priority::High;
const NORMAL: Priority = Priority::Normal;
const LOW: Priority = Priority::Low;

fn tasks(priority: Priority, count: usize, args: &Value) -> Vec<TaskSpec> {
    let name = |i| format!("{priority:?}{i}");
    (0..count)
        .map(|i| with(priority, computing(&name(i), args.clone())))
        .collect()
}

fn waiting(sim: &Sim) -> Option<Waiting> {
    sim.wait(|queue| async move { queue.depth().await.unwrap() })
        .by_priority
}

/// Nobody works yet.
fn asleep(seed: u64) -> Sim {
    let sim = Sim::new(seed);
    sim.world.faults.wake_fails.set(1_000);
    sim
}

/// The priorities of tasks in the order in which they began.
fn order(sim: &Sim) -> Vec<Priority> {
    let began = sim.world.began.borrow();
    let of = |name: &str| {
        Priority::ALL
            .into_iter()
            .find(|p| name.starts_with(&format!("{p:?}")))
    };
    began.iter().filter_map(|b| of(&b.name)).collect()
}

/// How many of `priority` began before the last of `other` did.
fn before_the_last(order: &[Priority], priority: Priority, other: Priority) -> usize {
    let last = order.iter().rposition(|p| *p == other).unwrap();
    order[..last].iter().filter(|p| **p == priority).count()
}

/// One worker, one at a time: of 16 claims one begins with what is low and three with what is normal.
#[test]
fn a_backlog_is_taken_in_the_order_of_priorities() {
    let sim = asleep(1);
    for priority in [LOW, NORMAL, HIGH] {
        sim.enqueue(tasks(priority, 40, &json!({"sleep_ms": 5})));
    }
    let all = Waiting {
        high: 40,
        normal: 40,
        low: 40,
    };
    assert_eq!(waiting(&sim), Some(all));
    sim.worker(Wake::Work);
    sim.run_for(10_000);
    let order = order(&sim);
    assert_eq!(order.len(), 120);
    assert_eq!(order[0], HIGH, "of this seed");
    assert!(before_the_last(&order, NORMAL, HIGH) <= 20, "{order:?}");
    assert!(before_the_last(&order, LOW, HIGH) <= 10, "{order:?}");
    assert!(before_the_last(&order, LOW, NORMAL) <= 20, "{order:?}");
    assert_eq!(waiting(&sim), Some(Waiting::default()));
}

/// Of a batch each task goes to its lane; ids are in the order of the tasks.
#[test]
fn a_batch_may_have_all_of_them() {
    let sim = Sim::new(2);
    let of = [LOW, HIGH, NORMAL, HIGH, LOW];
    let batch = of.iter().enumerate();
    let batch = batch.map(|(i, p)| with(*p, task(&format!("t{i}"), json!({"then": i}))));
    let ids = sim.enqueue(batch.collect());
    sim.run_for(1_000);
    for (i, id) in ids.iter().enumerate() {
        let view = sim.view(id).unwrap();
        assert_eq!((view.state, view.task.priority), (State::Succeeded, of[i]));
        assert_eq!(view.result, Some(json!(i).into()));
        assert_eq!(sim.began(&format!("t{i}")).len(), 1);
    }
}

/// More of high priority comes than can be run, for minutes.
#[test]
fn what_is_low_is_not_starved() {
    let sim = Sim::new(3);
    sim.world.limits.set(handoff_queue::WorkerLimits {
        workers_max: 1,
        ..Default::default()
    });
    let args = json!({"sleep_ms": 100});
    sim.enqueue(tasks(HIGH, 60, &args));
    let low = sim.enqueue_one(tasks(LOW, 1, &args).remove(0));
    let normal = sim.enqueue_one(tasks(NORMAL, 1, &args).remove(0));
    let mut ended = Vec::new();
    for second in 0..60 {
        sim.enqueue(tasks(HIGH, 15, &args));
        sim.run_for(1_000);
        ended = [&low, &normal].map(|id| sim.state(id)).to_vec();
        if ended == [State::Succeeded; 2] {
            println!("both ended within {second} s");
            break;
        }
    }
    assert_eq!(ended, [State::Succeeded; 2]);
    assert!(waiting(&sim).unwrap().high > 50, "there was always more");
}

/// A job in parts and with failures, put back among others: each of its deliveries waits in its lane.
#[test]
fn whatever_follows_keeps_the_priority() {
    let sim = Sim::new(4);
    let follow = FollowUp {
        kind: "io".to_owned(),
        args: json!({"name": "after"}).into(),
        timeout_ms: 5_000,
        retry: Default::default(),
    };
    let job = json!({"continues": 3, "fail_times": 1, "after_ms": 400, "sleep_ms": 50});
    let id = sim.enqueue_one(TaskSpec {
        on_end: Some(follow),
        ..with(LOW, computing("job", job))
    });
    let fails = sim.enqueue_one(with(HIGH, task("fails", json!({"fatal": "no use"}))));
    let later = sim.enqueue_one(TaskSpec {
        not_before_ms: Some(sim.now_ms() + 2_000),
        ..with(HIGH, task("later", json!({})))
    });
    let lost = with(
        HIGH,
        task("lost", json!({"sleep_ms": 1_500, "traps": true})),
    );
    let lost = sim.enqueue_one(TaskSpec {
        timeout_ms: 2_000,
        retry: RetryPolicy {
            attempts: 2,
            max_ms: 1_000,
            ..RetryPolicy::default()
        },
        ..lost
    });
    sim.run_with_ticks(120_000, 5_000);
    assert_eq!(sim.state(&id), State::Succeeded);
    assert_eq!(sim.state(&later), State::Succeeded);
    assert_eq!(sim.state(&lost), State::Failed);
    assert_eq!(sim.began("after").len(), 1);

    let again = |sim: &Sim| {
        let id = fails.clone();
        let retried = |queue: support::SimQueue| async move { queue.retry(&id, None).await };
        match sim.wait(retried).unwrap() {
            Retried::Created(receipt) | Retried::Repeated(receipt) => receipt.ids[0].clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(sim.view(&again(&sim)).unwrap().task.priority, HIGH);
    // Nothing was ever in the normal lane, but for the note that the system's is in use.
    let last = sim.wait(|queue| async move { queue.store().counter(keys::TAIL).await.unwrap() });
    assert_eq!(last % (1 << 44), 0);
}

/// A key's task waits in the lane of its priority, whoever writes its home.
#[test]
fn a_key_stands_for_a_task_with_a_priority() {
    let sim = asleep(5);
    let ask = |sim: &Sim| {
        let key = IdempotencyKey::of_caller("a", 86_400_000, &handoff_queue::Json::empty_object());
        let once = |queue: support::SimQueue| async move {
            let task = with(HIGH, task("t", json!({})));
            queue.enqueue_once(task, &key).await.unwrap()
        };
        match sim.wait(once) {
            Once::Created(receipt) | Once::Repeated(receipt) => receipt.ids[0].clone(),
            other => panic!("{other:?}"),
        }
    };
    let id = ask(&sim);
    assert_eq!(ask(&sim), id);
    assert_eq!(waiting(&sim).unwrap().high, 1);
    assert_eq!(sim.state(&id), State::Queued);
    sim.worker(Wake::Work);
    sim.run_for(1_000);
    assert_eq!(sim.state(&id), State::Succeeded);
}

#[test]
fn a_pause_and_a_purge_are_for_all_priorities() {
    let sim = Sim::new(6);
    sim.enqueue_one(with(HIGH, task("first", json!({}))));
    sim.run_for(1_000);
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    let enqueue = |sim: &Sim| -> Vec<_> {
        let each = Priority::ALL.map(|p| sim.enqueue(tasks(p, 30, &json!({}))));
        each.into_iter().flatten().collect()
    };
    let ids = enqueue(&sim);
    sim.run_with_ticks(30_000, 5_000);
    assert!(ids.iter().all(|id| sim.state(id) == State::Queued));
    sim.wait(|queue| async move { queue.resume().await.unwrap() });
    sim.run_for(2_000);
    assert!(ids.iter().all(|id| sim.state(id) == State::Succeeded));

    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    let ids = enqueue(&sim);
    // What waits when it begins, and nothing that comes meanwhile.
    let purge = |sim: &Sim, mut left: Waiting| {
        sim.wait(|queue| async move { (queue.purge(&mut left).await.unwrap(), left) })
    };
    let left = waiting(&sim).unwrap();
    let later = sim.enqueue(tasks(HIGH, 30, &json!({})));
    let (purged, left) = purge(&sim, left);
    assert_eq!((purged, left), (90, Waiting::default()));
    assert!(ids.iter().all(|id| sim.state(id) == State::Cancelled));
    assert!(later.iter().all(|id| sim.state(id) == State::Queued));
    assert_eq!(purge(&sim, left).0, 0);
    assert_eq!(purge(&sim, Waiting::all()).0, 30);
    assert!(later.iter().all(|id| sim.state(id) == State::Cancelled));
    assert_eq!(waiting(&sim), Some(Waiting::default()));
}

/// Who enqueues saw the pause, and who resumes did not see the task yet: one of the two wakes a worker.
#[test]
fn what_is_enqueued_while_the_queue_is_resumed_runs() {
    let sim = Sim::new(10);
    sim.enqueue_one(with(HIGH, task("first", json!({}))));
    sim.run_for(30_000);
    assert!(sim.alive().is_empty());
    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    sim.world.faults.script(|call| match call.key {
        keys::TAIL_HIGH if call.operation == "increment" => Action::Stall(When::Before, 2_000),
        _ => Action::Pass,
    });
    let enqueued = sim.spawn(|_, queue| async move {
        let receipt = queue
            .enqueue(vec![with(HIGH, task("t", json!({})))])
            .await
            .unwrap();
        queue.wake_for(&receipt, || 8).await.unwrap();
    });
    sim.run_for(1_000);
    sim.wait(|queue| async move { queue.resume().await.unwrap() });
    sim.run_for(2_000);
    assert!(enqueued.is_done());
    assert_eq!(sim.began("t").len(), 1);
}

/// Who waits in a lane and is cancelled there does not run.
#[test]
fn what_waits_is_cancelled_by_its_lane() {
    let sim = asleep(7);
    let others = sim.enqueue(tasks(NORMAL, 5, &json!({})));
    let id = sim.enqueue_one(with(LOW, task("t", json!({}))));
    sim.wait(|queue| async move { queue.cancel(&id).await.unwrap() });
    sim.worker(Wake::Work);
    sim.run_for(2_000);
    assert!(others.iter().all(|id| sim.state(id) == State::Succeeded));
    assert!(sim.began("t").is_empty());
}

#[test]
fn what_runs_and_ended_is_counted_of_all_and_the_oldest_is_of_any() {
    let sim = Sim::new(8);
    for priority in Priority::ALL {
        let long = |i| task(&format!("{priority:?}{i}"), json!({"sleep_ms": 4_000}));
        sim.enqueue((0..5).map(|i| with(priority, long(i))).collect());
    }
    let look = |sim: &Sim| sim.wait(|queue| async move { queue.statistics().await.unwrap() });
    sim.run_for(2_000);
    assert_eq!(look(&sim).running, 15);
    sim.run_for(60_000);
    assert!(sim.alive().is_empty(), "rescue has passed every lane");
    assert_eq!((look(&sim).running, look(&sim).ended.succeeded), (0, 15));

    sim.wait(|queue| async move { queue.pause().await.unwrap() });
    sim.enqueue_one(with(LOW, task("low", json!({}))));
    sim.run_for(3_000);
    sim.enqueue_one(with(HIGH, task("high", json!({}))));
    sim.run_for(1_000);
    let oldest_ms = look(&sim).oldest_waiting_ms;
    assert!(
        oldest_ms.is_some_and(|ms| (4_000..4_100).contains(&ms)),
        "{oldest_ms:?}"
    );
}

#[test]
fn nothing_is_left_in_any_lane() {
    let sim = Sim::new(9);
    for priority in Priority::ALL {
        let args = json!({"continues": 1, "fail_times": 1, "after_ms": 10});
        let of = tasks(priority, 20, &args).into_iter();
        let hour = |t| TaskSpec {
            retention_ms: RETENTION_MIN_MS,
            ..t
        };
        sim.enqueue(of.map(hour).collect());
    }
    sim.run_with_ticks(60_000, 5_000);
    sim.run_with_ticks(4 * RETENTION_MIN_MS, 600_000);
    let of_tasks =
        |key: &&String| matches!(support::parts(key).0, "s" | "h" | "c" | "o" | "r" | "x");
    let keys = sim.world.store.keys();
    assert_eq!(keys.iter().find(of_tasks), None);
}
