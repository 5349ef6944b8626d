//! Records in the store: a newer version's, cut short, or anything.

mod script;
mod world;

use script::{Line, Script};
use world::World;

/// Tasks that are there before anything is broken.
const TASKS: u64 = 4;
/// The last of the slots that are taken for them: those without a task are empty, unless a script fills them.
const SLOTS: u64 = 8;

/// Plays a script and asserts that nothing panics, that the store is called a bounded number of times, that no worker
/// gives up because of what it reads, and that a healthy task runs beside all that is broken.
pub(crate) fn run(bytes: &[u8]) {
    let Some(script) = Script::read(bytes) else {
        return;
    };
    let world = World::new(script.is_endless);
    world.enqueue_tasks();
    for line in &script.lines {
        match line {
            Line::Put(key, value) => world.put(key, value),
            Line::Pass(ms) => world.run_for(*ms),
        }
    }
    let healthy = world.enqueue_healthy();
    world.run_for(90_000);
    if !script.breaks_queue && healthy.as_ref().is_none_or(|id| !script.names(id.slot())) {
        let healthy = healthy.expect("nothing is wrong with where it goes");
        assert!(world.has_succeeded(&healthy), "{script:?}");
    }
    world.repeat_requests();
    (1..=SLOTS).for_each(|slot| world.ask_and_cancel(slot));
    world.run_for(10_000);
    // Retention: an hour, and what the timer holds of it.
    for _ in 0..4 {
        world.pass(3_600_000);
        world.run_for(10_000);
    }
    let failures = world.failures();
    assert!(
        script.breaks_counter || failures.is_empty(),
        "{failures:?}: {script:?}"
    );
}
