//! What schedules and their occurrences cost.

use super::{alone, cost_of};
use crate::pages::{page, page_each};
use crate::support::{Sim, SimQueue, task};
use handoff_queue::{Missed, Overlap, Rule, Schedule, Wake};
use serde_json::json;

fn put(sim: &Sim, name: &str, every_ms: u64) {
    let schedule = Schedule {
        name: name.to_owned(),
        rule: Rule::Every(every_ms),
        queue: "test".to_owned(),
        task: task("a", json!({})),
        expires_after_ms: None,
        overlap: Overlap::Queue,
        missed: Missed::Latest,
    };
    sim.wait(|queue| async move { drop(queue.put_schedule(schedule).await.unwrap()) });
}

#[test]
fn a_schedule_costs_the_same_however_many_there_are() {
    const HOUR_MS: u64 = 3_600_000;
    for others in [0, 100] {
        let sim = alone();
        for i in 0..others {
            put(&sim, &format!("s{i}"), HOUR_MS);
        }
        let first = cost_of(&sim, |sim| put(sim, "a", HOUR_MS));
        let again = cost_of(&sim, |sim| put(sim, "a", HOUR_MS));
        let other = cost_of(&sim, |sim| put(sim, "a", 2 * HOUR_MS));
        let look = |queue: SimQueue| async move { drop(queue.schedule("a").await.unwrap()) };
        let look = cost_of(&sim, |sim| sim.wait(look));
        let pause = |paused| {
            cost_of(&sim, |sim| {
                let paused = |queue: SimQueue| async move {
                    drop(queue.pause_schedule("a", paused).await.unwrap())
                };
                sim.wait(paused)
            })
        };
        let (paused, resumed, anew) = (pause(true), pause(false), pause(false));
        let delete =
            |queue: SimQueue| async move { assert!(queue.delete_schedule("a").await.unwrap()) };
        let delete = cost_of(&sim, |sim| sim.wait(delete));
        println!(
            "put {first:?}, again {again:?}, another {other:?}; look {look:?}; pause {paused:?}, resume {resumed:?}, again {anew:?}; delete {delete:?}"
        );
        // The first entries of an hour mark it, and their minutes.
        match others {
            0 => assert!(first.writes <= 7 + 6 && first.reads <= 12, "{first:?}"),
            _ => page("put a schedule", &first, 0),
        }
        page("put a schedule again, unchanged", &again, 0);
        page("put a schedule again, changed", &other, 0);
        page("show a schedule", &look, 0);
        page("pause a schedule", &paused, 0);
        page("resume a schedule", &resumed, 0);
        page("pause or resume a schedule that is so", &anew, 0);
        page("delete a schedule", &delete, 0);
    }
}

#[test]
fn an_occurrence() {
    // A keeper is there in any case.
    let minute = |every_ms| {
        let sim = Sim::new(7);
        put(&sim, "far", 65_000);
        put(&sim, "a", every_ms);
        sim.worker(Wake::Keep);
        sim.run_for(3_000);
        cost_of(&sim, |sim| sim.run_for(60_000))
    };
    let (far, near) = (minute(65_000), minute(2_000));
    let each = |near: u64, far: u64| (near as f64 - far as f64) / 30.0;
    let (writes, reads) = (each(near.writes, far.writes), each(near.reads, far.reads));
    println!("an occurrence and its task: {writes:.1} writes, {reads:.1} reads");
    let occurrence = "each occurrence of a schedule, with its task";
    page_each(occurrence, (writes, reads));
}
