//! A hundred requests at once whose endpoint waits for a second.

use super::{Measurement, Taking, When, metric};
use crate::results::Unit;
use anyhow::Result;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

const REQUESTS: usize = 100;

pub(super) const MEASUREMENT: Measurement = Measurement {
    name: "requests",
    when: When::AtWork,
    systems: &[],
    metrics: &[metric(
        "requests_100",
        "100 requests at once that take 1 s each",
        Unit::S,
    )],
    run,
};

fn run(taking: &mut Taking) -> Result<()> {
    let app = &taking.app;
    let (connected, wait) = (Barrier::new(REQUESTS), app.api.wait());
    let ask = || {
        let mut connection = app.connect();
        connected.wait();
        let start = Instant::now();
        wait.send(&mut connection);
        start.elapsed()
    };
    let longest = thread::scope(|scope| {
        let asking: Vec<_> = (0..REQUESTS).map(|_| scope.spawn(ask)).collect();
        let times = asking
            .into_iter()
            .map(|thread| thread.join().expect("each is answered"));
        times.max().unwrap_or(Duration::ZERO)
    });
    (taking.record)("requests_100", longest.as_secs_f64());
    Ok(())
}
