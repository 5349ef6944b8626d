//! `cargo xtask bench`: measures Handoff and its peers on one machine in one sitting, systems taking turns.
//!
//! `systems` has what is measured, `measure` how; `report` makes a table and a picture of it. Nothing that is timed fails
//! the run; what is counted does.

mod api;
mod goals;
mod load;
mod machine;
mod measure;
mod picture;
mod report;
mod results;
mod system;
mod systems;
mod table;
mod tools;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;
use handoff_e2e::workspace;

use crate::measure::{Measurement, Scale, Taking, When, idle};
use crate::report::Report;
use crate::results::Results;
use crate::system::{App, System};
use crate::tools::Tools;

/// Measures Handoff and its peers.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    /// One short round, to try it out; the numbers mean little
    #[arg(long)]
    quick: bool,
    /// Measure only this system, or make only this measurement; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Where peers are installed and results of partial runs go
    #[arg(long, env = "HANDOFF_BENCH_FOLDER", hide = true)]
    folder: PathBuf,
}

/// What is to be measured.
struct Bench {
    systems: Vec<System>,
    measurements: Vec<Measurement>,
    idle: bool,
    scale: Scale,
    tools: Tools,
    results: Results,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// False if something that is counted is not as it must be.
fn run(options: &Options) -> Result<bool> {
    tools::output(std::process::Command::new("sh").args(["-c", "command -v wrk"]))
        .ok()
        .context(load::HOW_TO_GET_WRK)?;
    fs::create_dir_all(&options.folder)?;
    let mut bench = Bench::chosen(options)?;
    let (start, load_average) = (Instant::now(), machine::load_average());
    let versions = bench.install();
    for round in 0..bench.scale.rounds {
        eprintln!("==> round {} of {}", round + 1, bench.scale.rounds);
        for when in [When::AtRest, When::AtWork] {
            bench.turn(when, round);
        }
    }
    eprintln!("==> what is measured once");
    bench.turn(When::Once, 0);
    if bench.idle {
        bench.idle();
    }

    let report = Report {
        systems: &bench.systems,
        results: &bench.results,
        versions,
        scale: bench.scale,
        load_average,
        took: start.elapsed(),
    };
    let complete = !options.quick && options.only.is_empty();
    let folder = if complete {
        workspace("bench")
    } else {
        options.folder.clone()
    };
    fs::write(options.folder.join("samples.csv"), bench.results.raw())?;
    report.write(&folder)
}

impl Bench {
    fn chosen(options: &Options) -> Result<Self> {
        let mut bench = Self {
            systems: systems::all(),
            measurements: Vec::from(measure::ALL),
            idle: true,
            scale: if options.quick {
                measure::QUICK
            } else {
                measure::FULL
            },
            tools: Tools {
                folder: options.folder.clone(),
            },
            results: Results::default(),
        };
        let systems: Vec<_> = bench.systems.iter().map(|system| system.name).collect();
        let measurements = bench
            .measurements
            .iter()
            .map(|measurement| measurement.name);
        let measurements: Vec<_> = measurements.chain([idle::NAME]).collect();
        for name in &options.only {
            if !systems.contains(&name.as_str()) && !measurements.contains(&name.as_str()) {
                bail!(
                    "--only {name}: there are the systems {systems:?} and the measurements {measurements:?}"
                );
            }
        }
        let wants = |name: &str| options.only.iter().any(|only| only == name);
        if systems.iter().any(|name| wants(name)) {
            bench.systems.retain(|system| wants(system.name));
        }
        if measurements.iter().any(|name| wants(name)) {
            bench
                .measurements
                .retain(|measurement| wants(measurement.name));
            bench.idle = wants(idle::NAME);
        }
        Ok(bench)
    }

    /// Leaves out what can't be had here. Returns what the others are in which version.
    fn install(&mut self) -> Vec<(&'static str, String)> {
        let mut versions = Vec::new();
        for system in std::mem::take(&mut self.systems) {
            match (system.install)(&self.tools) {
                Ok(version) => {
                    versions.push((system.title, version));
                    self.systems.push(system);
                }
                Err(error) => self
                    .results
                    .failures
                    .push(format!("{}: {error:#}", system.title)),
            }
        }
        versions
    }

    /// Lets every system make these measurements, each time beginning with another one.
    fn turn(&mut self, when: When, round: u32) {
        for i in 0..self.systems.len() {
            let system = &self.systems[(i + round as usize) % self.systems.len()];
            let chosen = self.measurements.iter().filter(|measurement| {
                let wanted = measurement.systems;
                measurement.when == when && (wanted.is_empty() || wanted.contains(&system.name))
            });
            let chosen: Vec<_> = chosen.collect();
            if when == When::Once {
                for one in chosen {
                    take(system, &[one], self.scale, &self.tools, &mut self.results);
                }
            } else if !chosen.is_empty() {
                take(system, &chosen, self.scale, &self.tools, &mut self.results);
            }
        }
    }

    fn idle(&mut self) {
        eprintln!(
            "==> idle systems ({} s)",
            self.scale.settle_s + self.scale.idle_s
        );
        let results = &mut self.results;
        let mut running = Vec::new();
        for system in &self.systems {
            let start = || system.app(&self.tools);
            if let Some(app) = attempt(system, idle::NAME, results, |_| start()) {
                running.push((system, app));
            }
        }
        let (systems, apps): (Vec<&System>, Vec<App>) = running.into_iter().unzip();
        idle::run(&apps, self.scale, |i, metric, value| {
            results.add(systems[i], metric, value)
        });
    }
}

/// Makes measurements on a fresh system. One that fails ends this turn, and is told in the report.
fn take(
    system: &System,
    chosen: &[&Measurement],
    scale: Scale,
    tools: &Tools,
    results: &mut Results,
) {
    let another = || system.app(tools);
    let Some(app) = attempt(system, "start", results, |_| another()) else {
        return;
    };
    results.add(
        system,
        measure::FIRST_ANSWER.key,
        app.first_answer.as_secs_f64(),
    );
    if chosen[0].when == When::AtRest {
        app.pause();
    }
    let mut taking = Some(app);
    for measurement in chosen {
        let made = attempt(system, measurement.name, results, |results| {
            let mut taking_part = Taking {
                app: taking.take().context("the system runs")?,
                scale,
                another: &another,
                record: &mut |metric, value| results.add(system, metric, value),
            };
            (measurement.run)(&mut taking_part)?;
            Ok(taking_part.app)
        });
        match made {
            Some(app) => taking = Some(app),
            None => return,
        }
    }
}

/// Does it; a failure or a panic is noted.
fn attempt<T>(
    system: &System,
    what: &str,
    results: &mut Results,
    work: impl FnOnce(&mut Results) -> Result<T>,
) -> Option<T> {
    let caught = catch_unwind(AssertUnwindSafe(|| work(results)));
    let error = match caught {
        Ok(Ok(done)) => return Some(done),
        Ok(Err(error)) => format!("{error:#}"),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or(panic.downcast_ref::<&str>().copied())
                .unwrap_or("it panicked")
                .to_owned()
        }
    };
    let error = error.chars().take(300).collect::<String>();
    eprintln!("    {} {what}: {error}", system.name);
    results
        .failures
        .push(format!("{}, {what}: {error}", system.title));
    None
}
