//! PgBouncer between a host and its Postgres, as most hosted Postgres have one: each transaction gets one of a few connections,
//! so that what a connection prepared may be missing from the next one.

use crate::poll::until;
use crate::postgres::{as_user, given_away};
use crate::process::Process;
use crate::redis::free_port;
use std::ffi::OsString;
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

const START_TIME: Duration = Duration::from_secs(30);

/// A PgBouncer that pools by transaction. Killed when it is dropped.
pub(crate) struct PgBouncer {
    _process: Process,
    port: u16,
}

impl PgBouncer {
    /// Starts one in front of the server at this port, with its files in `folder`.
    #[track_caller]
    pub(crate) fn start(server: u16, folder: &Path) -> Self {
        let folder = given_away(folder, "pgbouncer");
        let port = free_port();
        // Far fewer connections than a host has.
        let settings = format!(
            "[databases]\n\
             postgres = host=127.0.0.1 port={server}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = trust\n\
             auth_file = users\n\
             pool_mode = transaction\n\
             default_pool_size = 4\n\
             max_client_conn = 500\n\
             max_prepared_statements = 20\n\
             server_login_retry = 1\n"
        );
        for (name, text) in [
            ("pgbouncer.ini", settings.as_str()),
            ("users", "\"handoff\" \"\"\n"),
        ] {
            fs::write(folder.join(name), text).expect("its settings");
        }
        let mut command = as_user("pgbouncer".into());
        command.push("pgbouncer.ini".into());
        let arguments: Vec<OsString> = command.split_off(1);
        let log = folder.with_extension("log");
        let mut process = Process::start(Path::new(&command[0]), &arguments, &folder, &log);
        until("PgBouncer is ready", START_TIME, || {
            assert!(!process.has_ended(), "{}", process.output());
            TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        });
        Self {
            _process: process,
            port,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}
