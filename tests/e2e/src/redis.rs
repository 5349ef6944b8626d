//! A Redis server that keeps what it acknowledged.

use crate::environment;
use crate::poll::until;
use crate::process::Process;
use rustix::process::Signal;
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

const START_TIME: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
/// Between looking for a free port and taking it somebody else may take it.
const TRIES: u32 = 5;
/// Below the ports that systems give to connections: nobody takes it while Redis is away for a moment.
const PORTS: Range<u16> = 10_000..30_000;

/// A Redis server with files of its own. Killed when it is dropped.
pub struct Redis {
    process: Process,
    folder: PathBuf,
    port: u16,
}

impl Redis {
    /// Whether one can be started.
    ///
    /// # Errors
    /// Why not.
    pub fn available() -> Result<(), String> {
        environment::redis()
    }

    /// Starts one whose files are in `folder`.
    pub fn start(folder: &Path) -> Self {
        for _ in 0..TRIES {
            let port = free_port();
            if let Some(process) = launch(folder, port) {
                return Self {
                    process,
                    folder: folder.to_owned(),
                    port,
                };
            }
        }
        panic!("redis-server found no free port in {TRIES} tries");
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it at once, as a crash would. Its files stay.
    #[track_caller]
    pub fn kill9(&mut self) {
        assert!(self.process.kill(), "redis-server can't be killed");
    }

    /// Starts it again with the same files, on the same port.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill9();
        let end = Instant::now() + START_TIME;
        self.process = loop {
            if let Some(process) = launch(&self.folder, self.port) {
                break process;
            }
            assert!(Instant::now() < end, "port {} stays taken", self.port);
            sleep(PAUSE);
        };
    }

    /// Stops it without closing a connection: it takes requests and answers none.
    pub fn freeze(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Changes a setting while it runs.
    #[track_caller]
    pub fn set(&self, name: &str, value: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("redis-server runs");
        let command = format!("CONFIG SET {name} {value}\r\n");
        stream
            .write_all(command.as_bytes())
            .expect("the command is sent");
        let mut answer = String::new();
        let read = BufReader::new(stream).read_line(&mut answer);
        read.expect("redis-server answers");
        assert_eq!(answer.trim(), "+OK", "{command}");
    }
}

/// Starts the server and waits until it serves. `None` if the port is taken.
#[track_caller]
fn launch(folder: &Path, port: u16) -> Option<Process> {
    let options =
        format!("--bind 127.0.0.1 --port {port} --appendonly yes --appendfsync always --save");
    let mut arguments: Vec<OsString> = options.split(' ').map(Into::into).collect();
    // Without the snapshots that --save would ask for.
    arguments.extend(["".into(), "--dir".into(), folder.into()]);
    let log = folder.join("redis.log");
    let mut process = Process::start(Path::new("redis-server"), &arguments, folder, &log);
    let ready = until("redis-server is ready", START_TIME, || {
        let ended = process.has_ended();
        let ready = process.output().contains("Ready to accept connections");
        (ready || ended).then_some(ready && !ended)
    });
    if ready {
        return Some(process);
    }
    let output = process.output();
    assert!(
        output.contains("Address already in use"),
        "redis-server did not start: {output}"
    );
    None
}

fn free_port() -> u16 {
    let count = u64::from(PORTS.end - PORTS.start);
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let random = |_| PORTS.start + (RandomState::new().hash_one(0) % count) as u16;
    let found = (0..count).map(random).find(free);
    found.expect("a free port")
}
