//! Whether it takes longer to look when very many tasks have ended: a system with a million of them and one with a thousand take turns.

use super::{Measurement, Taking, When, load_ratio, metric};
use crate::api::{Request, Task};
use crate::results::{Unit, median};
use crate::system::App;
use anyhow::Result;
use std::thread::sleep;
use std::time::{Duration, Instant};

const TURNS: usize = 5;
const CONNECTIONS: u32 = 2;
const FEW: usize = 1_000;
/// So many wait at once.
const PART: usize = 50_000;
/// All are counted within this time.
const REST: Duration = Duration::from_secs(300);
/// Somebody looks so often whether there is nothing left to do.
const SETTLING: Duration = Duration::from_secs(1);

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "finished",
    when: When::Once,
    systems: &["local-redis", "local-sqlite"],
    metrics: &[
        metric(
            "finished_list",
            "a page of the newest tasks after 1,000,000, compared with 1,000",
            Unit::Times,
        ),
        metric(
            "finished_search",
            "a page of a search by text, in the same way",
            Unit::Times,
        ),
        metric(
            "finished_metrics",
            "`/metrics`, in the same way",
            Unit::Times,
        ),
        metric(
            "finished_overview",
            "the console's overview, in the same way",
            Unit::Times,
        ),
        metric(
            "finished_tasks",
            "the console's list of tasks, in the same way",
            Unit::Times,
        ),
    ],
    run,
};

/// What is looked at, with the name of its ratio. A search finds nothing in the places that one page looks at.
const LOOKS: [(&str, &str); 5] = [
    ("finished_list", "/v1/queues/default/tasks"),
    ("finished_search", "/v1/queues/default/tasks?text=nowhere"),
    ("finished_metrics", "/metrics"),
    ("finished_overview", "/console/"),
    ("finished_tasks", "/console/queues/default"),
];

fn run(taking: &mut Taking) -> Result<()> {
    let (many, few) = (&taking.app, (taking.another)()?);
    finish(many, taking.scale.backlog);
    finish(&few, FEW);
    for (key, path) in LOOKS {
        let mut ratios = Vec::new();
        for _ in 0..TURNS {
            ratios.push(load_ratio(many, &few, CONNECTIONS, |_| Request::get(path))?);
        }
        (taking.record)(key, median(&ratios));
    }
    Ok(())
}

/// Enqueues so many tasks, and waits until all have ended and been counted: a keeper has passed them, and has nothing left
/// to do.
fn finish(app: &App, count: usize) {
    let mut connection = app.connect();
    for part in (0..count).step_by(PART) {
        let ids = app.enqueue_many(Task::Echo, PART.min(count - part));
        app.wait_slowly_for(&mut connection, &ids[ids.len() - 1]);
    }
    let end = Instant::now() + REST;
    loop {
        let queue = connection.get("/v1/queues/default").expect(200).json();
        let counted = queue["ended"]["succeeded"].as_u64().unwrap_or_default();
        if counted >= count as u64 && queue["workers"] == 0 {
            return;
        }
        assert!(Instant::now() < end, "{counted} of {count} are counted");
        sleep(SETTLING);
    }
}
