//! What rescue and retention cost.

use super::{cost_of, count, tasks};
use crate::pages::{page, page_each};
use crate::support::{Line, Sim, keys};
use handoff_queue::{RETENTION_MIN_MS, State, TaskSpec};

#[test]
fn a_publication_of_counts() {
    let sim = Sim::new(6);
    sim.record();
    let rounds = 300;
    for _ in 0..rounds {
        sim.enqueue(tasks(1));
        sim.run_with_ticks(30_000, 10_000);
    }
    let lines = sim.record();
    let of_counts = |l: &&Line| {
        let kind = l.key.split('.').nth(2).unwrap_or_default();
        matches!(kind, "u" | "totals") && l.who.starts_with("worker")
    };
    let published = lines.iter().filter(of_counts);
    let published = published.filter(|l| l.operation == "increment").count() as f64;
    let calls = count(lines.iter().filter(of_counts));
    let (writes, reads) = (
        calls.writes as f64 / published,
        calls.reads as f64 / published,
    );
    println!("a publication: {writes:.1} writes, {reads:.1} reads");
    page_each("each publication of counts", (writes, reads));
}

#[test]
fn metrics_cost_as_much_after_many_tasks() {
    let cost = |rounds: usize| {
        let sim = Sim::new(7);
        for _ in 0..rounds {
            sim.enqueue(tasks(1_000));
            sim.run_with_ticks(30_000, 5_000);
        }
        sim.run_with_ticks(60_000, 60_000);
        cost_of(&sim, |sim| {
            sim.wait(|queue| async move {
                queue.metrics().await.unwrap();
                queue.statistics().await.unwrap();
            });
        })
    };
    let (one, ten) = (cost(1), cost(10));
    println!("metrics: {one:?}, {ten:?}");
    assert_eq!((ten.writes, one.writes), (0, 0));
    assert!(ten.reads <= one.reads + 2, "{ten:?} after {one:?}");
}

#[test]
fn metrics_cost_as_much_after_a_long_rest() {
    let sim = Sim::new(8);
    sim.enqueue(tasks(100));
    sim.run_with_ticks(60_000, 5_000);
    let looked = |sim: &Sim| {
        let looked =
            |sim: &Sim| sim.wait(|queue| async move { queue.statistics().await.map(drop) });
        cost_of(sim, |sim| looked(sim).unwrap())
    };
    let soon = looked(&sim);
    // Almost a day, almost an hour, almost a minute: many spans to look through.
    sim.run_for(23 * 3_600_000 + 59 * 60_000 + 50_000);
    let later = looked(&sim);
    println!("statistics: {soon:?}, a day later {later:?}");
    assert!(later.reads <= soon.reads + 2, "{later:?} after {soon:?}");
}

#[test]
fn rescue_and_retention_of_five_hundred() {
    let sim = Sim::new(5);
    let hour = |t| TaskSpec {
        retention_ms: RETENTION_MIN_MS,
        ..t
    };
    let of_slots = |l: &Line| {
        let kind = l.key.split('.').nth(2).unwrap_or_default();
        matches!(kind, "s" | "h" | "c" | "o" | "r" | "x") && l.who.starts_with("worker")
    };
    let ids = sim.enqueue(tasks(500).into_iter().map(hour).collect());
    sim.until_state(&ids[499], State::Succeeded, 5_000);
    sim.record();
    sim.run_for(60_000);
    let rescue = count(sim.record().iter().filter(|l| of_slots(l)));
    sim.run_with_ticks(RETENTION_MIN_MS + 30 * 60_000, 60_000);
    let retention = count(sim.record().iter().filter(|l| of_slots(l)));
    assert!(
        !sim.world
            .store
            .keys()
            .iter()
            .any(|k| k.starts_with(keys::SLOTS))
    );
    println!("500 tasks: rescue {rescue:?}, retention {retention:?}");
    page("rescue passes k finished tasks", &rescue, 500);
    page("retention deletes k tasks", &retention, 500);
}
