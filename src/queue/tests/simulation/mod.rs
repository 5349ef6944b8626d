//! One run of the crash simulation, decided by its seed.

mod history;
mod load;

use super::support::Sim;
use handoff_queue::{Brief, CLOCK_SLACK_MS, RETENTION_MIN_MS, Run, RunState, WorkerLimits};
use history::history;
use load::{Asked, Load};
use std::rc::Rc;

/// What went wrong, with the history of the task.
pub type Failure = String;

/// How long everything may take to end once nothing fails any more: leases of lost attempts, one after the other.
const END_MS: u64 = 40 * 60_000;

pub fn run(seed: u64, record: bool) -> Result<(), Failure> {
    let sim = Sim::new(seed);
    if record {
        sim.record();
    }
    let load = Rc::new(Load::default());
    let checked = simulate(&sim, &load);
    checked.map_err(|(asked, what)| {
        let lines = sim.record();
        let logs = sim.world.logs.borrow();
        let last = logs.iter().rev().take(5).cloned().collect::<Vec<_>>();
        format!(
            "{what}\n{asked:?}\n{}\nlast logs: {last:#?}",
            history(&lines, asked.as_deref())
        )
    })
}

type Wrong = (Option<Rc<Asked>>, String);

fn simulate(sim: &Sim, load: &Rc<Load>) -> Result<(), Wrong> {
    let world = &sim.world;
    let pick = |choices: &[u64]| choices[world.below(choices.len() as u64) as usize];
    let faults = &world.faults;
    faults.yields.set(2_000);
    faults.slow.set(pick(&[0, 500, 2_000]));
    faults.kills.set(pick(&[0, 2, 10, 40]));
    faults.fails.set(pick(&[0, 10, 50, 300]));
    faults.stalls.set(pick(&[0, 0, 2, 10]));
    faults.stall_ms.set(pick(&[3_000, 12_000, 70_000]));
    faults.wake_fails.set(pick(&[0, 0, 100]));
    faults.skew_ms.set(pick(&[0, CLOCK_SLACK_MS - 1]));
    world.limits.set(WorkerLimits {
        budget_ms: pick(&[3_000, 10_000, 25_000]),
        batch_max: pick(&[4, 64]),
        in_progress_max: pick(&[3, 256]) as usize,
        ..WorkerLimits::default()
    });

    let end_ms = sim.now_ms() + 10_000 + world.below(60_000);
    while sim.now_ms() < end_ms {
        load.step(sim);
        sim.run_for(1 + world.below(2_500));
        watch(sim, load)?;
        if world.chance(200) {
            sim.tick();
        }
    }
    faults.off();

    let end_ms = sim.now_ms() + END_MS;
    while !load.all_final() {
        if sim.now_ms() > end_ms {
            let open = load.asked().into_iter().find(|a| a.seen.borrow().is_none());
            return Err((open, "it does not end".to_owned()));
        }
        sim.run_for(5_000);
        sim.tick();
        watch(sim, load)?;
    }
    // Whatever is still on its way may not change anything.
    for _ in 0..24 {
        sim.run_for(5_000);
        sim.tick();
    }
    watch(sim, load)?;
    for asked in load.asked() {
        load::judge(sim, &asked).map_err(|what| (Some(asked.clone()), what))?;
    }
    retire(sim, load)
}

/// Looks at every acknowledged task: none is unknown, and what is final stays as it is.
fn watch(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    if let Some(violation) = sim.world.violations.borrow().first() {
        return Err((load.by_key(violation), violation.clone()));
    }
    for asked in load.asked() {
        let brief = sim.brief(&asked.id);
        let wrong = |what: &str| Err((Some(asked.clone()), format!("{what}: {brief:?}")));
        let mut seen = asked.seen.borrow_mut();
        match (&brief, seen.as_ref()) {
            (Brief::Unknown, _) => return wrong("acknowledged and lost"),
            // A stale announcement may make it look open for a while, before the same end.
            (Brief::Open, _) => {}
            (Brief::Final(run), None) => *seen = Some(Run::clone(run)),
            (Brief::Final(run), Some(before)) if **run != *before => {
                return wrong(&format!("it was final as {before:?}"));
            }
            (Brief::Final(_), Some(_)) => {}
        }
    }
    Ok(())
}

/// Everything is final and nothing is asked any more: after its retention all of it goes.
fn retire(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    let faults = &sim.world.faults;
    faults.kills.set(30);
    faults.fails.set(100);
    sim.run_with_ticks(RETENTION_MIN_MS + 15 * 60_000, 5 * 60_000);
    sim.run_with_ticks(60_000, 5_000);
    faults.off();
    // Retention ends where rescue was an hour ago, and few of the passes so far may have come to their end.
    sim.run_with_ticks(2 * RETENTION_MIN_MS, 5 * 60_000);
    sim.run_with_ticks(60_000, 5_000);
    let keys = sim.world.store.keys();
    let left = keys.iter().find(|key| !stays(key));
    match left {
        None => Ok(()),
        Some(key) => Err((load.by_key(key), format!("{key} is left"))),
    }
}

/// Keys that remain: the queue's own counters and the keeper's record, cancel counters per block, registrations (the
/// recent ones), and the timer's marks and closed seconds of this day.
fn stays(key: &str) -> bool {
    let kind = key.split('.').nth(2).unwrap_or_default();
    matches!(
        kind,
        "tail"
            | "head"
            | "keeper"
            | "xb"
            | "w"
            | "k"
            | "td"
            | "th"
            | "tm"
            | "ts"
            | "gd"
            | "gh"
            | "gm"
            | "gs"
    )
}

/// Whether a run ended as this state says.
pub fn is_cancelled(run: &Run) -> bool {
    matches!(run.state, RunState::Cancelled)
}
