//! The command line on a real Handoff, and what it sends.

mod commands;
mod plugin;
mod refused;
mod routes;
mod story;

use std::io::Write;
use std::process::{Command, Stdio};

use handoff_e2e::Host;
use serde_json::Value;

/// A command that ended.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    #[track_caller]
    fn done(self) -> String {
        assert_eq!(self.status, 0, "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stderr, "");
        self.stdout
    }

    /// Its standard error, after this status.
    #[track_caller]
    fn ended(self, status: i32) -> String {
        assert_eq!(self.status, status, "{}{}", self.stdout, self.stderr);
        self.stderr
    }

    /// Its lines, each as JSON.
    #[track_caller]
    fn objects(self) -> Vec<Value> {
        let lines = self.done();
        let read = |line: &str| serde_json::from_str(line).expect(line);
        lines.lines().map(read).collect()
    }
}

/// The command, without anything of this process's environment that it heeds.
fn command(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handoff"));
    command
        .args(arguments)
        .env("HANDOFF_URL", url)
        .env("TZ", "UTC")
        .env_remove("HANDOFF_TOKEN")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(mut command: Command) -> Ran {
    let output = command.output().expect("the command line is started");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran {
        status: output.status.code().expect("no signal"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn handoff(host: &Host, arguments: &[&str]) -> Ran {
    run(command(&host.http().url(""), arguments))
}

/// The same, with something on its standard input.
fn handoff_with(host: &Host, arguments: &[&str], input: &str) -> Ran {
    let mut command = command(&host.http().url(""), arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .expect("the command line is started");
    let mut stdin = child.stdin.take().expect("its standard input");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran {
        status: output.status.code().expect("no signal"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The words of a line of a table.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
