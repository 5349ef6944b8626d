//! Rounds of load, each ended by a kill.

use crate::client::Caller;
use crate::dice::{Dice, number, seed};
use crate::errand::{Cancel, Errand, TIMEOUT_MS};
use crate::shared::{Ends, Shared};
use handoff_e2e::{Answer, Host, Pair, Received, TestServer, measured, on_every_pair};
use serde_json::json;
use std::collections::BTreeMap;
use std::hint::spin_loop;
use std::sync::atomic::Ordering;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

on_every_pair!(killed_again_and_again);

const CLIENTS: u64 = 4;
const ROUNDS: u64 = 50;
/// It takes longer to start.
const ROUNDS_ON_SPIN: u64 = 20;

/// Nobody is killed any more: a lease that began last is over after 2 s to begin, the timeout and 3 s between clocks;
/// rescue looks at a slot 10 s after its ticket, and the keeper's work is done every 5 s.
const RESCUED: Duration = Duration::from_millis(2_000 + TIMEOUT_MS + 3_000 + 10_000 + 3 * 5_000);
/// What was rescued may fail three times or be put off, for up to 1 s, 1 s and what the timer adds, 4 s at most; and
/// what was lost runs alone, one after the other.
const ENDED: Duration = Duration::from_secs(12);

/// All that was running or taken at some kill runs again, thousands of times and each alone: where others use the machine,
/// that takes longer.
const RECOVERY_MAX: Duration = Duration::from_secs(240);
const WAIT: Duration = Duration::from_secs(5);

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Host,
    Store,
    Both,
}

fn victims(pair: Pair) -> &'static [Victim] {
    match (pair.has_server(), pair.reconnects_at_once()) {
        (false, _) => &[Victim::Host],
        (true, true) => &[Victim::Host, Victim::Store, Victim::Both],
        (true, false) => &[Victim::Host, Victim::Both],
    }
}

fn kill(victim: Victim, host: &mut Host) {
    if victim != Victim::Host {
        host.database().kill9();
    }
    if victim != Victim::Store {
        host.kill9();
    }
}

fn restart(victim: Victim, host: &mut Host) {
    if victim != Victim::Host {
        host.database().restart();
    }
    if victim != Victim::Store {
        host.restart();
    }
}

fn answer(request: &Received) -> Answer {
    if request.path.starts_with("/later") && request.nth == 1 {
        return Answer::new(503, "").header("retry-after", "1");
    }
    Answer::new(200, &json!({"path": request.path}).to_string())
}

fn killed_again_and_again(pair: Pair) {
    let usual = if pair.is_local() {
        ROUNDS
    } else {
        ROUNDS_ON_SPIN
    };
    let (seed, rounds) = (seed(), number("HANDOFF_ROUNDS").unwrap_or(usual));
    measured(pair, &format!("crashes decided by HANDOFF_SEED={seed}"));
    let start = Instant::now();
    let server = TestServer::start(answer);
    let mut host = Host::start(pair, &[("fault_tasks", "true")]);
    let shared = Shared::new(host.http().clone());
    let (mut errands, kills) = thread::scope(|scope| {
        let (shared, server) = (&shared, &server);
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|i| Caller::new(shared, server, Dice::new(seed, i), i * 1_000_000))
            .map(|client| scope.spawn(move || client.run()))
            .collect();
        let ends = Ends(shared);
        let kills = crash(pair, &mut host, shared, Dice::new(seed, 0), rounds);
        drop(ends);
        let joined = clients.into_iter().map(|client| client.join());
        let errands = joined.flat_map(|errands| errands.expect("answers as they should be"));
        (errands.collect::<Vec<_>>(), kills)
    });
    let (count, killed_s) = (errands.len(), start.elapsed().as_secs_f64());
    assert!(count as u64 >= 10 * rounds, "{count} in {rounds} rounds");

    recover(&host, &mut errands);
    let delivered = settle(&host, &mut errands, &server);
    host.http().get("/readyz").expect(200);
    let promised = |e: &&Errand| matches!(e.cancel, Cancel::Promised(_));
    let (cancelled, twice) = (
        errands.iter().filter(promised).count(),
        delivered.iter().filter(|&&count| count > 0).count(),
    );
    let flickered: usize = errands.iter().map(|e| e.flickered).sum();
    measured(
        pair,
        &format!(
            "{rounds} rounds {kills:?} in {killed_s:.0} s, all over after {:.0} s: {count} acknowledged tasks ended as \
             they should, {cancelled} of them cancelled; {} requests unanswered, {} refused; of {} deliveries {twice} \
             came more than once; {flickered} final tasks were seen as running for a moment",
            start.elapsed().as_secs_f64(),
            shared.unanswered.load(Ordering::SeqCst),
            shared.refused.load(Ordering::SeqCst),
            delivered.len(),
        ),
    );
}

/// Kills, and starts again, as often as there are rounds. Returns who was killed how often.
fn crash(
    pair: Pair,
    host: &mut Host,
    shared: &Shared,
    mut dice: Dice,
    rounds: u64,
) -> BTreeMap<Victim, u64> {
    let mut kills = BTreeMap::new();
    for _ in 0..rounds {
        // Most rounds are over before anything is; some are long enough for keepers and rescue.
        let events = match dice.one_in(4) {
            true => dice.within(60..=300),
            false => dice.within(5..=60),
        };
        let victim = dice.pick(victims(pair));
        let offset = Duration::from_micros(dice.within(0..=3_000));
        shared.wait_for(events);
        let moment = Instant::now() + offset;
        while Instant::now() < moment {
            spin_loop();
        }
        kill(victim, host);
        restart(victim, host);
        shared.restarted(host.http().clone());
        *kills.entry(victim).or_default() += 1;
    }
    kills
}

/// Makes no other request than GET /healthz for as long as it may take until everything is over, and looks then.
fn recover(host: &Host, errands: &mut [Errand]) {
    let start = Instant::now();
    let mut wait = RESCUED + ENDED;
    let mut open: Vec<_> = errands.iter_mut().collect();
    loop {
        let end = Instant::now() + wait;
        while Instant::now() < end {
            host.http().get("/healthz").expect(200);
            sleep(Duration::from_secs(1));
        }
        open.retain_mut(|errand| !errand.saw(&host.http().task(&errand.id)));
        let Some(errand) = open.first() else { return };
        assert!(
            start.elapsed() < RECOVERY_MAX,
            "{} are not over: {:#}",
            open.len(),
            host.http().task(&errand.id)
        );
        wait = WAIT;
    }
}

/// Everything ended as it should, and stays so. Returns of each delivery how often it came in vain.
fn settle(host: &Host, errands: &mut [Errand], server: &TestServer) -> Vec<usize> {
    for errand in errands.iter_mut() {
        errand.saw(&host.http().task(&errand.id));
    }
    let checked = errands.iter().filter_map(|errand| errand.check(server));
    checked.collect()
}
