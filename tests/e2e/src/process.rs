//! Programs that never outlive the test that started them.

use crate::Client;
use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Becomes the program that is named by its arguments, beside a watchdog that kills the whole process group as soon as
/// stdin ends. The test holds the other end: so even a test that is killed leaves nothing behind. A file that must not
/// grow any more is an error for the program, as a full disk is, and not its end.
const GUARD: &str = r#"trap '' XFSZ
exec 3<&0 </dev/null
{ read -r _ <&3; kill -KILL 0; } &
exec 3<&-
exec "$@""#;

const END_TIME: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);

/// A program in a process group of its own, with its output in a file.
pub struct Process {
    child: Child,
    log: PathBuf,
    /// Where its own output begins; before it is that of an earlier one.
    log_start: u64,
}

impl Process {
    /// Starts a program; its output is added to `log`.
    pub fn start(program: &Path, arguments: &[OsString], folder: &Path, log: &Path) -> Self {
        let output = OpenOptions::new().create(true).append(true).open(log);
        let output = output.expect("the log is opened");
        let log_start = output.metadata().expect("the log has a length").len();
        let errors = output.try_clone().expect("the log is opened twice");
        let mut command = Command::new("sh");
        command
            .args(["-c", GUARD, "sh"])
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        // What the user's shell says about Spin is not for these tests.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("SPIN_") || name == "RUNTIME_CONFIG_FILE" {
                command.env_remove(name.as_ref());
            }
        }
        Self {
            child: command.spawn().expect("sh is started"),
            log: log.to_owned(),
            log_start,
        }
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.log).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.log_start))?;
            log.read_to_end(&mut bytes)
        });
        read.expect("the log is read");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether it ended by itself.
    pub fn has_ended(&mut self) -> bool {
        let status = self.child.try_wait();
        status.expect("the program can be asked").is_some()
    }

    /// The number of its process group.
    pub fn group(&self) -> u32 {
        self.child.id()
    }

    /// Stops it where it is.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program takes a signal");
    }

    /// Lets no file of it and of what it started grow beyond so many bytes, as if the disk were full; `None` gives the
    /// room back.
    #[cfg(target_os = "linux")]
    pub fn limit_files(&self, bytes: Option<u64>) {
        use rustix::process::{Resource, Rlimit, getrlimit, prlimit};
        // Only the soft limit, which needs no privilege to be raised again.
        let own = getrlimit(Resource::Fsize);
        for pid in members(self.group()).expect("/proc is there") {
            let limit = Rlimit {
                current: bytes.or(own.current),
                maximum: own.maximum,
            };
            // Whoever has ended meanwhile writes no more.
            _ = prlimit(Some(pid), Resource::Fsize, limit);
        }
    }

    /// Kills it and everything that it started, with SIGKILL. False if somebody is left all the same.
    pub fn kill(&mut self) -> bool {
        // That nobody is there any more is what is wanted.
        _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        _ = self.child.wait();
        let end = Instant::now() + END_TIME;
        while group_lives(self.group()) {
            if Instant::now() > end {
                return false;
            }
            sleep(PAUSE);
        }
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A free port for programs that serve one after the other, as a server that is started again.
/// Connections wait until one of them accepts.
pub struct Listener {
    listener: TcpListener,
}

impl Listener {
    /// Listens. What is started from now on inherits the socket.
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        // The watchdog has uses of its own for low numbers.
        let listener = fcntl_dupfd_cloexec(&listener, 100).expect("a higher number");
        fcntl_setfd(&listener, FdFlags::empty()).expect("it is inherited");
        Self {
            listener: listener.into(),
        }
    }

    /// The number of the socket, which is the same in each program.
    pub fn number(&self) -> RawFd {
        self.listener.as_raw_fd()
    }

    /// The way to who accepts.
    pub fn client(&self) -> Client {
        Client::new(self.listener.local_addr().expect("its address"))
    }
}

/// Whether a process of this group runs. One that has ended and was not yet reaped by its parent does not.
pub fn group_lives(group: u32) -> bool {
    if let Some(members) = members(group) {
        return !members.is_empty();
    }
    let group = i32::try_from(group).ok().and_then(Pid::from_raw);
    group.is_some_and(|group| test_kill_process_group(group).is_ok())
}

/// The processes of this group that run, where /proc tells.
pub(crate) fn members(group: u32) -> Option<Vec<Pid>> {
    running(|process| process.group == group)
}

/// The processes that this one started and that run, where /proc tells.
pub(crate) fn children(parent: u32) -> Vec<Pid> {
    running(|process| process.parent == parent).unwrap_or_default()
}

/// Whether a process runs.
pub(crate) fn lives(pid: Pid) -> bool {
    running(|process| process.pid == pid).is_some_and(|found| !found.is_empty())
}

/// A line of /proc.
struct Stat {
    pid: Pid,
    parent: u32,
    group: u32,
}

fn running(wanted: impl Fn(&Stat) -> bool) -> Option<Vec<Pid>> {
    let stat = |text: &str| {
        // PID (NAME) STATE PPID GROUP …, where NAME may hold anything.
        let pid = Pid::from_raw(text.split(' ').next()?.parse().ok()?)?;
        let mut fields = text.rsplit(')').next()?.split_whitespace();
        let runs = !matches!(fields.next()?, "Z" | "X");
        let (parent, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        runs.then_some(Stat { pid, parent, group })
    };
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let texts = processes.filter_map(|p| fs::read_to_string(p.path().join("stat")).ok());
    let found = texts.filter_map(|text| stat(&text)).filter(wanted);
    Some(found.map(|process| process.pid).collect())
}
