//! Runs one child process as a named step that shows life.

use std::io::{self, IsTerminal, Write};
use std::iter;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace::cargo_program;

/// How often a log that nobody redraws hears of a step that goes on.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Runs the command to its end, with its output inherited. `what` reads like "building the components".
pub fn run(what: &str, command: &mut Command) -> Result<()> {
    eprintln!("==> {what}");
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
        let status = command.status();
        drop(finished);
        status
    })
    .with_context(|| could_not_start(what, command))?;
    succeeded(what, command, status)?;
    eprintln!("    done in {}", seconds(start.elapsed()));
    Ok(())
}

/// The same beside other steps: it takes what they leave of the processors, and its output comes in one piece at its end.
pub fn run_beside(what: &str, command: &Command) -> Result<()> {
    eprintln!("==> {what}, beside what follows");
    let start = Instant::now();
    let output = at_low_priority(command).stdin(Stdio::null()).output();
    let output = output.with_context(|| could_not_start(what, command))?;
    eprintln!("==> {what}: this was printed beside the above");
    io::stderr().write_all(&output.stderr)?;
    io::stdout().write_all(&output.stdout)?;
    succeeded(what, command, output.status)?;
    eprintln!("    done in {}", seconds(start.elapsed()));
    Ok(())
}

fn at_low_priority(command: &Command) -> Command {
    let mut nice = Command::new("nice");
    nice.args(["-n", "19"]).arg(command.get_program());
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

fn could_not_start(what: &str, command: &Command) -> String {
    format!("{what}: could not start `{}`", describe(command))
}

fn succeeded(what: &str, command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("{what} failed ({status}): {}", describe(command));
    }
    Ok(())
}

/// Runs the command to its end and returns what it printed; nothing if it could not be started or failed.
pub fn quiet_output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout));
    text.map(|text| text.trim().to_owned())
}

/// A time as every step shows it.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// The command as one would type it in the workspace's root.
pub fn describe(command: &Command) -> String {
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
        command
            .args(["-c", "echo $(nice) \"$A\" $(pwd -P)"])
            .env("A", "b c")
            .current_dir(&folder);
        let printed = quiet_output(&mut at_low_priority(&command));
        let folder = folder.canonicalize()?;
        assert_eq!(printed, Some(format!("19 b c {}", folder.display())));

        command.args(["-c", "false"]);
        assert!(
            run_beside("passing", &command).is_ok(),
            "sh takes the first"
        );
        let error = run_beside("failing", &Command::new("false")).expect_err("`false` fails");
        assert_eq!(error.to_string(), "failing failed (exit status: 1): false");
        Ok(())
    }
}
