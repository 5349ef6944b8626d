//! Counts primes: a task that computes as long as its arguments ask for.

use handoff::{Context, FieldError, Outcome, Task};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How many numbers are sieved between two pauses: a few milliseconds of work.
const SLICE: u64 = 1 << 21;
/// Numbers below this can be counted.
const BELOW_MAX: u64 = 1_000_000_000_000;

/// `{"task": "primes.count", "args": {"below": 20000000}}` succeeds with
/// `{"below": …, "primes": …}`.
///
/// It reports its progress in per cent and in words, and logs where it begins. When its instance's
/// budget is nearly over, it returns a checkpoint and continues in the next one.
pub struct CountPrimes;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Args {
    below: u64,
}

/// The checkpoint: all primes below `from` are counted.
#[derive(Serialize, Deserialize, Default)]
struct Counted {
    from: u64,
    primes: u64,
}

impl Task for CountPrimes {
    const NAME: &'static str = "primes.count";
    const COMPUTES: bool = true;
    type Args = Args;

    fn check(args: &Args) -> Result<(), FieldError> {
        if args.below > BELOW_MAX {
            return Err(FieldError::new(
                "below",
                format!("at most {BELOW_MAX} can be counted"),
            ));
        }
        Ok(())
    }

    async fn run(Args { below }: Args, context: Context) -> Outcome {
        let mut counted: Counted = context.checkpoint().unwrap_or_default();
        match counted.from {
            0 => context.log(format!("counts primes below {below}")),
            from => context.log(format!("goes on from {from}")),
        }
        let base = primes_up_to(below.isqrt());
        while counted.from < below {
            let end = (counted.from + SLICE).min(below);
            counted.primes += count_between(counted.from, end, &base);
            counted.from = end;
            let message = format!("{} primes below {end}", counted.primes);
            context.progress_with(json!({"percent": end * 100 / below}), message);
            if context.pause().await.is_err() {
                return Outcome::Cancelled;
            }
            if counted.from < below && context.should_continue_elsewhere() {
                return Outcome::continue_from(counted);
            }
        }
        Outcome::done(json!({"below": below, "primes": counted.primes}))
    }
}

/// All primes up to `last`.
fn primes_up_to(last: u64) -> Vec<u64> {
    let mut composite = vec![false; last as usize + 1];
    let mut primes = Vec::new();
    for n in 2..=last {
        if !composite[n as usize] {
            primes.push(n);
            (n * n..=last)
                .step_by(n as usize)
                .for_each(|m| composite[m as usize] = true);
        }
    }
    primes
}

/// Counts the primes in `from..end`, given all primes up to the root of `end`.
fn count_between(from: u64, end: u64, base: &[u64]) -> u64 {
    let mut composite = vec![false; (end - from) as usize];
    for n in (from..end.min(2)).rev() {
        composite[(n - from) as usize] = true;
    }
    for &prime in base.iter().take_while(|&&p| p * p < end) {
        let first = (prime * prime).max(from.div_ceil(prime) * prime);
        (first..end)
            .step_by(prime as usize)
            .for_each(|m| composite[(m - from) as usize] = true);
    }
    composite.iter().filter(|&&c| !c).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (below, primes) in [
            (0, 0),
            (1, 0),
            (2, 0),
            (3, 1),
            (10, 4),
            (100, 25),
            (1_000_000, 78_498),
        ] {
            let base = primes_up_to(u64::isqrt(below));
            let slices = (0..below).step_by(777);
            let sum: u64 = slices
                .map(|from| count_between(from, below.min(from + 777), &base))
                .sum();
            assert_eq!(sum, primes, "below {below}");
        }
    }
}
