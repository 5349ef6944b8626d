//! Crash points: short scenarios with a fault at each place. The places are before each store call,
//! after each that changes something, and after only some of its keys. At each the instance dies,
//! the call fails, or the instance stalls. What a failed or last call changes may come later. In the shortest scenarios every pair of such places is
//! tried too. Races have no fault: others overtake one instance.

use super::model::{Wrong, end, rest, retire, watch};
use super::parallel::failures;
use super::random::tell;
use super::scenarios::{self, Left, Scenario, Search};
use super::stage::{Fault, Place, SHORT_MS, Stage};
use crate::support::{Action, When};

/// The result of a scenario.
#[derive(Default)]
struct Played {
    calls: Vec<Place>,
    /// The number of calls that overtook the held instance.
    overtook: u64,
}

/// Plays a scenario with faults.
fn play(scenario: &Scenario, faults: &[Fault], whole: bool) -> Result<Played, String> {
    let once = |record: bool| {
        let stage = Stage::new(faults);
        if record {
            stage.sim.record();
        }
        let played = finish(scenario, &stage, whole);
        let points = Played {
            calls: stage.points.calls.take(),
            overtook: stage.points.overtook.get(),
        };
        let told = |wrong| format!("{}, {faults:?}: {}", scenario.name, tell(&stage.sim, wrong));
        played.map(|()| points).map_err(told)
    };
    once(false).or_else(|_| once(true))
}

fn finish(scenario: &Scenario, stage: &Stage, whole: bool) -> Result<(), Wrong> {
    (scenario.play)(stage);
    stage.sim.world.faults.no_script();
    if let Some(wrong) = stage.points.noticed.take() {
        return Err(wrong);
    }
    let all_short = stage.points.faults.iter().all(Fault::is_short);
    if all_short {
        // No instance died, so no task has to wait for rescue, which takes longer.
        stage
            .sim
            .run_for(SHORT_MS * stage.points.faults.len() as u64 * 2);
        watch(&stage.sim, &stage.load)?;
        if let Some(open) = stage.load.open().first() {
            return Err((Some(open.clone()), "it is late".to_owned()));
        }
    }
    stage.load.schedules.finish(&stage.sim, !all_short, 0)?;
    // An instance that only stalled for a moment comes back, so nothing waits for a tick.
    end(&stage.sim, &stage.load, !all_short)?;
    if whole && scenario.left != Left::Perhaps {
        retire(&stage.sim, &stage.load)?;
    }
    if whole && scenario.left == Left::NothingAfterDays {
        rest(&stage.sim, &stage.load)?;
    }
    Ok(())
}

/// The lengths of stalls: a moment, the longest that counts nobody as lost, and longer.
const STALLS_MS: [u64; 3] = [1, SHORT_MS, 40_000];

/// Calls that fail, or whose instance dies, and take effect in a moment or long after the end of a
/// lease.
const LATE: [Action; 3] = [
    Action::Late(300),
    Action::Late(60_000),
    Action::KillLate(60_000),
];

/// All faults of a call that changes so many keys.
fn actions(changes: usize) -> Vec<Action> {
    let mut actions = vec![Action::Kill(When::Before), Action::Fail(When::Before)];
    actions.extend(STALLS_MS.map(|ms| Action::Stall(When::Before, ms)));
    if changes > 0 {
        actions.extend([Action::Kill(When::After), Action::Fail(When::After)]);
        actions.extend(LATE);
    }
    if changes > 1 {
        // Only one of the keys, and all but one.
        for key in 0..changes.min(8) {
            for mask in [1 << key, !(1 << key)] {
                actions.extend([Action::KillInPart(mask), Action::FailInPart(mask)]);
            }
        }
    }
    actions
}

/// A scenario, its faults, and whether it is watched until everything is deleted.
pub(crate) type Job = (&'static Scenario, Vec<Fault>, bool);

/// The scenarios with such a search. `HANDOFF_SCENARIO` keeps only those whose names contain it.
fn scenarios(searched: impl Fn(Search) -> bool) -> impl Iterator<Item = &'static Scenario> {
    let wanted = std::env::var("HANDOFF_SCENARIO").unwrap_or_default();
    let all = scenarios::all().filter(move |s| searched(s.search));
    all.filter(move |s| s.name.contains(&wanted))
}

/// Every single fault of every scenario, and each scenario without a fault.
pub(crate) fn single_faults() -> Vec<Job> {
    let all = scenarios(|search| search != Search::Races);
    all.flat_map(single_faults_of).collect()
}

fn single_faults_of(scenario: &'static Scenario) -> Vec<Job> {
    let calls = play(scenario, &[], true).unwrap_or_default().calls;
    let mut jobs = vec![(scenario, Vec::new(), true)];
    for (call, place) in (1..).zip(calls) {
        for action in actions(place.changes) {
            // A stall leaves nothing behind that other faults would not.
            let whole = !matches!(action, Action::Stall(..));
            jobs.push((scenario, vec![Fault::new(call, action)], whole));
        }
    }
    jobs
}

/// Every race: at each place the instance is held until others have made one call, two, three …
fn races() -> Vec<Job> {
    let all = scenarios(|search| search == Search::Races);
    all.flat_map(races_of).collect()
}

fn races_of(scenario: &'static Scenario) -> Vec<Job> {
    let calls = play(scenario, &[], false).unwrap_or_default().calls;
    let mut jobs = vec![(scenario, Vec::new(), false)];
    for (call, _) in (1..).zip(&calls).filter(|(_, place)| place.matters) {
        let longest = vec![Fault::held(call, u64::MAX)];
        let overtook = play(scenario, &longest, false).unwrap_or_default().overtook;
        jobs.push((scenario, longest, false));
        jobs.extend((1..=overtook).map(|until| (scenario, vec![Fault::held(call, until)], false)));
    }
    jobs
}

/// All jobs of the scenario with this name.
pub(crate) fn jobs_of(name: &str) -> Vec<Job> {
    let scenario = scenarios::all().find(|s| s.name == name).unwrap();
    match scenario.search {
        Search::Races => races_of(scenario),
        _ => single_faults_of(scenario),
    }
}

/// Every pair of places in the shortest scenarios: two deaths, or a stall while another instance
/// dies or stalls.
fn pairs_of_faults() -> Vec<Job> {
    const DIES: Action = Action::Kill(When::Before);
    const STALLS: Action = Action::Stall(When::Before, 1_500);
    const LONG: Action = Action::Stall(When::Before, 12_000);
    /// After the first fault a scenario may have more calls than without.
    const MORE: u64 = 20;
    let mut jobs = Vec::new();
    for scenario in scenarios(|search| search == Search::Pairs) {
        let calls = play(scenario, &[], false).unwrap_or_default().calls.len() as u64;
        for first in 1..=calls {
            for second in first + 1..=calls + MORE {
                for (one, other) in [(DIES, DIES), (LONG, DIES), (STALLS, STALLS), (STALLS, LONG)] {
                    let faults = vec![Fault::new(first, one), Fault::new(second, other)];
                    jobs.push((scenario, faults, false));
                }
            }
        }
    }
    jobs
}

/// The jobs that fail, at most so many.
pub(crate) fn failing(
    jobs: &[Job],
    most: usize,
    prepare: impl Fn() + Sync,
    matters: impl Fn(&str) -> bool + Sync,
) -> Vec<String> {
    let run = |(scenario, faults, whole): &Job| match play(scenario, faults, *whole) {
        Err(what) if matters(&what) => Err(what),
        _ => Ok(()),
    };
    failures(jobs, most, prepare, run)
}

fn all_pass(what: &str, jobs: &[Job]) {
    let failed = failing(jobs, 20, || {}, |_| true);
    for failure in &failed {
        println!("{failure}");
    }
    println!("{} {what}, {} failed", jobs.len(), failed.len());
    assert!(failed.is_empty(), "see above");
}

/// A test run has no time for all jobs: it tries one of so many single faults, and one of so many
/// pairs. Both are primes, so that places with 4 or 10 jobs each give others in turn.
const SINGLE_FAULTS: usize = 7;
const PAIRS: usize = 499;

/// Keeps one job of so many. `HANDOFF_TURN=n` keeps other ones for each n, `HANDOFF_TURN=all` all.
fn in_turn(jobs: Vec<Job>, of: usize) -> Vec<Job> {
    let turn = std::env::var("HANDOFF_TURN").unwrap_or_else(|_| "0".to_owned());
    if turn == "all" {
        return jobs;
    }
    let turn: usize = turn.parse().expect("HANDOFF_TURN is a number, or all");
    jobs.into_iter().skip(turn % of).step_by(of).collect()
}

#[test]
fn wherever_something_goes_wrong_everything_ends_as_it_should() {
    all_pass("single faults", &in_turn(single_faults(), SINGLE_FAULTS));
}

#[test]
fn wherever_two_things_go_wrong_everything_ends_as_it_should() {
    all_pass("pairs of faults", &in_turn(pairs_of_faults(), PAIRS));
}

#[test]
fn whoever_overtakes_whom_everything_ends_as_it_should() {
    all_pass("races", &races());
}
