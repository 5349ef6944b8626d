//! Many runs on all cores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs every job, until `most` have failed. Returns the failures; a panic is one too. Each thread
/// calls `prepare` first.
pub(crate) fn failures<J: Sync>(
    jobs: &[J],
    most: usize,
    prepare: impl Fn() + Sync,
    run: impl Fn(&J) -> Result<(), String> + Sync,
) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let (next, found) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        prepare();
        let mut failed = Vec::new();
        while found.load(Ordering::Relaxed) < most
            && let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed))
        {
            if let Err(failure) = told(|| run(job)) {
                found.fetch_add(1, Ordering::Relaxed);
                failed.push(failure);
            }
        }
        failed
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let failed = running.into_iter().flat_map(|t| t.join().unwrap());
        failed.collect()
    })
}

/// Runs `run`, and turns a panic into a failure.
pub(crate) fn told(run: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let run = catch_unwind(AssertUnwindSafe(run));
    run.unwrap_or_else(|panic| Err(text(&*panic)))
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("no message"))
}
