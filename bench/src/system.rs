//! A system that is measured: one value says how to install it, how to start it, and what it promises.

use std::net::SocketAddr;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use handoff_e2e::{Connection, Host, Pair, Postgres, Process, Redis};
use tempfile::TempDir;

use crate::api::{Api, Request, Task};
use crate::tools::Tools;

/// Between two looks whether a task has ended.
const POLL: Duration = Duration::from_micros(250);
/// The same where seconds are measured.
const SLOW_POLL: Duration = Duration::from_millis(10);
/// Nothing that is measured takes longer.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// A system to be measured.
pub(crate) struct System {
    /// For `--only`.
    pub name: &'static str,
    /// In the table.
    pub title: &'static str,
    /// What it runs on and how it is set up.
    pub setup: &'static str,
    /// What is sure once a task is acknowledged.
    pub acknowledged: &'static str,
    /// How it is asked.
    pub api: Api,
    /// So many tasks may wait when workers begin.
    pub waiting_max: usize,
    /// Installs what it needs, and says in which versions; an error says why it can't be measured here.
    pub install: fn(&Tools) -> Result<String>,
    /// Starts it with an empty store.
    pub start: fn(&Tools) -> Result<Parts>,
}

/// The processes of a running system.
pub(crate) enum Parts {
    /// A host with its store.
    Handoff(Host),
    /// A server, its workers, and Redis.
    Peer(Peer),
}

/// A peer that runs. Dropped in this order.
pub(crate) struct Peer {
    /// What answers requests.
    pub server: Process,
    /// What runs tasks.
    pub workers: Vec<Process>,
    /// The store.
    pub redis: Redis,
    /// Its files, which are deleted when it is dropped.
    pub _folder: TempDir,
    /// Where the server listens.
    pub address: SocketAddr,
}

/// A system that runs.
pub(crate) struct App {
    /// How it is asked.
    pub api: Api,
    /// So many tasks may wait when workers begin.
    pub waiting_max: usize,
    /// From its start, that of Redis included, until it had taken a first task.
    pub first_answer: Duration,
    parts: Parts,
    scratch: TempDir,
}

impl System {
    /// Starts it and has it take a first task.
    pub(crate) fn app(&self, tools: &Tools) -> Result<App> {
        let start = Instant::now();
        let parts = (self.start)(tools)?;
        let mut app = App {
            api: self.api,
            waiting_max: self.waiting_max,
            first_answer: Duration::ZERO,
            parts,
            scratch: TempDir::new()?,
        };
        let mut connection = app.connect();
        app.enqueue(&mut connection, Task::Echo);
        app.first_answer = start.elapsed();
        Ok(app)
    }
}

impl App {
    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        match &self.parts {
            Parts::Handoff(host) => host.address(),
            Parts::Peer(peer) => peer.address,
        }
    }

    /// A connection that is kept.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address())
    }

    /// A folder for files of the client.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The process groups of the application, without that of Redis.
    pub(crate) fn groups(&self) -> Vec<u32> {
        match &self.parts {
            Parts::Handoff(host) => vec![host.group()],
            Parts::Peer(peer) => {
                let workers = peer.workers.iter().map(Process::group);
                workers.chain([peer.server.group()]).collect()
            }
        }
    }

    /// The host and store that it runs on, if it is this project.
    pub(crate) fn pair(&self) -> Option<Pair> {
        match &self.parts {
            Parts::Handoff(host) => Some(host.pair()),
            Parts::Peer(_) => None,
        }
    }

    /// Its Redis, if its store is one.
    pub(crate) fn redis(&self) -> Option<&Redis> {
        match &self.parts {
            Parts::Handoff(host) => host.database_if_any()?.redis(),
            Parts::Peer(peer) => Some(&peer.redis),
        }
    }

    /// Its Postgres, if its store is one.
    pub(crate) fn postgres(&self) -> Option<&Postgres> {
        match &self.parts {
            Parts::Handoff(host) => host.database_if_any()?.postgres(),
            Parts::Peer(_) => None,
        }
    }

    /// Lets nothing that is enqueued be run: by a pause of the queue, or by stopping the peers' workers.
    pub(crate) fn pause(&self) {
        match &self.parts {
            Parts::Handoff(_) => self.operate("pause"),
            Parts::Peer(peer) => peer.workers.iter().for_each(Process::freeze),
        }
    }

    /// Lets it be run.
    pub(crate) fn resume(&self) {
        match &self.parts {
            Parts::Handoff(_) => self.operate("resume"),
            Parts::Peer(peer) => peer.workers.iter().for_each(Process::thaw),
        }
    }

    fn operate(&self, what: &str) {
        let path = format!("/v1/queues/default/{what}");
        Request {
            path,
            body: Some(String::new()),
            is_refused: false,
        }
        .send(&mut self.connect());
    }

    /// Enqueues one task, and returns its id.
    #[track_caller]
    pub(crate) fn enqueue(&self, connection: &mut Connection, task: Task) -> String {
        self.api.id(&self.api.enqueue(task).send(connection))
    }

    /// Enqueues many, some hundred at a time, and returns their ids.
    #[track_caller]
    pub(crate) fn enqueue_many(&self, task: Task, count: usize) -> Vec<String> {
        const AT_ONCE: usize = 500;
        let mut connection = self.connect();
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            let batch = self.api.batch(task, AT_ONCE.min(count - ids.len()));
            ids.extend(self.api.ids(&batch.send(&mut connection)));
        }
        ids
    }

    /// Whether a task has ended.
    #[track_caller]
    pub(crate) fn is_done(&self, connection: &mut Connection, id: &str) -> bool {
        self.api.is_done(&self.api.status(id).send(connection))
    }

    /// Waits until a task has ended, and looks so often that its end is seen at once.
    #[track_caller]
    pub(crate) fn wait_for(&self, connection: &mut Connection, id: &str) {
        self.poll(connection, id, POLL);
    }

    /// The same, hardly disturbing what is measured.
    #[track_caller]
    pub(crate) fn wait_slowly_for(&self, connection: &mut Connection, id: &str) {
        self.poll(connection, id, SLOW_POLL);
    }

    #[track_caller]
    fn poll(&self, connection: &mut Connection, id: &str, pause: Duration) {
        let end = Instant::now() + TIME_LIMIT;
        while !self.is_done(connection, id) {
            assert!(
                Instant::now() < end,
                "{id} has not ended within {} s",
                TIME_LIMIT.as_secs()
            );
            sleep(pause);
        }
    }
}
