//! What real hosts and stores give a component: the suite that every store must pass, run inside one, and ten thousand
//! increments by as many instances as come to be.

use handoff_conformance::CASES;
use handoff_e2e::{Client, Host, Pair, on, workspace};
use handoff_probe::each_once;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

macro_rules! on_every_store {
    ($($flow:ident),+ $(,)?) => {
        $(on!(Some: $flow: local_sqlite LOCAL_SQLITE, local_redis LOCAL_REDIS, local_memory LOCAL_MEMORY,
            local_outbound LOCAL_OUTBOUND, spin_sqlite SPIN_SQLITE, spin_redis SPIN_REDIS, spin_outbound SPIN_OUTBOUND,
            local_postgres LOCAL_POSTGRES, spin_postgres SPIN_POSTGRES,
            local_pgbouncer LOCAL_PGBOUNCER, spin_pgbouncer SPIN_PGBOUNCER, wash_memory WASH_MEMORY, wash_redis WASH_REDIS);)+
    };
}

on_every_store!(every_case, ten_thousand_increments);

fn start(pair: Pair) -> Host {
    Host::start_other(pair, &workspace("tests/conformance/spin.toml"))
}

fn every_case(pair: Pair) {
    let host = start(pair);
    let failure = |case: &&str| {
        let reply = host
            .http()
            .send("POST", &format!("/conformance/{case}"), &[], b"");
        (reply.status != 204).then(|| reply.text())
    };
    let failures: Vec<_> = CASES.iter().filter_map(failure).collect();
    assert_eq!(failures, [""; 0], "on {pair}");
}

fn ten_thousand_increments(pair: Pair) {
    const CLIENTS: usize = 32;
    const TIMES: u64 = 4;
    const TOTAL: u64 = 10_000;
    let host = start(pair);
    let left = AtomicI64::new((TOTAL / TIMES) as i64);
    let increment = |http: Client| {
        let mut numbers = Vec::new();
        while left.fetch_sub(1, Ordering::Relaxed) > 0 {
            let path = format!("/increment/conformance.shared?times={TIMES}");
            let reply = http.send("POST", &path, &[], b"").expect(200);
            let got = reply.json();
            let got = got.as_array().expect("numbers").iter();
            numbers.extend(got.map(|number| number.as_u64().expect("a number")));
        }
        numbers
    };
    let numbers = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| increment(host.http().clone())))
            .collect();
        let numbers = clients.into_iter().map(|client| client.join());
        let numbers = numbers.flat_map(|numbers| numbers.expect("every request is answered"));
        numbers.collect::<Vec<_>>()
    });
    assert_eq!(each_once(numbers, TOTAL), Ok(()), "on {pair}");
}
