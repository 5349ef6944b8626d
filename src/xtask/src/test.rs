//! `cargo xtask test`: what a change needs in minutes, and with `--all` everything that CI runs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::components::Component;
use crate::host::Use;
use crate::packages::Missing;
use crate::step::Lane;
use crate::summary::Summary;
use crate::toolchain::Source;
use crate::wash::WASH;
use crate::workspace::Workspace;
use crate::{components, dist, fuzz, host, lint, packages, servers, sim, step};

/// Why a part is not run.
const ONLY_WITH_ALL: &str = "only with --all";

/// End-to-end tests that take long, by a part of their names.
const LONG_TESTS: [(&str, &str); 7] = [
    ("end-to-end tests on Spin", "::spin_"),
    ("end-to-end tests on wasmCloud", "::wash_"),
    ("end-to-end tests with store = redis://", "::local_outbound"),
    ("end-to-end tests on Postgres", "::local_postgres"),
    ("end-to-end tests through PgBouncer", "::local_pgbouncer"),
    (
        "end-to-end tests with the limits of Akamai Functions",
        "::local_as_akamai",
    ),
    ("crash rounds", "rounds::"),
];

/// Where end-to-end tests are: the arguments of `cargo test` that build them.
const E2E: [&[&str]; 3] = [
    &["--package", "handoff-e2e"],
    &["--package", "handoff-client", "--test", "guide"],
    &["--package", "handoff-cli", "--test", "operator"],
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
    /// Run everything that CI runs: all hosts and stores, crash rounds, many of the places where a task can die, fuzzing
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

/// Runs the steps, some beside each other, and sums up.
pub(crate) fn test(workspace: &Workspace, wanted: Option<Source>, options: &Options) -> Result<()> {
    let summary = Summary::default();
    let run = Run {
        workspace,
        wanted,
        options,
        summary: &summary,
    };
    let outcome = run.run();
    summary.print();
    outcome
}

struct Run<'a> {
    workspace: &'a Workspace,
    wanted: Option<Source>,
    options: &'a Options,
    summary: &'a Summary,
}

/// What this machine has, or why not.
struct Here {
    redis: Result<(), String>,
    postgres: Result<(), String>,
    missing: Missing,
}

/// Tests that are built, to be run when their turn comes. `cargo test` would wait for others that build.
#[derive(Default)]
struct Built {
    e2e: Vec<PathBuf>,
    simulation: Vec<PathBuf>,
}

impl Run<'_> {
    fn run(&self) -> Result<()> {
        if self.wants(Part::Lint) {
            lint::text(self.workspace, self.summary)?;
        }
        // Components are mostly linked, on one core.
        let (components, built) = beside(|| self.components(), || self.programs());
        let here = Here {
            redis: servers::REDIS.get(),
            postgres: match self.options.all {
                true => servers::POSTGRES.get(),
                false => Ok(()), // Its tests are left out.
            },
            missing: components?,
        };
        let built = built?;
        let logs = self.workspace.target.join("logs");
        // Most end-to-end tests wait, and the simulation only computes: it takes what others leave.
        let (simulation, code) = (Lane::Beside(logs.clone(), 19), Lane::Beside(logs, 10));
        let (tested, simulated) = match self.wants(Part::E2e) {
            true => beside(
                || {
                    let checks = || self.code(&here, &code);
                    let (e2e, checked) = beside(|| self.end_to_end(&built.e2e, &here), checks);
                    checked.and(e2e)
                },
                || self.simulate(&built.simulation, &simulation),
            ),
            false => beside(
                || self.code(&here, &Lane::Shown),
                || self.simulate(&built.simulation, &simulation),
            ),
        };
        tested.and(simulated)
    }

    fn wants(&self, part: Part) -> bool {
        self.options.only.is_none_or(|only| only == part)
    }

    /// Components, and what is made with them. Returns what of that is missing.
    fn components(&self) -> Result<Missing> {
        let to = self.workspace.components();
        let build = |name, built: &[Component], to: &Path| {
            let build = || components::build(self.workspace, self.wanted, built, to);
            self.summary.time(name, build)
        };
        if self.wants(Part::Unit) || self.wants(Part::E2e) {
            build("components", &components::SPIN, &to)?;
        }
        if self.wants(Part::E2e) {
            build("components for tests", &components::CONFORMANCE, &to)?;
            if self.options.all {
                // Before components are built otherwise: it takes these.
                let dist = || dist::dist(self.workspace, self.wanted, &dist::Options::default());
                self.summary.time("release", dist)?;
                build("components for wasmCloud", &components::WASMCLOUD, &to)?;
                let tests = &components::WASMCLOUD_CONFORMANCE;
                build("tests for wasmCloud", tests, &to)?;
                let without = &components::WITHOUT_KEY_VALUE;
                let to = to.join("without-key-value");
                build("without key-value", without, &to)?;
                return packages::build(self.workspace, self.summary);
            }
        }
        Ok(packages::none(ONLY_WITH_ALL))
    }

    /// The local host, and the tests that run beside others.
    fn programs(&self) -> Result<Built> {
        let mut built = Built::default();
        if self.wants(Part::E2e) {
            self.summary.time("local host", || {
                host::build(self.workspace, Use::Test).map(drop)
            })?;
            self.summary.time("building end-to-end tests", || {
                for package in E2E {
                    let programs = self.workspace.build_tests("end-to-end tests", package)?;
                    built.e2e.extend(programs);
                }
                Ok(())
            })?;
        }
        if self.wants(Part::Unit) {
            let tests = sim::tests_of(self.options.all);
            self.summary.time("building the simulation", || {
                built.simulation = self.workspace.build_tests("the simulation", &tests)?;
                Ok(())
            })?;
        }
        Ok(built)
    }

    /// What takes a compiler: lints, and the tests of the crates and of the local host.
    fn code(&self, here: &Here, lane: &Lane) -> Result<()> {
        if self.wants(Part::Lint) {
            lint::code(self.workspace, self.summary, lane)?;
            match self.options.all {
                true => lint::variants(self.workspace, self.summary, lane)?,
                false => self
                    .summary
                    .skip("lints of the local host, documentation", ONLY_WITH_ALL),
            }
        }
        if self.wants(Part::Unit) {
            self.unit(here, lane)?;
        }
        Ok(())
    }

    fn unit(&self, here: &Here, lane: &Lane) -> Result<()> {
        let others = ["--exclude", "handoff-host", "--exclude", "handoff-e2e"];
        let mut crates = self.tests(&[&["--workspace"], &others[..]].concat());
        self.summary.time("tests of the crates", || {
            lane.run("testing the crates", &mut crates)
        })?;
        let mut local_host = self.tests(&["--package", "handoff-host"]);
        let what = "tests of the local host on Redis";
        servers::REDIS.offer(&here.redis, &mut local_host, what, self.summary);
        sim::offer_components(self.workspace, &mut local_host, self.options.all);
        self.summary.time("tests of the local host", || {
            lane.run("testing the local host", &mut local_host)
        })?;
        if !self.options.all {
            self.summary.skip("fuzzing", ONLY_WITH_ALL);
        } else if let Some(reason) = fuzz::missing() {
            self.summary.skip("fuzzing", reason);
        } else if self.options.filters.is_empty() {
            let fuzzing = || fuzz::fuzz(self.workspace, &fuzz::Options::default());
            self.summary.time("fuzzing", fuzzing)?;
        }
        Ok(())
    }

    fn simulate(&self, programs: &[PathBuf], lane: &Lane) -> Result<()> {
        programs.iter().try_for_each(|program| {
            let mut simulation = match self.options.all {
                true => sim::everything_in_time(self.workspace, program),
                false => sim::some_schedules(self.workspace, program),
            };
            simulation.args(&self.options.filters);
            self.summary.time("simulation of the queue", || {
                lane.run("simulating the queue protocol", &mut simulation)
            })
        })
    }

    fn end_to_end(&self, programs: &[PathBuf], here: &Here) -> Result<()> {
        self.summary.time("end-to-end tests", || {
            programs.iter().enumerate().try_for_each(|(i, program)| {
                let mut e2e = self.workspace.command(program);
                self.set_up(&mut e2e, here, i == 0);
                step::run("testing end to end", &mut e2e)
            })
        })
    }

    /// Tells end-to-end tests what there is. The first of several programs has what is missing noted.
    fn set_up(&self, e2e: &mut Command, here: &Here, first: bool) {
        packages::offer(&here.missing, e2e);
        let silent = Summary::default();
        let summary = if first { self.summary } else { &silent };
        e2e.current_dir(self.workspace.root.join("tests/e2e"))
            .args(&self.options.filters)
            .env("HANDOFF_HOST_BIN", host::binary(self.workspace, Use::Test))
            .env("HANDOFF_ROOT", &self.workspace.root)
            // They mostly wait: for leases, for the next second.
            .env("RUST_TEST_THREADS", "8");
        if self.options.all {
            offer_spin(e2e, summary);
            offer_wash(self.workspace, e2e, summary);
        } else {
            for (what, tests) in LONG_TESTS {
                e2e.args(["--skip", tests]);
                summary.skip(what, ONLY_WITH_ALL);
            }
        }
        let what = "end-to-end tests on Redis";
        servers::REDIS.offer(&here.redis, e2e, what, summary);
        let what = "end-to-end tests on Postgres";
        servers::POSTGRES.offer(&here.postgres, e2e, what, summary);
        if self.options.all
            && let Err(reason) = servers::pgbouncer()
        {
            e2e.env("HANDOFF_SKIP_PGBOUNCER", &reason);
            summary.skip("end-to-end tests through PgBouncer", &reason);
        }
    }

    fn tests(&self, arguments: &[&str]) -> Command {
        let mut command = self.workspace.cargo(&["test"]);
        command
            .args(arguments)
            .arg("--")
            .args(&self.options.filters);
        command
    }
}

/// Runs both at once.
fn beside<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        match one.join() {
            Ok(one) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Tells what runs the components on real hosts and stores what of these is here.
pub(crate) fn offer(program: &mut Command) {
    let summary = Summary::default();
    offer_spin(program, &summary);
    for (server, what) in [(servers::REDIS, "Redis"), (servers::POSTGRES, "Postgres")] {
        server.offer(&server.get(), program, what, &summary);
    }
}

fn offer_spin(e2e: &mut Command, summary: &Summary) {
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

fn offer_wash(workspace: &Workspace, e2e: &mut Command, summary: &Summary) {
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
