//! What systems cost that have nothing to do. They are idle at the same time: none disturbs another.

use super::{Scale, metric};
use crate::api::Task;
use crate::machine;
use crate::measure::calls::Calls;
use crate::results::{Metric, Unit};
use crate::system::App;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// For `--only`.
pub(crate) const NAME: &str = "idle";

/// What it gives.
pub(crate) const METRICS: [Metric; 4] = [
    metric("idle_memory", "idle: memory", Unit::Mb),
    metric("idle_cpu", "idle: of one core", Unit::Percent),
    metric("idle_writes", "idle: writes to Redis", Unit::PerS),
    metric(
        "idle_disk",
        "idle: bytes written to the disk, in a second",
        Unit::Bytes,
    ),
];

const TASKS: usize = 20;

/// Each has run some tasks before.
pub(crate) fn run(apps: &[App], scale: Scale, mut record: impl FnMut(usize, &'static str, f64)) {
    for app in apps {
        let mut connection = app.connect();
        for _ in 0..TASKS {
            let id = app.enqueue(&mut connection, Task::Echo);
            app.wait_slowly_for(&mut connection, &id);
        }
    }
    sleep(Duration::from_secs(scale.settle_s));
    let look = |app: &App| {
        let groups = app.groups();
        let writes = app.redis().map(|redis| Calls::of(redis).writes);
        (
            machine::cpu_s(&groups),
            writes,
            machine::written_bytes(&groups),
        )
    };
    let start = Instant::now();
    let before: Vec<_> = apps.iter().map(look).collect();
    sleep(Duration::from_secs(scale.idle_s));
    let after: Vec<_> = apps.iter().map(look).collect();
    let took_s = start.elapsed().as_secs_f64();
    for (i, app) in apps.iter().enumerate() {
        record(i, "idle_memory", machine::memory_mb(&app.groups()));
        record(i, "idle_cpu", (after[i].0 - before[i].0) / took_s * 100.0);
        if let (Some(after), Some(before)) = (after[i].1, before[i].1) {
            record(i, "idle_writes", (after - before) / took_s);
        }
        record(i, "idle_disk", (after[i].2 - before[i].2) / took_s);
    }
}
