//! Runs one child process as a named step that shows life.

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace::cargo_program;

/// How often a log that nobody redraws hears of a step that goes on.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How a step runs.
#[derive(Clone)]
pub(crate) enum Lane {
    /// Its output is shown as it comes.
    Shown,
    /// Beside other steps, with this niceness. Its output goes into a file of this folder, and is shown when it has ended.
    Beside(PathBuf, u8),
}

impl Lane {
    /// Runs the command to its end. `what` reads like "building the components".
    pub(crate) fn run(&self, what: &str, command: &mut Command) -> Result<()> {
        match self {
            Self::Shown => run(what, command),
            Self::Beside(folder, niceness) => run_beside(what, command, folder, *niceness),
        }
    }
}

/// Runs the command to its end, with its output inherited.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<()> {
    eprintln!("==> {what}");
    let status = watched(what, || command.status());
    ended(what, command, status)
}

/// Runs the command to its end and returns what it printed on stdout.
pub(crate) fn output(what: &str, command: &mut Command) -> Result<String> {
    eprintln!("==> {what}");
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut printed = Vec::new();
    let status = watched(what, || {
        let output = command.spawn()?.wait_with_output()?;
        printed = output.stdout;
        Ok(output.status)
    });
    ended(what, command, status)?;
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

fn run_beside(what: &str, command: &Command, folder: &Path, niceness: u8) -> Result<()> {
    let log = folder.join(format!("{}.log", what.replace(' ', "-")));
    eprintln!("==> {what}, beside others; so far into {}", log.display());
    let unwritable = || format!("{} can't be written", log.display());
    fs::create_dir_all(folder).with_context(unwritable)?;
    let file = File::create(&log).with_context(unwritable)?;
    let mut nice = at_priority(niceness, command);
    nice.stdin(Stdio::null());
    nice.stdout(file.try_clone().with_context(unwritable)?);
    nice.stderr(file);
    let status = watched(what, || nice.status());
    eprintln!("==> {what}: printed beside others");
    let mut file = File::open(&log).with_context(unwritable)?;
    io::copy(&mut file, &mut io::stdout())?;
    ended(what, &nice, status)
}

/// Says from time to time that a step goes on, and in the end how long it took.
fn watched(
    what: &str,
    command: impl FnOnce() -> io::Result<ExitStatus>,
) -> (io::Result<ExitStatus>, Duration) {
    let start = Instant::now();
    let (finished, heartbeat) = mpsc::channel::<()>();
    let status = thread::scope(|scope| {
        if !io::stderr().is_terminal() {
            scope.spawn(move || {
                while heartbeat.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
                    eprintln!("    still {what} ({} s)", start.elapsed().as_secs());
                }
            });
        }
        let status = command();
        drop(finished);
        status
    });
    (status, start.elapsed())
}

fn ended(
    what: &str,
    command: &Command,
    (status, time): (io::Result<ExitStatus>, Duration),
) -> Result<()> {
    let started = || format!("{what}: could not start `{}`", describe(command));
    let status = status.with_context(started)?;
    if !status.success() {
        bail!("{what} failed ({status}): {}", describe(command));
    }
    eprintln!("    done in {}", seconds(time));
    Ok(())
}

fn at_priority(niceness: u8, command: &Command) -> Command {
    let mut nice = Command::new("nice");
    nice.args(["-n", &niceness.to_string()]);
    nice.arg(command.get_program());
    nice.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => nice.env(name, value),
            None => nice.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        nice.current_dir(folder);
    }
    nice
}

/// Runs the command to its end and returns what it printed; nothing if it could not be started or failed.
pub(crate) fn quiet_output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout));
    text.map(|text| text.trim().to_owned())
}

/// A time as every step shows it.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The command as one would type it in the workspace's root.
pub(crate) fn describe(command: &Command) -> String {
    let settings = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(format!(
            "{}={}",
            name.to_string_lossy(),
            shell_words::quote(&value)
        ))
    });
    let program = match command.get_program() {
        own if own == cargo_program() => "cargo".as_ref(),
        other => other,
    };
    let words = iter::once(program)
        .chain(command.get_args())
        .map(|word| shell_words::quote(&word.to_string_lossy()).into_owned());
    settings.chain(words).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("cargo");
        command
            .args(["clippy", "--", "-D", "warnings"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .env_remove("CARGO_PKG_NAME");
        assert_eq!(
            describe(&command),
            "RUSTDOCFLAGS='-D warnings' cargo clippy -- -D warnings"
        );
    }

    #[test]
    fn a_failure_names_the_step_and_the_command() {
        let error = run("failing", &mut Command::new("false")).expect_err("`false` fails");
        assert_eq!(error.to_string(), "failing failed (exit status: 1): false");
        let error = run("starting", &mut Command::new("no-such-program")).expect_err("not there");
        assert_eq!(
            error.to_string(),
            "starting: could not start `no-such-program`"
        );
    }

    #[test]
    fn beside_others_a_command_is_the_same_but_for_its_priority() -> Result<()> {
        let folder = std::env::temp_dir();
        let mut command = Command::new("sh");
        command.args(["-c", "echo $A"]).env("A", "b c");
        command.current_dir(&folder);
        let nice = at_priority(19, &command);
        assert_eq!(describe(&nice), "A='b c' nice -n 19 sh -c 'echo $A'");
        assert_eq!(nice.get_current_dir(), Some(folder.as_path()));

        let logs = folder.join(format!("xtask-beside-{}", std::process::id()));
        let lane = Lane::Beside(logs.clone(), 19);
        lane.run("echoing it", &mut command)?;
        assert_eq!(fs::read_to_string(logs.join("echoing-it.log"))?, "b c\n");
        let failed = lane.run("failing", &mut Command::new("false"));
        let error = failed.expect_err("`false` fails").to_string();
        assert_eq!(error, "failing failed (exit status: 1): nice -n 19 false");
        fs::remove_dir_all(&logs)?;
        Ok(())
    }
}
