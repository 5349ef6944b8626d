//! Taking tasks while they are run, and the memory that this needs.

use super::{Measurement, Taking, When, metric};
use crate::api::Task;
use crate::results::Unit;
use crate::{load, machine};
use anyhow::Result;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

const LOOK: Duration = Duration::from_millis(200);

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "throughput",
    when: When::AtWork,
    systems: &[],
    metrics: &[
        metric(
            "throughput_c32",
            "enqueue one while workers run them, concurrency 32",
            Unit::PerS,
        ),
        metric("memory_load", "memory under that load", Unit::Mb),
    ],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    let groups = app.groups();
    let over = AtomicBool::new(false);
    let (load, memory_mb) = thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut most = 0_f64;
            while !over.load(Ordering::Relaxed) {
                most = most.max(machine::memory_mb(&groups));
                thread::sleep(LOOK);
            }
            most
        });
        let enqueue = app.api.enqueue(Task::Echo);
        let load = load::run(
            app.address(),
            &enqueue,
            32,
            taking.scale.load_s,
            app.scratch(),
        );
        over.store(true, Ordering::Relaxed);
        (load, watching.join().unwrap_or(f64::NAN))
    });
    (taking.record)("throughput_c32", load?.per_s);
    (taking.record)("memory_load", memory_mb);
    Ok(())
}
