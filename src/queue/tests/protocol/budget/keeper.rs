//! What rescue and retention cost.

use super::{count, tasks};
use crate::pages::page;
use crate::support::{Line, Sim, keys};
use handoff_queue::{RETENTION_MIN_MS, State, TaskSpec};

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
