//! Commits take time: until the disk has them, or a standby. Requests wait for theirs, and not for each other's.

use crate::calls::RECOVERY;
use handoff_e2e::{Host, Pair, on, until};
use serde_json::json;
use std::thread;
use std::time::Duration;

on!(Some: all_wait_at_once: local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES);

const LIMIT: Duration = Duration::from_secs(60);
/// So many requests enqueue in one queue.
const CLIENTS: usize = 8;
/// The number of those that wait for the standby.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE wait_event = 'SyncRep' AND query LIKE 'CALL handoff.append%'";

fn all_wait_at_once(pair: Pair) {
    let folder = tempfile::Builder::new().prefix("handoff-e2e-").tempdir();
    let folder = folder.expect("a folder for the standby");
    let mut host = Host::start(pair, &[]);
    let standby = host.postgres().start_synchronous_standby(folder.path());
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
