//! A running application.

use crate::client::Client;
use crate::database::Database;
use crate::environment;
use crate::openapi::Server;
use crate::pair::{Kind, Pair, Storage};
use crate::poll::until;
use crate::postgres::Postgres;
use crate::process::Process;
use crate::redis::Redis;
use crate::{wal, wash};
use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Includes compiling the components, on a busy machine. Those in Python take a minute alone.
const START_TIME: Duration = Duration::from_secs(600);
/// What tests have /gather call. As delivered it reaches nothing outside of the application.
const REACH: (&str, &str) = ("gather_host", "127.0.0.1:*");
/// An instance ends with its response, and after 30 s. It has 128 MiB on every local host.
const AS_AKAMAI: [&str; 10] = [
    "--lifetime",
    "response",
    "--request-timeout",
    "30",
    "--env",
    "HANDOFF_WORKER_LIFETIME=response",
    "--variable",
    "worker_budget=10s",
    "--variable",
    "events_max=20s",
];
/// So much of the log is shown when a test fails.
const LOG_LINES: usize = 150;

/// The application on a host, with a store of its own. Killed and deleted when it is dropped.
pub struct Host {
    process: Process,
    client: Client,
    arguments: Vec<OsString>,
    options: Vec<String>,
    program: PathBuf,
    pair: Pair,
    // Dropped in this order: the server writes into the folder.
    database: Option<Database>,
    folder: TempDir,
}

impl Host {
    /// Starts the application with variables of spin.toml set.
    #[track_caller]
    pub fn start(pair: Pair, variables: &[(&str, &str)]) -> Self {
        Self::start_with(pair, variables, &[])
    }

    /// The same, with more options of the host.
    #[track_caller]
    pub fn start_with(pair: Pair, variables: &[(&str, &str)], options: &[&str]) -> Self {
        let variables = [&[REACH], variables].concat();
        Self::serve(pair, &workspace("spin.toml"), &variables, options, None)
    }

    /// Starts the application as its manifest says, where /gather reaches nothing outside of it.
    #[track_caller]
    pub fn start_as_delivered(pair: Pair) -> Self {
        Self::serve(pair, &workspace("spin.toml"), &[], &[], None)
    }

    /// Starts the application on one more host, with the same server.
    #[track_caller]
    pub fn start_beside(&self, variables: &[(&str, &str)]) -> Self {
        let server = self
            .database
            .as_ref()
            .expect("this pair's store is a server");
        let manifest = workspace("spin.toml");
        let variables = [&[REACH], variables].concat();
        Self::serve(self.pair, &manifest, &variables, &[], Some(server))
    }

    /// Starts another application, by its manifest.
    #[track_caller]
    pub fn start_other(pair: Pair, manifest: &Path) -> Self {
        Self::serve(pair, manifest, &[], &[], None)
    }

    #[track_caller]
    fn serve(
        pair: Pair,
        manifest: &Path,
        variables: &[(&str, &str)],
        options: &[&str],
        shared: Option<&Database>,
    ) -> Self {
        let folder = crate::folder();
        let database = match pair.storage {
            _ if shared.is_some() => None,
            Storage::Redis | Storage::Outbound => {
                Some(Database::Redis(Redis::start(folder.path())))
            }
            Storage::RedisInMemory => Some(Database::Redis(Redis::start_in_memory(folder.path()))),
            Storage::Postgres => {
                let postgres = Postgres::start_with_tables(folder.path());
                Some(Database::Postgres(postgres))
            }
            Storage::PgBouncer => {
                let postgres = Postgres::start_behind_pgbouncer(folder.path());
                Some(Database::Postgres(postgres))
            }
            Storage::Sqlite | Storage::Memory => None,
        };
        let program = match pair.kind {
            Kind::Local => environment::local_host(),
            Kind::Spin => environment::spin(),
            // It is told what to do by variables of its environment.
            Kind::Wash => Ok("env".into()),
        };
        let program = program.expect("tests on this pair are skipped where it is not available");
        let used = shared.or(database.as_ref());
        let arguments = match pair.kind {
            Kind::Wash => wash::arguments(manifest, folder.path(), used, variables),
            Kind::Local | Kind::Spin => {
                let mut arguments = arguments(pair, manifest, folder.path(), used);
                for (name, value) in variables {
                    arguments.extend(["--variable".into(), format!("{name}={value}").into()]);
                }
                arguments
            }
        };
        let with_options = with(&arguments, options);
        let (process, address) = serve(&program, &with_options, folder.path());
        let server = match manifest == workspace("spin.toml") {
            true => Server::Own,
            false => Server::Other,
        };
        Self {
            process,
            client: Client::of(server, address),
            arguments,
            options: options.iter().map(|&option| option.to_owned()).collect(),
            program,
            pair,
            database,
            folder,
        }
    }

    /// The way to it.
    pub fn http(&self) -> &Client {
        &self.client
    }

    /// What it printed since it was started.
    pub fn output(&self) -> String {
        self.process.output()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.client.address()
    }

    /// The number of its process group.
    pub fn group(&self) -> u32 {
        self.process.group()
    }

    /// The host and its store.
    pub fn pair(&self) -> Pair {
        self.pair
    }

    /// Kills the host at once, as a crash would. The store stays.
    #[track_caller]
    pub fn kill9(&mut self) {
        let group = self.process.group();
        assert!(self.process.kill(), "process group {group} can't be killed");
    }

    /// Stops the host where it is, with all its connections open.
    #[track_caller]
    pub fn freeze(&self) {
        assert!(self.pair.is_local(), "others serve from a further process");
        self.process.freeze();
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// Starts it again with the same store, on another port.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill9();
        let arguments = with(&self.arguments, &self.options);
        let (process, address) = serve(&self.program, &arguments, self.folder.path());
        self.process = process;
        self.client = self.client.at(address);
    }

    /// The same, with another value of a variable that it was started with.
    #[track_caller]
    pub fn restart_with(&mut self, name: &str, value: &str) {
        let prefix = format!("{name}=");
        let mut given = self.arguments.iter_mut();
        let given = given.find(|a| a.to_string_lossy().starts_with(&prefix));
        *given.expect("it was started with this variable") = format!("{prefix}{value}").into();
        self.restart();
    }

    /// The same, without the options that it was started with.
    #[track_caller]
    pub fn restart_plain(&mut self) {
        self.options.clear();
        self.restart();
    }

    /// The store of a pair with Redis.
    #[track_caller]
    pub fn redis(&mut self) -> &mut Redis {
        match self.database() {
            Database::Redis(redis) => redis,
            Database::Postgres(_) => panic!("this pair's store is Postgres"),
        }
    }

    /// The store of a pair with Postgres.
    #[track_caller]
    pub fn postgres(&mut self) -> &mut Postgres {
        match self.database() {
            Database::Postgres(postgres) => postgres,
            Database::Redis(_) => panic!("this pair's store is Redis"),
        }
    }

    /// The server of the store.
    #[track_caller]
    pub fn database(&mut self) -> &mut Database {
        self.database
            .as_mut()
            .expect("this pair's store is a server")
    }

    /// The server of the store, if it is one.
    pub fn database_if_any(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// Lets no file of the host grow beyond so many bytes, as if the disk were full; `None` gives the room back.
    #[cfg(target_os = "linux")]
    pub fn limit_files(&self, bytes: Option<u64>) {
        self.process.limit_files(bytes);
    }

    /// The size of the largest file of the store, in bytes.
    pub fn largest_file(&self) -> u64 {
        let sizes = files(self.folder.path())
            .filter(|file| file.extension().is_none_or(|e| e != "log"))
            .filter_map(|file| Some(fs::metadata(file).ok()?.len()));
        sizes.max().unwrap_or_default()
    }

    /// Whether the store's files mention a key that begins like this.
    pub fn has_stored(&self, key: &str) -> bool {
        files(self.folder.path())
            .filter(|file| file.extension().is_none_or(|e| e != "log"))
            .filter_map(|file| fs::read(file).ok())
            .any(|bytes| bytes.windows(key.len()).any(|part| part == key.as_bytes()))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let output = self.process.output();
            let lines: Vec<_> = output.lines().collect();
            let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
            eprintln!("--- what the host printed last\n{}\n---", last.join("\n"));
        }
    }
}

/// A file of the workspace, by its path from the root.
#[track_caller]
pub fn workspace(path: &str) -> PathBuf {
    let root = environment::root();
    let root = root.expect("tests are skipped where it is not known");
    root.join(path)
}

fn arguments(
    pair: Pair,
    manifest: &Path,
    folder: &Path,
    server: Option<&Database>,
) -> Vec<OsString> {
    let listen = ["--listen".into(), "127.0.0.1:0".into()];
    let mut arguments: Vec<OsString> = match pair.kind {
        // One cache for all manifests, wherever they are.
        Kind::Local => vec![
            "--manifest".into(),
            manifest.into(),
            "--cache".into(),
            workspace(".handoff/cache").into(),
        ],
        Kind::Spin => vec!["up".into(), "--from".into(), manifest.into()],
        Kind::Wash => unreachable!("it has arguments of its own"),
    };
    arguments.extend(listen);
    if pair.as_akamai {
        arguments.extend(AS_AKAMAI.map(Into::into));
    }
    // The host's own store, where it is one of its own.
    match (pair.kind, server.filter(|_| !pair.is_outbound())) {
        (Kind::Local, Some(redis)) => arguments.extend(["--store".into(), redis.url().into()]),
        (Kind::Local, None) if pair.storage == Storage::Memory => {
            arguments.extend(["--store".into(), "memory".into()]);
        }
        (Kind::Local, None) => {
            let file = format!("sqlite:{}", folder.join("store.db").display());
            arguments.extend(["--store".into(), file.into()]);
        }
        (Kind::Wash, _) => {}
        (Kind::Spin, redis) => {
            let state = folder.join("spin");
            if pair.storage == Storage::Sqlite {
                // As `cargo xtask up` does.
                wal::prepare(&state).expect("Spin's file is in WAL mode");
            }
            arguments.extend(["--state-dir".into(), state.into()]);
            // As much as the local host gives an instance.
            let memory_max = (128 << 20).to_string();
            arguments.extend(["--max-instance-memory".into(), memory_max.into()]);
            if let Some(redis) = redis {
                let file = folder.join("runtime.toml");
                let text = format!(
                    "[key_value_store.default]\ntype = \"redis\"\nurl = \"{}\"\n",
                    redis.url()
                );
                fs::write(&file, text).expect("Spin's configuration is written");
                arguments.extend(["--runtime-config-file".into(), file.into()]);
            }
        }
    }
    if let Some(server) = server.filter(|_| pair.is_outbound()) {
        let store = format!("store={}", server.url());
        arguments.extend(["--variable".into(), store.into()]);
    }
    arguments
}

fn with(arguments: &[OsString], options: &[impl AsRef<str>]) -> Vec<OsString> {
    let options = options.iter().map(|option| option.as_ref().into());
    arguments.iter().cloned().chain(options).collect()
}

/// Starts the host and waits until it says where it serves.
#[track_caller]
fn serve(program: &Path, arguments: &[OsString], folder: &Path) -> (Process, SocketAddr) {
    let mut process = Process::start(program, arguments, folder, &folder.join("host.log"));
    let address = until("the host serves", START_TIME, || {
        let ended = process.has_ended();
        let output = process.output();
        assert!(!ended, "the host ended by itself: {output}");
        // A line that is not complete may still lack digits.
        let (complete, _) = output.rsplit_once('\n')?;
        let serving = |line: &str| line.strip_prefix("Serving http://")?.trim().parse().ok();
        let mut lines = complete.lines();
        lines.find_map(serving).or_else(|| wash::serving(complete))
    });
    (process, address)
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.into_iter()
}
