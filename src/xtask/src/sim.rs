//! `cargo xtask sim`: the simulation of the queue protocol, `src/queue/tests/simulation`, and that of the shipped components,
//! `tests/host/src/simulation`.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::toolchain::Source;
use crate::workspace::Workspace;
use crate::{components, step};

/// So many schedules are tried by `cargo xtask test --all`: some that are always the same, and as many that only this state of
/// the protocol has.
const SCHEDULES: u64 = 4_000;
/// So many schedules of the shipped components, always the same ones.
const COMPONENT_SCHEDULES: u64 = 500;
/// The same by `cargo xtask test`.
const SOME_SCHEDULES: u64 = 1_000;

/// What to simulate; without any option what CI does.
#[derive(Args)]
pub(crate) struct Options {
    /// Replay one schedule. If it fails, the history of the task in question is printed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Run these schedules at random: 1..1001, or several ranges with commas between them
    #[arg(long, value_name = "A..B")]
    seeds: Option<String>,
    /// Try every place where something can go wrong, and every pair of places, in short scenarios: which takes hours
    #[arg(long)]
    crash_points: bool,
    /// Run the shipped components instead, in virtual time on a store that fails
    #[arg(long, conflicts_with_all = ["crash_points", "sabotage"])]
    components: bool,
    /// Leave a guard of the protocol out, by its name in src/queue/src/guard.rs, and see what notices; with `all` each
    /// that is known to be missed soon
    #[arg(long, value_name = "GUARD")]
    sabotage: Option<String>,
}

impl Options {
    /// The schedules that are asked for.
    fn chosen(&self) -> Option<String> {
        let one = self.seed.map(|seed| format!("{seed}..{}", seed + 1));
        one.or_else(|| self.seeds.clone())
    }
}

/// Runs what is asked for.
pub(crate) fn sim(workspace: &Workspace, wanted: Option<Source>, options: &Options) -> Result<()> {
    if options.components {
        return shipped(workspace, wanted, options);
    }
    let mut cargo = tests(workspace);
    let mut everything = true;
    if let Some(seeds) = options.chosen() {
        cargo.env("HANDOFF_SEEDS", seeds).arg("random::");
        everything = false;
    }
    if options.crash_points {
        cargo.env("HANDOFF_TURN", "all").arg("crash_points::");
        everything = false;
    }
    if let Some(guard) = &options.sabotage {
        if guard != "all" {
            cargo.env("HANDOFF_GUARD", guard);
        }
        cargo.arg("sabotage::");
        everything = false;
    }
    if everything {
        eprintln!("    schedules {}", seeds(protocol(workspace), SCHEDULES));
    }
    step::run("simulating the queue protocol", &mut cargo)
}

/// Runs the shipped components.
fn shipped(workspace: &Workspace, wanted: Option<Source>, options: &Options) -> Result<()> {
    components::build(
        workspace,
        wanted,
        &components::SPIN,
        &workspace.components(),
    )?;
    let mut tests = workspace.cargo(&["test", "--package", "handoff-host", "--", "--nocapture"]);
    tests.arg("simulation::");
    offer_components(workspace, &mut tests, true);
    if let Some(seeds) = options.chosen() {
        tests.env("HANDOFF_SCHEDULES", seeds);
    }
    step::run("simulating the components", &mut tests)
}

/// Tells the tests of the local host where the shipped components are, and to try many schedules or some.
pub(crate) fn offer_components(workspace: &Workspace, tests: &mut Command, many: bool) {
    tests.env("HANDOFF_ROOT", &workspace.root);
    if many {
        let schedules = format!("1..{}", COMPONENT_SCHEDULES + 1);
        tests.env("HANDOFF_SCHEDULES", schedules);
    }
}

/// The simulation, with everything that takes long; `cargo test` without the arguments of its tests.
fn tests(workspace: &Workspace) -> Command {
    let mut cargo = workspace.cargo(&["test"]);
    cargo.args(tests_of(true)).args(["--", "--nocapture"]);
    set_up(workspace, cargo, SCHEDULES)
}

/// The arguments of `cargo test` for it. For many schedules it is optimized, which takes as long as some of them.
pub(crate) fn tests_of(many: bool) -> Vec<&'static str> {
    let profile = if many { "simulation" } else { "dev" };
    let feature = ["--features", "sabotage", "--test", "simulation"];
    [
        &["--profile", profile, "--package", "handoff-queue"],
        &feature[..],
    ]
    .concat()
}

/// Chooses schedules, and a part of the places where something can go wrong; others when the protocol has changed.
fn set_up(workspace: &Workspace, mut tests: Command, schedules: u64) -> Command {
    let number = protocol(workspace);
    tests
        .env("HANDOFF_SEEDS", seeds(number, schedules))
        .env("HANDOFF_TURN", number.unwrap_or_default().to_string())
        // Each of the long ones uses all cores.
        .env("RUST_TEST_THREADS", "1");
    tests
}

/// Everything within the time of `cargo xtask test --all`, by a built program.
pub(crate) fn everything_in_time(workspace: &Workspace, program: &Path) -> Command {
    set_up(workspace, built(workspace, program), SCHEDULES)
}

/// What fits into minutes, by a built program.
pub(crate) fn some_schedules(workspace: &Workspace, program: &Path) -> Command {
    let mut tests = built(workspace, program);
    tests.arg("random::");
    set_up(workspace, tests, SOME_SCHEDULES)
}

fn built(workspace: &Workspace, program: &Path) -> Command {
    let mut tests = workspace.command(program);
    tests
        .current_dir(workspace.root.join("src/queue"))
        .arg("--nocapture");
    tests
}

/// A number that only this state of the protocol has: a commit that leaves it alone can't fail by a fault that was always there.
fn protocol(workspace: &Workspace) -> Option<u64> {
    let mut git = workspace.command("git");
    let hash = step::quiet_output(git.args(["rev-parse", "HEAD:src/queue/src"]))?;
    u64::from_str_radix(hash.get(..7)?, 16).ok()
}

/// The schedules for this state of the protocol.
fn seeds(protocol: Option<u64>, many: u64) -> String {
    // Without git, as in an archive of the source, they are the next ones.
    let first = protocol.map_or(many + 1, |number| (number + 1) * 1_000_000);
    format!("1..{},{first}..{}", many + 1, first + many)
}
