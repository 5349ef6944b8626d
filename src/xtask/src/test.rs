//! `cargo xtask test`: everything that CI runs.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::components::Imports;
use crate::toolchain::Source;
use crate::workspace::Workspace;
use crate::{components, debian, fuzz, host, sim, step, wash};

/// What to test.
#[derive(Args)]
pub struct Options {
    /// Run only the tests whose names contain one of these
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
    /// Run only this part
    #[arg(long)]
    only: Option<Part>,
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
pub fn test(workspace: &Workspace, wanted: Option<Source>, options: &Options) -> Result<()> {
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
        let mut fmt = workspace.cargo(&["fmt", "--all", "--check"]);
        summary.time("formatting", || {
            step::run("checking the formatting", &mut fmt)
        })?;
    }
    if wants(Part::Unit) || wants(Part::E2e) {
        let build = || components::build(workspace, wanted, &components::PACKAGES, Imports::All);
        summary.time("components", build)?;
    }
    if wants(Part::E2e) {
        // Apart, so that the others are built as everybody builds them.
        let build =
            || components::build(workspace, wanted, &components::TEST_PACKAGES, Imports::All);
        summary.time("components for tests", build)?;
        let packages = &components::WASMCLOUD_TEST_PACKAGES;
        let build = || components::build(workspace, wanted, packages, Imports::All);
        summary.time("components for wasmCloud", build)?;
        summary.time("local host", || host::build(workspace).map(drop))?;
    }
    if wants(Part::Lint) {
        lint(workspace, summary)?;
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

fn lint(workspace: &Workspace, summary: &mut Summary) -> Result<()> {
    // In the profile of the local host: where that was built its macros and build scripts are compiled.
    let clippy = |what: &[&str]| {
        let mut command = workspace.cargo(&["clippy", "--release"]);
        command.args(what).args(["--", "-D", "warnings"]);
        command
    };
    // The simulation needs the feature.
    let sabotage = ["--features", "handoff-queue/sabotage"];
    let mut all = clippy(&[&["--workspace", "--all-targets"], &sabotage[..]].concat());
    summary.time("clippy", || step::run("running clippy", &mut all))?;
    let mut without = clippy(&["--package", "handoff-platform", "--no-default-features"]);
    summary.time("clippy without key-value", || {
        step::run("running clippy without the key-value store", &mut without)
    })?;
    let mut wasmcloud = clippy(&["--package", "handoff-wasmcloud"]);
    summary.time("clippy for wasmCloud", || {
        step::run("running clippy on what is for wasmCloud", &mut wasmcloud)
    })?;
    let mut doc = workspace.cargo(&["doc", "--release", "--workspace", "--no-deps"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    summary.time("documentation", || {
        step::run("building the documentation", &mut doc)
    })
}

fn unit(workspace: &Workspace, options: &Options, summary: &mut Summary) -> Result<()> {
    let mut crates = tests(
        workspace,
        options,
        &[
            "--workspace",
            "--exclude",
            "handoff-host",
            "--exclude",
            "handoff-e2e",
        ],
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
    if options.filters.is_empty() {
        match fuzz::missing() {
            None => {
                let fuzzing = || fuzz::fuzz(workspace, &fuzz::Options::default());
                summary.time("fuzzing", fuzzing)?;
            }
            Some(reason) => summary.skip("fuzzing", reason),
        }
    }
    Ok(())
}

fn simulate(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut simulation = sim::tests_in_time(workspace);
    simulation
        .args(["--", "--nocapture"])
        .args(&options.filters);
    let log = workspace.target.join("simulation.log");
    step::run_beside("simulating the queue protocol", &simulation, &log)
}

fn end_to_end(workspace: &Workspace, options: &Options, summary: &mut Summary) -> Result<()> {
    let mut e2e = tests(workspace, options, &["--package", "handoff-e2e"]);
    e2e.env("HANDOFF_HOST_BIN", host::binary(workspace))
        .env("HANDOFF_ROOT", &workspace.root)
        // They mostly wait: for leases, for the next second.
        .env("RUST_TEST_THREADS", "6");
    offer_spin(&mut e2e, summary);
    offer_wash(workspace, &mut e2e, summary);
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
pub fn offer(program: &mut Command) {
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
    match wash::get(workspace) {
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

fn timed(step: impl FnOnce() -> Result<()>) -> (Result<()>, Duration) {
    let start = Instant::now();
    (step(), start.elapsed())
}

#[derive(Default)]
struct Summary {
    steps: Vec<(&'static str, bool, Duration)>,
    skipped: Vec<String>,
}

impl Summary {
    fn time(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) -> Result<()> {
        let (outcome, time) = timed(step);
        self.add(name, outcome, time)
    }

    fn add(&mut self, name: &'static str, outcome: Result<()>, time: Duration) -> Result<()> {
        self.steps.push((name, outcome.is_ok(), time));
        outcome
    }

    fn skip(&mut self, what: &str, reason: &str) {
        self.skipped.push(format!("{what}: {reason}"));
    }

    fn print(&self) {
        println!("==> summary");
        for (name, passed, time) in &self.steps {
            let word = if *passed { "ok" } else { "FAILED" };
            println!("    {word:8}{name:26}{:>9}", step::seconds(*time));
        }
        for skipped in &self.skipped {
            println!("    SKIPPED {skipped}");
        }
    }
}
