//! A commit takes time: until the disk has it, or a standby. A request waits for its own, all of that time, and not for others'.

use crate::calls::RECOVERY;
use handoff_e2e::{Host, Pair, folder, on, until};
use serde_json::json;
use std::thread;
use std::time::Duration;

on!(Some: all_wait_at_once: local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES);

const LIMIT: Duration = Duration::from_secs(60);
/// So many requests enqueue in one queue.
const CLIENTS: usize = 8;
/// Postgres ends a wait inside a statement after that long, and goes on as if the standby had what it waited for.
const TIMEOUT: &str = "ALTER ROLE handoff SET statement_timeout = '1s'";
/// The number of enqueuers that have waited for the standby for longer.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE wait_event = 'SyncRep' AND query LIKE 'CALL handoff.append%' \
     AND clock_timestamp() - query_start > interval '2 s'";

fn all_wait_at_once(pair: Pair) {
    let folder = folder();
    let mut host = Host::start(pair, &[]);
    let standby = host.postgres().start_synchronous_standby(folder.path());
    host.postgres().ask(TIMEOUT);
    host.restart();
    let http = host.http().clone();
    let body = json!({"task": "echo", "args": 7});

    standby.freeze();
    let ids = thread::scope(|scope| {
        let requests: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| http.enqueue(&body)))
            .collect();
        let postgres = host.postgres();
        until("all wait for the standby", LIMIT, || {
            (postgres.ask(WAITING) == CLIENTS.to_string()).then_some(())
        });
        standby.thaw();
        let ids = requests.into_iter().map(|request| request.join());
        ids.map(|id| id.expect("an id")).collect::<Vec<_>>()
    });
    for id in &ids {
        assert_eq!(http.succeeded(id, RECOVERY)["result"], 7);
    }
}
