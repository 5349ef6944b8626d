//! A Redis server, by default one that keeps what it acknowledged.

use crate::environment;
use crate::poll::until;
use crate::process::Process;
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
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
    persistence: &'static str,
}

/// Every write is on the disk before it is acknowledged.
const DURABLE: &str = "--appendonly yes --appendfsync always";
/// Nothing is ever written to a disk.
const IN_MEMORY: &str = "--appendonly no";

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
        Self::start_with(folder, DURABLE)
    }

    /// Starts one that loses everything when it ends.
    pub fn start_in_memory(folder: &Path) -> Self {
        Self::start_with(folder, IN_MEMORY)
    }

    fn start_with(folder: &Path, persistence: &'static str) -> Self {
        for _ in 0..TRIES {
            let port = free_port();
            if let Some(process) = launch(folder, port, persistence) {
                return Self {
                    process,
                    folder: folder.to_owned(),
                    port,
                    persistence,
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
            if let Some(process) = launch(&self.folder, self.port, self.persistence) {
                break process;
            }
            assert!(Instant::now() < end, "port {} stays taken", self.port);
            sleep(PAUSE);
        };
    }

    /// Stops it without closing a connection: it takes requests and answers none.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// Changes a setting while it runs.
    #[track_caller]
    pub fn set(&self, name: &str, value: &str) {
        let command = format!("CONFIG SET {name} {value}");
        assert_eq!(self.ask(&command), "+OK", "{command}");
    }

    /// What it answers to a command: a line as it is sent, or the text of a bulk string.
    #[track_caller]
    pub fn ask(&self, command: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("redis-server runs");
        let sent = stream.write_all(format!("{command}\r\n").as_bytes());
        sent.expect("the command is sent");
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).expect("redis-server answers");
        let line = line.trim_end();
        let Some(length) = line
            .strip_prefix('$')
            .and_then(|length| length.parse().ok())
        else {
            return line.to_owned();
        };
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).expect("the whole answer");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The number of its process group.
    pub fn group(&self) -> u32 {
        self.process.group()
    }
}

/// Starts the server and waits until it serves. `None` if the port is taken.
#[track_caller]
fn launch(folder: &Path, port: u16, persistence: &str) -> Option<Process> {
    let options = format!("--bind 127.0.0.1 --port {port} {persistence} --save");
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

/// A port that nothing listens on at this moment.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    let count = u64::from(PORTS.end - PORTS.start);
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let random = |_| PORTS.start + (RandomState::new().hash_one(0) % count) as u16;
    let found = (0..count).map(random).find(free);
    found.expect("a free port")
}
