//! Tasks that break their instance in chosen ways, for tests. They exist only if the variable
//! `fault_tasks` is true.

use crate::{Cancelled, Context, Duration, Outcome, Task};
use serde::Deserialize;
use std::hint::black_box;

/// `{"task": "fault", "args": {"how": "panic", "times": 2}}` breaks the first two attempts and then
/// succeeds.
pub(crate) struct Fault;

/// `{"task": "fault.busy", "args": {"for": "2s"}}` computes for that long without a pause.
pub(crate) struct Busy;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    how: How,
    /// The number of attempts that break. Without it all do.
    times: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    Panic,
    Trap,
    Fail,
    ComputeForever,
    EatMemory,
}

impl Task for Fault {
    const NAME: &'static str = "fault";
    type Args = Args;

    #[allow(clippy::panic)]
    async fn run(args: Args, context: Context) -> Outcome {
        if args.times.is_some_and(|times| context.attempt() > times) {
            return Outcome::done(context.attempt());
        }
        match args.how {
            How::Panic => panic!("as it was asked to"),
            How::Trap => std::process::abort(),
            How::Fail => Outcome::retry("failed as it was asked to"),
            How::ComputeForever => loop {
                black_box(());
            },
            How::EatMemory => {
                let mut eaten = Vec::new();
                loop {
                    eaten.push(black_box(vec![1u8; 1 << 20]));
                }
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BusyArgs {
    r#for: Duration,
}

impl Task for Busy {
    const NAME: &'static str = "fault.busy";
    const COMPUTES: bool = true;
    type Args = BusyArgs;

    async fn run(args: BusyArgs, context: Context) -> Outcome {
        let left_ms = context.left_ms();
        while left_ms - context.left_ms().min(left_ms) < args.r#for.ms {
            black_box((0..100_000u64).fold(0, |a, b| black_box(a ^ b)));
            if context.left_ms() == 0 {
                break;
            }
        }
        match context.pause().await {
            Ok(()) => Outcome::done("busy"),
            Err(Cancelled) => Outcome::Cancelled,
        }
    }
}
