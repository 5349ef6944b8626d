//! `cargo xtask test`: what a change needs in minutes, and with `--all` everything that CI runs.

use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::components::Component;
use crate::summary::{Summary, timed};
use crate::toolchain::Source;
use crate::wash::WASH;
use crate::workspace::Workspace;
use crate::{components, debian, fuzz, host, lint, sim, step};

/// Why a part is not run.
const ONLY_WITH_ALL: &str = "only with --all";

/// End-to-end tests that take long, by a part of their names.
const LONG_TESTS: [(&str, &str); 4] = [
    ("end-to-end tests on Spin", "::spin_"),
    ("end-to-end tests on wasmCloud", "::wash_"),
    ("end-to-end tests with store = redis://", "::local_outbound"),
    ("crash rounds", "rounds::"),
];

/// What to test.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only the tests whose names contain one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Run only this part
    #[arg(long)]
    only: Option<Part>,
    /// Run everything that CI runs: all hosts and stores, crash rounds, every place where a task can die, fuzzing
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Formatting, clippy and the documentation
    Lint,
    /// The tests of the crates, and of the local host
    Unit,
    /// The components on real hosts and real stores, over HTTP
    E2e,
}

/// Runs the steps in order up to the first failure, and sums up.
pub(crate) fn test(workspace: &Workspace, wanted: Option<Source>, options: &Options) -> Result<()> {
    let mut summary = Summary::default();
    let outcome = run(workspace, wanted, options, &mut summary);
    summary.print();
    outcome
}

fn run(
    workspace: &Workspace,
    wanted: Option<Source>,
    options: &Options,
    summary: &mut Summary,
) -> Result<()> {
    let wants = |part| options.only.is_none_or(|only| only == part);
    if wants(Part::Lint) {
        lint::text(workspace, summary)?;
    }
    let mut build = |name, built: &[Component], to: &Path| {
        let build = || components::build(workspace, wanted, built, to);
        summary.time(name, build)
    };
    let to = workspace.components();
    if wants(Part::Unit) || wants(Part::E2e) {
        build("components", &components::SPIN, &to)?;
    }
    if wants(Part::E2e) {
        build("components for tests", &components::CONFORMANCE, &to)?;
        if options.all {
            build("components for wasmCloud", &components::WASMCLOUD, &to)?;
            let tests = &components::WASMCLOUD_CONFORMANCE;
            build("tests for wasmCloud", tests, &to)?;
            let without = &components::WITHOUT_KEY_VALUE;
            let to = to.join("without-key-value");
            build("without key-value", without, &to)?;
        }
        summary.time("local host", || host::build(workspace).map(drop))?;
    }
    if wants(Part::Lint) {
        lint::code(workspace, summary)?;
        if options.all {
            lint::variants(workspace, summary)?;
        }
    }
    thread::scope(|scope| {
        // Most tests wait or use one core, and the simulation only computes: it takes what they leave.
        let simulation =
            wants(Part::Unit).then(|| scope.spawn(|| timed(|| simulate(workspace, options))));
        let mut tested = Ok(());
        if wants(Part::Unit) {
            tested = unit(workspace, options, summary);
        }
        if wants(Part::E2e) && tested.is_ok() {
            tested = end_to_end(workspace, options, summary);
        }
        let simulated = simulation.map_or(Ok(()), |simulation| match simulation.join() {
            Ok((outcome, time)) => summary.add("simulation of the queue", outcome, time),
            Err(panic) => std::panic::resume_unwind(panic),
        });
        tested.and(simulated)
    })
}

fn unit(workspace: &Workspace, options: &Options, summary: &mut Summary) -> Result<()> {
    let others = ["--exclude", "handoff-host", "--exclude", "handoff-e2e"];
    let mut crates = tests(
        workspace,
        options,
        &[&["--workspace"], &others[..]].concat(),
    );
    summary.time("tests of the crates", || {
        step::run("testing the crates", &mut crates)
    })?;
    let mut local_host = tests(
        workspace,
        options,
        &["--release", "--package", "handoff-host"],
    );
    offer_redis(&mut local_host, "tests of the local host on Redis", summary);
    summary.time("tests of the local host", || {
        step::run("testing the local host", &mut local_host)
    })?;
    if !options.all {
        summary.skip("fuzzing", ONLY_WITH_ALL);
    } else if let Some(reason) = fuzz::missing() {
        summary.skip("fuzzing", reason);
    } else if options.filters.is_empty() {
        let fuzzing = || fuzz::fuzz(workspace, &fuzz::Options::default());
        summary.time("fuzzing", fuzzing)?;
    }
    Ok(())
}

fn simulate(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut simulation = match options.all {
        true => sim::everything_in_time(workspace),
        false => sim::some_schedules(workspace),
    };
    simulation.args(&options.filters);
    let log = workspace.target.join("simulation.log");
    step::run_beside("simulating the queue protocol", &simulation, &log)
}

fn end_to_end(workspace: &Workspace, options: &Options, summary: &mut Summary) -> Result<()> {
    let mut e2e = tests(workspace, options, &["--package", "handoff-e2e"]);
    e2e.env("HANDOFF_HOST_BIN", host::binary(workspace))
        .env("HANDOFF_ROOT", &workspace.root)
        // They mostly wait: for leases, for the next second.
        .env("RUST_TEST_THREADS", "6");
    if options.all {
        offer_spin(&mut e2e, summary);
        offer_wash(workspace, &mut e2e, summary);
    } else {
        for (what, tests) in LONG_TESTS {
            e2e.args(["--skip", tests]);
            summary.skip(what, ONLY_WITH_ALL);
        }
    }
    offer_redis(&mut e2e, "end-to-end tests on Redis", summary);
    summary.time("end-to-end tests", || {
        step::run("testing end to end", &mut e2e)
    })
}

fn tests(workspace: &Workspace, options: &Options, arguments: &[&str]) -> Command {
    let mut command = workspace.cargo(&["test"]);
    command.args(arguments).arg("--").args(&options.filters);
    command
}

/// Tells what runs the components on real hosts and stores what of these is here.
pub(crate) fn offer(program: &mut Command) {
    let mut summary = Summary::default();
    offer_spin(program, &mut summary);
    offer_redis(program, "Redis", &mut summary);
}

fn offer_spin(e2e: &mut Command, summary: &mut Summary) {
    match which::which("spin") {
        Ok(spin) => {
            e2e.env("HANDOFF_SPIN_BIN", spin);
        }
        Err(_) => {
            let reason = "spin is not on PATH (https://spinframework.dev/install)";
            e2e.env("HANDOFF_SKIP_SPIN", reason);
            summary.skip("end-to-end tests on Spin", reason);
        }
    }
}

fn offer_wash(workspace: &Workspace, e2e: &mut Command, summary: &mut Summary) {
    match WASH.get(workspace) {
        Ok(wash) => {
            e2e.env("HANDOFF_WASH_BIN", wash);
        }
        Err(error) => {
            let reason = format!("{error:#}");
            e2e.env("HANDOFF_SKIP_WASH", &reason);
            summary.skip("end-to-end tests on wasmCloud", &reason);
        }
    }
}

fn offer_redis(tests: &mut Command, what: &str, summary: &mut Summary) {
    if let Err(reason) = get_redis() {
        tests.env("HANDOFF_SKIP_REDIS", &reason);
        summary.skip(what, &reason);
    }
}

/// Sees that redis-server is on PATH, or says why not.
fn get_redis() -> Result<(), String> {
    let missing = || which::which("redis-server").is_err();
    if missing() && debian::can_install() {
        // Its service would then run here.
        if Path::new("/run/systemd/system").exists() {
            return Err(
                "redis-server is not on PATH, and installing it here would start a service".into(),
            );
        }
        if let Err(error) = debian::install_redis() {
            return Err(format!("redis-server could not be installed: {error:#}"));
        }
    }
    if missing() {
        return Err(
            "redis-server is not on PATH (its package is called redis-server or redis)".into(),
        );
    }
    Ok(())
}
