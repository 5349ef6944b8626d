//! A Redis server that keeps what it acknowledged.

use crate::environment;
use crate::poll::until;
use crate::process::Process;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

const START_TIME: Duration = Duration::from_secs(20);
/// Between looking for a free port and taking it somebody else may take it.
const TRIES: u32 = 5;

/// A server on a free port. Killed when it is dropped.
pub struct Redis {
    _process: Process,
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
            let options = format!(
                "--bind 127.0.0.1 --port {port} --appendonly yes --appendfsync always --save"
            );
            let mut arguments: Vec<_> = options.split(' ').map(Into::into).collect();
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
                return Self {
                    _process: process,
                    port,
                };
            }
            let output = process.output();
            assert!(
                output.contains("Address already in use"),
                "redis-server did not start: {output}"
            );
        }
        panic!("redis-server found no free port in {TRIES} tries");
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
