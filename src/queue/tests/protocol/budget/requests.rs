//! What requests cost: enqueueing, a pause, a status, an idempotency key.

use super::{alone, backlog, cost_of, tasks};
use crate::pages::page;
use crate::support::{Sim, SimQueue};
use handoff_queue::{IdempotencyKey, Once, State, Wake};

#[test]
fn enqueueing_costs_the_same_for_one_and_for_a_hundred_whatever_waits() {
    for waiting in [0, 10_000] {
        for n in [1, 100] {
            let sim = alone();
            backlog(&sim, waiting);
            let cost = cost_of(&sim, |sim| drop(sim.enqueue(tasks(n))));
            println!("enqueue {n} behind {waiting}: {cost:?}");
            let enqueue = "enqueue 1 to 1,000 tasks, with the look at the worker registrations";
            page(enqueue, &cost, 0);
        }
    }
}

/// Who never pauses a queue pays nothing for it; afterwards whoever is about to wake a worker reads whether it is paused.
#[test]
fn a_pause_costs_one_read_more_from_then_on() {
    let sim = alone();
    let pause = |sim: &Sim| sim.wait(|queue| async move { queue.pause().await.unwrap() });
    let resume = |sim: &Sim| sim.wait(|queue| async move { queue.resume().await.unwrap() });
    let enqueue = |sim: &Sim| drop(sim.enqueue(tasks(1)));
    let costs = |operation: &str, work: &dyn Fn(&Sim)| page(operation, &cost_of(&sim, work), 0);
    let paused_once = "the same in a queue that was once paused, no worker registered";
    costs("the first pause of a queue", &pause);
    costs("resume a queue", &resume);
    costs("pause a queue", &pause);
    costs(paused_once, &enqueue);
    costs("resume a queue in which tasks wait", &resume);
    costs(paused_once, &enqueue);
}

#[test]
fn status_costs_the_same_whatever_waits() {
    for waiting in [0, 10_000] {
        let sim = alone();
        let done = sim.enqueue(tasks(1)).remove(0);
        sim.worker(Wake::Work);
        sim.until_state(&done, State::Succeeded, 1_000);
        sim.run_for(60_000);
        assert!(sim.alive().is_empty());
        backlog(&sim, waiting);
        let open = sim.enqueue(tasks(1)).remove(0);
        for (id, name) in [(&done, "a final task"), (&open, "a task that waits")] {
            let brief = cost_of(&sim, |sim| drop(sim.status(id)));
            let view = cost_of(&sim, |sim| drop(sim.view(id)));
            println!("status of {name} before {waiting}: brief {brief:?}, view {view:?}");
            page(&format!("`/status` of {name}"), &brief, 0);
            page(&format!("`/v1/tasks/{{id}}` of {name}"), &view, 0);
        }
    }
}

#[test]
fn an_idempotency_key_costs_the_same_whatever_waits() {
    const TTL_MS: u64 = 86_400_000;
    let ask = |sim: &Sim, key: &str| {
        let key = IdempotencyKey::of_caller(key, TTL_MS, &handoff_queue::Json::empty_object());
        let once = |queue: SimQueue| async move {
            let task = tasks(1).remove(0);
            queue.enqueue_once(task, &key).await.unwrap()
        };
        match sim.wait(once) {
            Once::Created(receipt) | Once::Repeated(receipt) => receipt.ids[0].clone(),
            other => panic!("{other:?}"),
        }
    };
    for waiting in [0, 10_000] {
        let sim = alone();
        backlog(&sim, waiting);
        let first = cost_of(&sim, |sim| drop(ask(sim, "a")));
        let further = cost_of(&sim, |sim| drop(ask(sim, "b")));
        let again = cost_of(&sim, |sim| drop(ask(sim, "b")));
        println!("a key behind {waiting}: {first:?}, another {further:?}, again {again:?}");
        // The marks of the day, hour and minute in which it is forgotten.
        let minute = "enqueue with an idempotency key, first of its minute, with the task object";
        page(minute, &first, 0);
        let further_key = "enqueue with an idempotency key, with the task object";
        page(further_key, &further, 0);
        page("repeat a request while its task waits", &again, 0);
    }
    let sim = alone();
    let id = ask(&sim, "a");
    sim.worker(Wake::Work);
    sim.until_state(&id, State::Succeeded, 1_000);
    sim.run_for(60_000);
    let again = cost_of(&sim, |sim| drop(ask(sim, "a")));
    sim.run_for(TTL_MS - 3_600_000);
    let next_period = cost_of(&sim, |sim| drop(ask(sim, "a")));
    println!("a key whose task is final: {again:?}, in the next period {next_period:?}");
    page("repeat a request after its task ended", &again, 0);
    page("repeat a request in the key's next period", &next_period, 0);
}
