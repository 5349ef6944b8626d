//! The shipped components under simulation: the API and the worker as they are delivered run in virtual
//! time, with random bits from a seed, on a store whose calls interleave, fail, and end the instance
//! that made them. The judge looks at them as users do. The protocol's own simulation has no
//! handlers, no wake over HTTP and no panic hook.
//!
//! `HANDOFF_SCHEDULES=a..b` runs other seeds than 1 to 40. The calls of a seed that fails are written to
//! `target/logs/simulation-N.log`.

mod dice;
mod judge;
mod load;
mod store;
mod time;
mod world;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result};
use futures::future::try_join;

use load::Load;
use store::Injected;
use world::{Deployment, World};

const SOME: std::ops::Range<u64> = 1..41;
/// Each kind of fault occurs in so many schedules.
const MANY: u64 = 40;
/// A failing range need not fail in each seed.
const FAILURES_MAX: usize = 3;

/// A schedule that was run.
struct Ran {
    result: Result<()>,
    /// The same for the same schedule.
    hash: u64,
    acknowledged: u64,
    world: World,
}

/// Runs one schedule: users under faults, and then until everything has ended.
fn run(deployment: &Deployment, seed: u64, record: bool) -> Result<Ran> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(async {
        let world = World::new(deployment, seed, record)?;
        let load = Load::default();
        let result = async {
            let users = async {
                load.run(&world).await?;
                world.settle();
                Ok(())
            };
            // A request that is cut off would end its instance, so trouble ends by itself.
            try_join(users, world.trouble()).await?;
            judge::judge(&world, &load).await
        };
        let result = result.await;
        let acknowledged = load.tracked.borrow().len() as u64;
        Ok(Ran {
            result,
            hash: world.store.hash(),
            acknowledged,
            world,
        })
    })
}

fn root() -> Option<PathBuf> {
    let root = std::env::var_os("HANDOFF_ROOT").map(PathBuf::from);
    if root.is_none() {
        handoff_e2e::say("SKIPPED: HANDOFF_ROOT is not set; run `cargo xtask sim --components`");
    }
    root
}

fn deployment(root: &Path) -> Deployment {
    let deployment = Deployment::load(root, cores() as u32);
    deployment.expect("components that `cargo xtask build` built")
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn schedules() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("HANDOFF_SCHEDULES") else {
        return SOME;
    };
    let range = text.split_once("..");
    let range = range.and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    range.expect("HANDOFF_SCHEDULES is one range, written 1..501")
}

#[test]
fn everything_acknowledged_ends_rightly_whatever_the_store_does() {
    let Some(root) = root() else { return };
    let (deployment, seeds) = (deployment(&root), schedules());
    let next = AtomicU64::new(seeds.start);
    let (injected, acknowledged) = (Injected::default(), AtomicU64::new(0));
    let try_seeds = || {
        let mut failed = Vec::new();
        while failed.len() < FAILURES_MAX {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let ran = run(&deployment, seed, false).expect("a deployment");
            injected.add(&ran.world.store.injected);
            acknowledged.fetch_add(ran.acknowledged, Ordering::Relaxed);
            if ran.result.is_err() {
                failed.push(seed);
            }
        }
        failed
    };
    let failed: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(try_seeds)).collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        ended.flatten().collect()
    });
    for seed in &failed {
        println!("seed {seed}: {}", replay(&root, &deployment, *seed));
    }
    println!("schedules {seeds:?}: {acknowledged:?} acknowledged, {injected:?}, failed {failed:?}");
    assert!(
        failed.is_empty(),
        "`cargo xtask sim --components --seed N` replays one"
    );
    if seeds.end - seeds.start >= MANY {
        let kinds = [
            &injected.failed,
            &injected.ended,
            &injected.late,
            &injected.stalled,
        ];
        let all = kinds.iter().all(|count| count.load(Ordering::Relaxed) > 0);
        assert!(
            all && acknowledged.into_inner() > 10 * MANY,
            "too little happened"
        );
    }
}

/// Runs a seed again, and says how it failed, and where its calls are written.
fn replay(root: &Path, deployment: &Deployment, seed: u64) -> String {
    let ran = run(deployment, seed, true).expect("a deployment");
    let folder = root.join("target/logs");
    let path = folder.join(format!("simulation-{seed}.log"));
    let lines = ran.world.store.lines().join("\n") + "\n" + &ran.world.printed();
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, lines));
    let written = written.with_context(|| path.display().to_string());
    let error = ran.result.err().map(|error| format!("{error:#}"));
    format!("{error:?}; its calls: {:?}", written.map(|()| path))
}

#[test]
fn a_seed_is_one_schedule() {
    let Some(root) = root() else { return };
    let deployment = deployment(&root);
    let hash = |seed| run(&deployment, seed, false).expect("a deployment").hash;
    let hashes: Vec<u64> = (1..9).map(hash).collect();
    assert_eq!(hashes, (1..9).map(hash).collect::<Vec<_>>());
    let others = hashes.iter().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(
        others.len(),
        hashes.len(),
        "two seeds are the same schedule"
    );
}
