//! A Postgres server that keeps what it acknowledged, as Debian's and others' packages install it.

use crate::environment;
use crate::host::workspace;
use crate::pgbouncer::PgBouncer;
use crate::poll::until;
use crate::process::{self, Process};
use crate::redis::free_port;
use rustix::fs::{Gid, Mode, Uid, chmod, chown};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

const START_TIME: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);
const TRIES: u32 = 5;
/// Postgres does not serve as root: then another user does, who is everywhere and owns nothing.
const OTHER_USER: u32 = 65_534;

/// A Postgres server with files of its own. Killed when it is dropped.
pub struct Postgres {
    process: Process,
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    /// What hosts reach it through, if not by themselves.
    pooler: Option<PgBouncer>,
}

impl Postgres {
    /// Starts one whose files are in `folder`, with the tables of the page on Postgres.
    #[track_caller]
    pub fn start_with_tables(folder: &Path) -> Self {
        let postgres = Self::start(folder);
        let schema = workspace("src/platform/src/spin/postgres/schema.sql");
        postgres.ask(&fs::read_to_string(schema).expect("the schema"));
        postgres
    }

    /// The same, behind a PgBouncer.
    #[track_caller]
    pub fn start_behind_pgbouncer(folder: &Path) -> Self {
        let mut postgres = Self::start_with_tables(folder);
        postgres.pooler = Some(PgBouncer::start(postgres.port, folder));
        postgres
    }

    /// Starts one whose files are in `folder`, with a database that is empty.
    #[track_caller]
    pub fn start(folder: &Path) -> Self {
        let programs =
            environment::postgres().expect("tests are skipped where it is not available");
        let folder = given_away(folder, "postgres");
        initialize(&programs, &folder);
        Self::launch(programs, folder)
    }

    /// Starts the server of these files on a free port.
    #[track_caller]
    fn launch(programs: PathBuf, folder: PathBuf) -> Self {
        for _ in 0..TRIES {
            let port = free_port();
            if let Some(process) = launch(&programs, &folder, port) {
                return Self {
                    process,
                    programs,
                    folder,
                    port,
                    pooler: None,
                };
            }
        }
        panic!("postgres found no free port in {TRIES} tries");
    }

    /// Starts a standby, whose files are in another `folder`. The server acknowledges nothing that this one has not.
    #[track_caller]
    pub fn start_synchronous_standby(&self, folder: &Path) -> Self {
        let folder = given_away(folder, "postgres");
        let url = self.url();
        let copied = ["--write-recovery-conf", "--no-sync", "--checkpoint=fast"];
        run_as_user(&self.programs.join("pg_basebackup"), &folder, |command| {
            command.arg(format!("--dbname={url}")).args(copied);
            command.arg("--pgdata").arg(folder.join("data"));
        });
        let standby = Self::launch(self.programs.clone(), folder);
        self.set("synchronous_standby_names", "'*'");
        until("the standby keeps pace", START_TIME, || {
            let states = self.ask("SELECT sync_state FROM pg_stat_replication");
            (states == "sync").then_some(())
        });
        standby
    }

    /// Makes a standby the server that writes.
    #[track_caller]
    pub fn promote(&self) {
        assert_eq!(self.ask("SELECT pg_promote()"), "t");
    }

    /// Where the two are as one: whichever of them writes.
    pub fn url_with(&self, standby: &Self) -> String {
        let (port, other) = (self.port, standby.port);
        format!(
            "postgres://handoff@127.0.0.1:{port},127.0.0.1:{other}/postgres?target_session_attrs=read-write"
        )
    }

    /// Where hosts reach it.
    pub fn url(&self) -> String {
        let pooled = self.pooler.as_ref().map(PgBouncer::port);
        url_at(pooled.unwrap_or(self.port))
    }

    /// A program that came with the server.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Kills it at once, as a crash would. Its files stay.
    #[track_caller]
    pub fn kill9(&mut self) {
        let children = self.children();
        assert!(self.process.kill(), "postgres can't be killed");
        until("postgres is gone", START_TIME, || {
            children
                .iter()
                .all(|pid| !process::lives(*pid))
                .then_some(())
        });
    }

    /// Starts it again with the same files, on the same port.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill9();
        let end = Instant::now() + START_TIME;
        self.process = loop {
            if let Some(process) = launch(&self.programs, &self.folder, self.port) {
                break process;
            }
            assert!(Instant::now() < end, "port {} stays taken", self.port);
            sleep(PAUSE);
        };
    }

    /// Stops it without closing a connection.
    pub fn freeze(&self) {
        self.process.freeze();
        self.signal_children(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal_children(Signal::CONT);
        self.process.thaw();
    }

    /// Changes a setting while it runs. Connections notice it soon.
    #[track_caller]
    pub fn set(&self, name: &str, value: &str) {
        self.ask(&format!("ALTER SYSTEM SET {name} = {value}"));
        self.ask("SELECT pg_reload_conf()");
    }

    /// Refuses all writes, as services do whose disk is nearly full. One that can't even write its log ends.
    #[track_caller]
    pub fn set_read_only(&self, read_only: bool) {
        let wanted = if read_only { "on" } else { "off" };
        self.set("default_transaction_read_only", wanted);
        until("the setting is in force", START_TIME, || {
            (self.ask("SHOW default_transaction_read_only") == wanted).then_some(())
        });
    }

    /// Runs a statement as the owner.
    ///
    /// # Panics
    /// If it fails.
    #[track_caller]
    pub fn ask(&self, statement: &str) -> String {
        let psql = Command::new(self.programs.join("psql"))
            .args([
                &url_at(self.port),
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
                "--command",
                statement,
            ])
            .output()
            .expect("psql runs");
        let errors = String::from_utf8_lossy(&psql.stderr);
        assert!(psql.status.success(), "{statement}: {errors}");
        String::from_utf8_lossy(&psql.stdout).trim().to_owned()
    }

    /// The processes that it started, which are in groups of their own.
    fn children(&self) -> Vec<Pid> {
        process::children(self.process.group())
    }

    fn signal_children(&self, signal: Signal) {
        for pid in self.children() {
            // Whoever has ended meanwhile needs none.
            _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Whoever is stopped does not see that the server is gone.
        self.signal_children(Signal::CONT);
        self.kill9();
    }
}

fn url_at(port: u16) -> String {
    format!("postgres://handoff@127.0.0.1:{port}/postgres")
}

/// A command that runs as somebody whom Postgres serves.
pub(crate) fn as_user(program: PathBuf) -> Vec<OsString> {
    let mut command: Vec<OsString> = Vec::new();
    if geteuid().is_root() {
        let user = OTHER_USER;
        command.extend(["setpriv".into(), format!("--reuid={user}").into()]);
        command.extend([format!("--regid={user}").into(), "--clear-groups".into()]);
    }
    command.push(program.into());
    command
}

/// A folder for a server's files.
#[track_caller]
pub(crate) fn given_away(folder: &Path, name: &str) -> PathBuf {
    // The other user must get through the folder of the test.
    chmod(folder, Mode::from_raw_mode(0o711)).expect("the folder may be passed through");
    let folder = folder.join(name);
    fs::create_dir(&folder).expect("a folder for the server");
    if geteuid().is_root() {
        let (user, group) = (Uid::from_raw(OTHER_USER), Gid::from_raw(OTHER_USER));
        chown(&folder, Some(user), Some(group)).expect("the folder is given away");
    }
    folder
}

#[track_caller]
fn initialize(programs: &Path, folder: &Path) {
    run_as_user(&programs.join("initdb"), folder, |command| {
        command.args(["--username=handoff", "--auth=trust", "--encoding=UTF8"]);
        command.args(["--locale=C", "--no-sync"]);
        command.args(["--no-instructions", "--pgdata"]);
        command.arg(folder.join("data"));
    });
}

/// Runs a program to its end, in this folder.
#[track_caller]
fn run_as_user(program: &Path, folder: &Path, with: impl FnOnce(&mut Command)) {
    let words = as_user(program.to_owned());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(folder);
    with(&mut command);
    let ran = command.output().expect("the program runs");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}: {errors}", program.display());
}

/// Starts the server and waits until it serves. `None` if the port is taken.
#[track_caller]
fn launch(programs: &Path, folder: &Path, port: u16) -> Option<Process> {
    let command = as_user(programs.join("postgres"));
    let mut arguments: Vec<OsString> = command[1..].to_vec();
    arguments.extend(["-D".into(), folder.join("data").into()]);
    arguments.extend(["-p".into(), port.to_string().into()]);
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=300",
        "log_line_prefix=",
        "restart_after_crash=on",
    ] {
        arguments.extend(["-c".into(), setting.into()]);
    }
    let log = folder.with_extension("log");
    let mut process = Process::start(Path::new(&command[0]), &arguments, folder, &log);
    let ready = until("postgres is ready", START_TIME, || {
        let ended = process.has_ended();
        // A standby accepts read-only connections.
        let ready = process.output().contains("ready to accept ");
        (ready || ended).then_some(ready && !ended)
    });
    if ready {
        return Some(process);
    }
    let output = process.output();
    // The memory of a server that was killed is in use until all of it has ended.
    let again = ["Address already in use", "shared memory block"];
    assert!(
        again.iter().any(|text| output.contains(text)),
        "postgres did not start: {output}"
    );
    None
}
