//! What is written at the end: a page, and a picture for it.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use handoff_e2e::workspace;

use crate::measure::Scale;
use crate::results::{Results, digits};
use crate::system::System;
use crate::{goals, machine, picture, table, tools};

/// A run that is over.
pub(crate) struct Report<'a> {
    /// What was measured.
    pub systems: &'a [System],
    /// What came out.
    pub results: &'a Results,
    /// Of each system, by its title.
    pub versions: Vec<(&'static str, String)>,
    /// How much was measured.
    pub scale: Scale,
    /// Of the machine, before it began.
    pub load_average: f64,
    /// The whole run.
    pub took: Duration,
}

impl Report<'_> {
    /// Writes `RESULTS.md` and `results.svg` into a folder. False if something that is counted is not as it must be.
    pub(crate) fn write(&self, folder: &Path) -> Result<bool> {
        let goals = goals::all(self.results);
        let page = self.page(&table::goals(&goals));
        for (name, text) in [
            ("RESULTS.md", &page),
            ("results.svg", &picture::picture(self.systems, self.results)),
        ] {
            let file = folder.join(name);
            fs::write(&file, text).with_context(|| format!("{} is written", file.display()))?;
        }
        println!("{page}");
        println!("==> written to {}", folder.display());
        let mut broken = goals
            .iter()
            .filter(|goal| goal.counted && goal.found.is_some() && !goal.met);
        Ok(broken.next().is_none())
    }

    fn page(&self, goals: &str) -> String {
        let mut page = String::from("# Measured\n\n");
        let fsync = machine::fsync_ms(&workspace("target"))
            .map_or("unknown".into(), |ms| format!("{} ms", digits(ms)));
        _ = writeln!(
            page,
            "On {}, of commit {}, by `cargo xtask bench` in {:.0} minutes: medians of {} rounds in which the systems took turns. \
             [README.md](README.md) says what each row is and how to read it.\n\n\
             The machine: {}; a write of 4 KiB is on its disk after {fsync}; load average before: {:.2}. The client ran on it, too: {}. {}.\n",
            told("date", &["-u", "+%F"]),
            commit(),
            self.took.as_secs_f64() / 60.0,
            self.scale.rounds,
            machine::description(),
            self.load_average,
            told(
                "sh",
                &["-c", "wrk --version 2>&1 | head -n 1 | cut -d' ' -f1,2"]
            ),
            redis(),
        );
        _ = writeln!(page, "![The main results](results.svg)\n");
        page += &table::table(self.systems, self.results);
        _ = writeln!(
            page,
            "\nIn brackets: how many times as good as the first column.\n\n## Goals\n\n{goals}"
        );
        page += "A goal that is counted and not met fails the run (BROKEN); a timed one never does.\n\n## How each is set up\n\n";
        for (system, (_, version)) in self.systems.iter().zip(&self.versions) {
            _ = writeln!(
                page,
                "- **{}** (`{}`): {}. {version}.",
                system.title, system.name, system.setup
            );
        }
        if !self.results.failures.is_empty() {
            page += "\n## Not measured\n\n";
            for failure in &self.results.failures {
                _ = writeln!(page, "- {}", failure.replace('\n', " "));
            }
        }
        page
    }
}

fn told(program: &str, arguments: &[&str]) -> String {
    tools::output(Command::new(program).args(arguments)).unwrap_or_else(|_| "unknown".to_owned())
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        tools::output(
            Command::new("git")
                .args(arguments)
                .current_dir(workspace(".")),
        )
    };
    let commit = git(&["rev-parse", "--short", "HEAD"]).unwrap_or_else(|_| "unknown".to_owned());
    // The page itself may be new.
    let changed = git(&[
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        ".",
        ":!bench/RESULTS.md",
        ":!bench/results.svg",
    ]);
    match changed {
        Ok(changed) if changed.is_empty() => commit,
        _ => format!("{commit} with changes"),
    }
}

fn redis() -> String {
    let version = tools::version("redis-server").unwrap_or_default();
    let number = version
        .split_whitespace()
        .find_map(|word| word.strip_prefix("v="));
    format!("Redis {}", number.unwrap_or("unknown"))
}
