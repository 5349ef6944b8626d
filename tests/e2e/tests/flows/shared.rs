//! Several hosts with one server serve one queue: what one of them leaves, the others do.

use handoff_e2e::{Client, Host, Pair, on, until};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

on!(Some: three_hosts_serve_one_queue: local_redis LOCAL_REDIS, local_outbound LOCAL_OUTBOUND, spin_redis SPIN_REDIS,
    spin_outbound SPIN_OUTBOUND, local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES,
    local_pgbouncer LOCAL_PGBOUNCER, spin_pgbouncer SPIN_PGBOUNCER);

/// Leases here are 2 s to begin, 4 s of timeout and 3 s between clocks. Rescue looks at a slot 10 s after its ticket,
/// and the keeper's work is done every 5 s. What was lost runs alone, 3 s each.
const RECOVERY: Duration = Duration::from_secs(2 + 4 + 3 + 10 + 3 * 5 + 4 * 3);
const SPREAD: Duration = Duration::from_secs(60);
/// A queue that only this host has: so its own list of queues tells it from the others.
const NAMES: [&str; 3] = ["one", "two", "three"];

fn batch(http: &Client, task: &Value, count: usize) -> Vec<String> {
    let reply = http.post("/v1/tasks:batch", &json!({"tasks": vec![task; count]}));
    let tasks = reply.expect(202).json()["tasks"].clone();
    let id = |task: &Value| task["id"].as_str().expect("an id").to_owned();
    tasks.as_array().expect("a list").iter().map(id).collect()
}

/// The host on which a task asked for the queues there are.
fn ran_on(task: &Value) -> &'static str {
    let queues = task["result"]["body"].to_string();
    let mut names = NAMES.into_iter();
    let name = names.find(|name| queues.contains(&format!("\"{name}\"")));
    name.unwrap_or_else(|| panic!("{task:#}"))
}

fn three_hosts_serve_one_queue(pair: Pair) {
    let queues = NAMES.map(|name| format!("default {name}"));
    let first = Host::start(pair, &[("queues", &queues[0])]);
    let [second, third] = [1, 2].map(|i| first.start_beside(&[("queues", &queues[i])]));
    let mut hosts = [first, second, third];

    // Nobody asked the others for anything yet, so these run on the first.
    let sleeping = json!({"task": "sleep", "args": {"for": "3s"}, "timeout": "4s"});
    let mut ids = batch(hosts[0].http(), &sleeping, 4);
    until("the tasks run", Duration::from_secs(10), || {
        let states = |id: &String| hosts[1].http().task(id)["state"] == "running";
        ids.iter().all(states).then_some(())
    });
    let delayed = json!({"task": "echo", "delay": "2s", "timeout": "4s"});
    ids.extend(batch(hosts[0].http(), &delayed, 10));
    hosts[0].kill9();
    for (i, id) in ids.iter().enumerate() {
        hosts[1 + i % 2].http().succeeded(id, RECOVERY);
    }

    hosts[0].restart();
    let ask =
        json!({"task": "http.request", "args": {"url": "http://handoff.spin.internal/v1/queues"}});
    let mut seen = BTreeSet::new();
    until("tasks ran on every host", SPREAD, || {
        let asked = hosts.iter().map(|host| batch(host.http(), &ask, 10));
        let ids: Vec<_> = asked.flatten().collect();
        for (i, id) in ids.iter().enumerate() {
            seen.insert(ran_on(&hosts[i % 3].http().succeeded(id, SPREAD)));
        }
        (seen.len() == hosts.len()).then_some(())
    });
}
