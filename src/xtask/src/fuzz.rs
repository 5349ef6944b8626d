//! `cargo xtask fuzz`: libFuzzer on everything that takes bytes from outside. `tests/fuzz` has the targets.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::step;
use crate::workspace::Workspace;

/// The targets, and how many inputs each is given unless told otherwise: altogether about a minute on one core.
const TARGETS: [(&str, u64); 11] = [
    ("batch", 250_000),
    ("duration", 500_000),
    ("gather", 350_000),
    ("id", 1_500_000),
    ("records", 1_700),
    ("request", 350_000),
    ("run", 350_000),
    ("schedule", 20_000),
    ("task", 350_000),
    ("time", 500_000),
    ("workflow", 20_000),
];

/// Counters on every edge and the compared values of every comparison, for libFuzzer to be led by: what cargo-fuzz sets, as
/// far as stable Rust has it.
const INSTRUMENTATION: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Longer inputs are tried no more: they are slow and say nothing new.
const INPUT_MAX_BYTES: u32 = 4_096;
/// What libFuzzer's random numbers begin with if it is told how many inputs to try.
const SEED: u32 = 1;
/// One input that takes longer counts as an endless loop.
const INPUT_MAX_S: u32 = 20;

/// What to fuzz, and for how long.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// The target; all, one after the other, if it is not given
    target: Option<String>,
    /// Give the target only this input, such as one that it failed at
    input: Option<PathBuf>,
    /// How many inputs to try, per target: the same each time
    #[arg(long, conflicts_with = "seconds")]
    runs: Option<u64>,
    /// How many seconds to try, per target: others each time
    #[arg(long)]
    seconds: Option<u64>,
}

/// What fuzzing needs and is not here.
pub(crate) fn missing() -> Option<&'static str> {
    let compiler = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let found = which::which(compiler).is_ok();
    (!found)
        .then_some("there is no C++ compiler, which libFuzzer is built with (c++ on PATH, or CXX)")
}

/// Builds the targets and runs them up to the first that fails.
pub(crate) fn fuzz(workspace: &Workspace, options: &Options) -> Result<()> {
    if let Some(missing) = missing() {
        bail!("{missing}");
    }
    let chosen = |name: &str| {
        options
            .target
            .as_deref()
            .is_none_or(|target| target == name)
    };
    let targets: Vec<_> = TARGETS.iter().filter(|(name, _)| chosen(name)).collect();
    if targets.is_empty() {
        let names = TARGETS.map(|(name, _)| name).join(", ");
        bail!("there is no such target; there are {names}");
    }
    let fuzzer = Fuzzer {
        binary: build(workspace)?,
        kept: workspace.root.join("tests/fuzz/corpus"),
        output: workspace.target.join("fuzz"),
    };
    for (name, runs) in targets {
        match &options.input {
            Some(input) => fuzzer.replay(name, input)?,
            None => fuzzer.run(name, options.runs.unwrap_or(*runs), options.seconds)?,
        }
    }
    Ok(())
}

/// Builds into a folder of its own: its flags would make everything else be built anew.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let version = step::quiet_output(Command::new("rustc").arg("-vV"));
    let version = version.context("`rustc -vV` failed: is rustc on PATH?")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("`rustc -vV` named no host")?;
    let target = workspace.target.join("fuzz/build");
    // With a target named, the flags are not for build scripts and macros, which run without libFuzzer.
    let mut cargo = workspace.cargo(&[
        "build",
        "--package",
        "handoff-fuzz",
        "--features",
        "libfuzzer",
    ]);
    cargo.args(["--profile", "fuzz", "--target", host]);
    cargo.env("CARGO_TARGET_DIR", &target);
    cargo.env_remove("RUSTFLAGS");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\x1f"));
    step::run("building the fuzzer", &mut cargo)?;
    Ok(target.join(host).join("fuzz/handoff-fuzz"))
}

struct Fuzzer {
    binary: PathBuf,
    /// The corpus in the repository, which is only read.
    kept: PathBuf,
    /// Where everything goes that is found.
    output: PathBuf,
}

impl Fuzzer {
    fn command(&self, target: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.env("HANDOFF_FUZZ_TARGET", target);
        command
    }

    fn replay(&self, target: &str, input: &Path) -> Result<()> {
        step::run(
            &format!("giving {} to {target}", input.display()),
            self.command(target).arg(input),
        )
    }

    fn run(&self, target: &str, runs: u64, seconds: Option<u64>) -> Result<()> {
        let found = self.output.join("found").join(target);
        let crashes = self.output.join("crashes").join(target);
        for folder in [&found, &crashes] {
            fs::create_dir_all(folder)
                .with_context(|| format!("{} could not be created", folder.display()))?;
        }
        let mut command = self.command(target);
        command.args([&found, &self.kept.join(target)]);
        command.arg(format!("-artifact_prefix={}/", crashes.display()));
        command.arg(format!("-max_len={INPUT_MAX_BYTES}"));
        command.arg(format!("-timeout={INPUT_MAX_S}"));
        match seconds {
            Some(seconds) => command.arg(format!("-max_total_time={seconds}")),
            // The same inputs each time, since a test of one commit says the same on every machine.
            None => command.args([format!("-runs={runs}"), format!("-seed={SEED}")]),
        };
        let log = watch(target, &mut command)?;
        if let Some(log) = log {
            bail!("{target} failed\n{log}{}", how_to_replay(target, &log));
        }
        Ok(())
    }
}

/// Runs libFuzzer with a line for its begin, for life from time to time, and for its end. Returns what else it said if it
/// failed.
fn watch(target: &str, command: &mut Command) -> Result<Option<String>> {
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start `{}`", step::describe(command)))?;
    let mut log = String::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n') {
            let line = line.context("libFuzzer's output broke off")?;
            let line = String::from_utf8_lossy(&line);
            if !line.starts_with('#') {
                log.extend([&line, "\n"]);
            } else if ["INITED", "pulse", "DONE"]
                .iter()
                .any(|word| line.contains(word))
            {
                eprintln!("    {target:10}{line}");
            }
        }
    }
    let status = child.wait().context("libFuzzer could not be waited for")?;
    Ok((!status.success()).then_some(log))
}

/// libFuzzer's line about the input names its file last.
fn how_to_replay(target: &str, log: &str) -> String {
    let file = log
        .lines()
        .find_map(|line| line.split_once("Test unit written to "));
    match file {
        Some((_, file)) => format!(
            "again: cargo xtask fuzz {target} {}",
            shell_words::quote(file)
        ),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_seeds_and_every_folder_of_seeds_is_run() -> Result<()> {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus");
        let mut folders = Vec::new();
        for entry in fs::read_dir(corpus)? {
            folders.push(entry?.file_name().to_string_lossy().into_owned());
        }
        folders.sort();
        assert_eq!(folders, TARGETS.map(|(name, _)| name));
        Ok(())
    }

    #[test]
    fn a_failure_says_how_to_see_it_again() {
        let log = "panicked\nartifact_prefix='x'; Test unit written to /t/crash-1\nBase64: QQ==\n";
        assert_eq!(
            how_to_replay("id", log),
            "again: cargo xtask fuzz id /t/crash-1"
        );
        assert_eq!(how_to_replay("id", "panicked"), "");
    }
}
