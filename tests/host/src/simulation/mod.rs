//! The shipped components under simulation: the API and the worker as they are delivered run in virtual time, with random
//! bits from a seed, on a store whose calls interleave, fail, and end the instance that made them. What its users see is
//! judged. What the protocol's own simulation can't see is in between: the handlers, the wake, the panic hook.
//!
//! `HANDOFF_SCHEDULES=a..b` runs other seeds than 1 to 40.

mod dice;
mod judge;
mod load;
mod store;
mod time;
mod world;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::Result;

use load::Load;
use world::{Deployment, World};

const SOME: std::ops::Range<u64> = 1..41;
/// The last calls are shown of a schedule that fails.
const LINES_MAX: usize = 300;

/// What a schedule came to.
struct Ran {
    result: Result<()>,
    /// The same for the same schedule.
    hash: u64,
    faults: u64,
    asked: usize,
    lines: Vec<String>,
}

/// Runs one schedule: users under faults, and then until all has ended.
fn run(deployment: &Deployment, seed: u64, record: bool) -> Result<Ran> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(async {
        let world = World::new(deployment, seed, record)?;
        let load = Load::default();
        let result = async {
            load.run(&world).await?;
            world.store.faults_end();
            judge::judge(&world, &load).await
        };
        let result = result.await;
        let asked = load.asked.borrow().len();
        Ok(Ran {
            result,
            hash: world.store.hash(),
            faults: world.store.happened(),
            asked,
            lines: world.store.lines(),
        })
    })
}

fn deployment() -> Option<Deployment> {
    let Some(root) = std::env::var_os("HANDOFF_ROOT").map(PathBuf::from) else {
        handoff_e2e::say("SKIPPED: HANDOFF_ROOT is not set; run `cargo xtask sim --components`");
        return None;
    };
    Some(Deployment::load(&root).expect("the built components"))
}

fn schedules() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("HANDOFF_SCHEDULES") else {
        return SOME;
    };
    let range = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range.expect("HANDOFF_SCHEDULES is written 1..501")
}

#[test]
fn what_is_acknowledged_ends_rightly_whatever_the_store_does() {
    let Some(deployment) = deployment() else {
        return;
    };
    let seeds = schedules();
    let (next, faults, asked) = (
        AtomicU64::new(seeds.start),
        AtomicU64::new(0),
        AtomicU64::new(0),
    );
    let try_some = || {
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.len() >= 3 {
                return failed;
            }
            match run(&deployment, seed, false) {
                Ok(Ran {
                    result: Ok(()),
                    faults: happened,
                    asked: many,
                    ..
                }) => {
                    faults.fetch_add(happened, Ordering::Relaxed);
                    asked.fetch_add(many as u64, Ordering::Relaxed);
                }
                _ => failed.push(seed),
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let failed: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(try_some)).collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        ended.flatten().collect()
    });
    for seed in &failed {
        let ran = run(&deployment, *seed, true).expect("it runs");
        let skipped = ran.lines.len().saturating_sub(LINES_MAX);
        println!("{}", ran.lines[skipped..].join("\n"));
        println!("seed {seed}: {:?}", ran.result.err());
    }
    println!("schedules {seeds:?}: {asked:?} acknowledged, {faults:?} faults, failed {failed:?}");
    assert!(failed.is_empty(), "HANDOFF_SCHEDULES=N..N+1 replays one");
}

#[test]
fn a_seed_is_one_schedule() {
    let Some(deployment) = deployment() else {
        return;
    };
    for seed in 1..5 {
        let hashes = [(); 2].map(|()| run(&deployment, seed, false).expect("it runs").hash);
        assert_eq!(
            hashes[0], hashes[1],
            "seed {seed} is another schedule the second time"
        );
    }
}
