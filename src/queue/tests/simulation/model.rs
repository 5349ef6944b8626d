//! The checks, without knowledge of the protocol.

use super::load::{Answer, Asked, KeyedRequest, Load};
use super::{limited, listed, workflows};
use crate::support::{Began, Ended, Sim, SimQueue, parts};
use futures::FutureExt;
use handoff_queue::{
    BEGIN_MS, CLOCK_SLACK_MS, Counts, HEARTBEAT_TIMEOUT_DEFAULT_MS, KEY_WINDOW_MS, KeyLimits,
    Limits, Outcome, RETENTION_DEFAULT_MS, RETENTION_MIN_MS, Run, RunState, TaskStatus, WINDOW_MS,
};
use handoff_queue::{Json, Store};
use std::rc::Rc;

/// A failed check, and its task.
pub type Wrong = (Option<Rc<Asked>>, String);

pub const MISCOUNTED: &str = "were counted of";
/// How long everything may take to end without faults: the leases of lost attempts, one after the
/// other.
const END_MS: u64 = 40 * 60_000;
/// The further time for each slot where a limit holds: a lost run keeps its permit for a while.
const LOST_PERMIT_MS: u64 = 10_000;
/// The most store calls about one task, however long the backlog is. They are for the task, each
/// begin, each second of its timeout, each hour of retention, and each fault …
const CALLS: u64 = 40;
const CALLS_PER_RUN: u64 = 20;
const CALLS_PER_SECOND: u64 = 2;
const CALLS_PER_HOUR: u64 = 60;
const CALLS_PER_FAULT: u64 = 20;
/// A task that runs alone is put back about once a second while every worker has others in
/// progress.
const CALLS_PER_SECOND_WAITED: u64 = 10;
/// A task whose earlier run was lost is put back four times at once before that: four claims, and
/// four announcements to delete.
const CALLS_ALONE: u64 = 50;
/// No task runs for longer, whatever its timeout is.
const LONG_MS: u64 = 60_000;
/// … and for each request that finds it by its idempotency key, or reads whether to retry or
/// discard it.
const CALLS_PER_REPEAT: u64 = 20;
/// A workflow looks again after this time.
const PUT_OFF_MS: u64 = 2_000;
/// Registrations stay this long.
const REGISTERED_MS: u64 = 70 * 60_000;

/// Checks the tasks that are not final yet, and some others.
pub fn watch(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    let mut tasks = load.open();
    let asked = load.asked();
    if !asked.is_empty() {
        let some = (0..4).map(|_| asked[sim.world.below(asked.len() as u64) as usize].clone());
        tasks.extend(some);
    }
    look(sim, load, &tasks)
}

/// Checks that no task is unknown before its retention is over, and that a final task stays as it
/// is.
fn look(sim: &Sim, load: &Load, tasks: &[Rc<Asked>]) -> Result<(), Wrong> {
    if let Some(violation) = sim.world.ledger.violation() {
        let slot = violation.split(' ').next().and_then(|key| parts(key).1);
        return Err((slot.and_then(|slot| load.by_slot(slot)), violation));
    }
    glance(&sim.watcher(), tasks, sim.now_ms())?;
    listed::look(sim, load)
}

/// Checks what a client sees at this moment.
pub fn glance(queue: &SimQueue, tasks: &[Rc<Asked>], now_ms: u64) -> Result<(), Wrong> {
    for asked in tasks.iter().filter(|a| !a.gone.get()) {
        let brief = queue.status(&asked.id).now_or_never();
        let brief = brief.expect("no fault reaches it").unwrap();
        see(asked, brief, now_ms)?;
    }
    Ok(())
}

fn see(asked: &Rc<Asked>, brief: TaskStatus, now_ms: u64) -> Result<(), Wrong> {
    let wrong = |what: &str| Err((Some(asked.clone()), format!("{what}: {brief:?}")));
    let mut seen = asked.seen.borrow_mut();
    match (&brief, seen.as_ref()) {
        (TaskStatus::Unknown, Some(run)) if kept_until_ms(asked, run) <= now_ms => {
            asked.gone.set(true);
        }
        (TaskStatus::Unknown, _) => return wrong("acknowledged and lost"),
        // A stale announcement may make a task look open for a while, before the same end.
        (TaskStatus::Open, _) => {}
        (TaskStatus::Final(run), None) => *seen = Some(Run::clone(run)),
        (TaskStatus::Final(run), Some(before)) if **run != *before => {
            return wrong(&format!("it was final as {before:?}"));
        }
        (TaskStatus::Final(_), Some(_)) => {}
    }
    Ok(())
}

/// Until when a final task must be readable, by the true time: the clock of the keeper that deletes
/// it may be ahead.
fn kept_until_ms(asked: &Asked, run: &Run) -> u64 {
    let ended_ms = run.ended_ms().or(asked.cancel_ms.get()).unwrap_or(0);
    let until_ms = (ended_ms + asked.retention_ms).max(asked.key_until_ms);
    until_ms.saturating_sub(CLOCK_SLACK_MS)
}

/// Checks that all requests with one key get the same task within its time to live, and that no
/// other one's ran.
fn one_task_per_key(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    let keyed = load.keyed();
    let began_ms = |r: &KeyedRequest| sim.began(&r.task).first().map(|b| b.at_ms);
    for (i, one) in keyed.iter().enumerate() {
        judge_answer(one, &keyed)?;
        for other in keyed[i + 1..].iter().filter(|other| other.key == one.key) {
            let until_ms = one.asked_ms.min(other.asked_ms) + one.ttl_ms;
            let early = |r| began_ms(r).is_some_and(|at_ms| at_ms + CLOCK_SLACK_MS < until_ms);
            if early(one) && early(other) {
                return Err((
                    None,
                    format!("two tasks of one key ran: {one:?}, {other:?}"),
                ));
            }
        }
    }
    Ok(())
}

fn judge_answer(one: &KeyedRequest, keyed: &[Rc<KeyedRequest>]) -> Result<(), Wrong> {
    let answer = one.answer.borrow();
    let Some((answer, at_ms)) = answer.as_ref() else {
        return Ok(());
    };
    let mut same = keyed.iter().filter(|other| other.key == one.key);
    let (asked, body) = match answer {
        Answer::Differs if same.any(|other| other.body != one.body) => return Ok(()),
        Answer::Differs => return Err((None, format!("nothing differs from {one:?}"))),
        Answer::Task(asked, body) => (asked, *body),
    };
    let wrong = |what: String| Err((Some(asked.clone()), what));
    if body != one.body {
        return wrong(format!("another request's task for {one:?}"));
    }
    if asked.key_until_ms + CLOCK_SLACK_MS < one.asked_ms {
        return wrong(format!("the key was over for {one:?}"));
    }
    for other in same {
        let other = other.answer.borrow();
        let Some((Answer::Task(original, _), _)) = other.as_ref() else {
            continue;
        };
        let first = original.key_until_ms <= asked.key_until_ms;
        if first && original.id != asked.id && at_ms + CLOCK_SLACK_MS < original.key_until_ms {
            return wrong(format!("{one:?} did not get {original:?}"));
        }
    }
    Ok(())
}

/// Checks that everything ends without further faults. Ticks help now and then if there were
/// faults, and never otherwise.
pub fn end(sim: &Sim, load: &Load, ticks: bool) -> Result<(), Wrong> {
    let due_ms = |a: &Rc<Asked>| a.not_before_ms.unwrap_or(0);
    let limited_ms = sim.world.ledger.slots() * limited_ms(sim.world.queue_limits.get());
    let end_ms = load.last_due_ms().max(sim.now_ms()) + END_MS + limited_ms;
    // Follow-ups wait in a paused queue, even if all requested tasks have ended.
    load.resume(sim);
    loop {
        let open = load.open();
        if open.is_empty() && sim.now_ms() > load.last_due_ms() {
            break;
        }
        if sim.now_ms() > end_ms {
            return Err((open.first().cloned(), "it does not end".to_owned()));
        }
        // If all wait for a time that is far away, skip to it.
        let next_ms = open.iter().map(due_ms).min().unwrap_or(load.last_due_ms());
        let wait_ms = next_ms.saturating_sub(sim.now_ms() + 60_000);
        sim.run_for(wait_ms.clamp(5_000, 6 * 3_600_000));
        if ticks {
            sim.tick();
        }
        // A client that stalled may have paused the queue only now.
        load.resume(sim);
        watch(sim, load)?;
    }
    one_task_per_key(sim, load)?;
    listed::one_task_per_retry(sim)?;
    // Calls that are still on their way must not change anything.
    sim.run_with_ticks(120_000, 5_000);
    look(sim, load, &load.asked())?;
    for asked in load.asked() {
        judge(sim, load, &asked).map_err(|what| (Some(asked.clone()), what))?;
    }
    limited::judge(sim).map_err(|what| (None, what))?;
    counted(sim, load).map_err(|what| (None, what))
}

/// How long a task may have to wait for each one before it.
fn limited_ms(limits: Limits) -> u64 {
    let KeyLimits { concurrency, rate } = limits.per_key;
    let concurrency = [limits.concurrency, concurrency].into_iter().flatten();
    let rates = [limits.rate, rate].into_iter().flatten();
    let held_ms = concurrency.map(|of| LOST_PERMIT_MS / of).max();
    let apart_ms = rates.map(|rate| rate.period_s * 1_000 / rate.count).max();
    held_ms.unwrap_or(0) + apart_ms.unwrap_or(0)
}

/// Checks that without faults every task was counted once.
fn counted(sim: &Sim, load: &Load) -> Result<(), String> {
    let asked = load.asked();
    let traps = asked.iter().any(|asked| !asked.args["traps"].is_null());
    if sim.world.faults.happened.get() > 0 || sim.panicked() || traps {
        return Ok(());
    }
    let mut expected = Counts::default();
    for asked in asked {
        expected.succeeded += u64::from(asked.follow.is_some());
        match asked.seen.borrow().as_ref().map(|run| &run.state) {
            Some(RunState::Succeeded { .. }) => expected.succeeded += 1,
            Some(RunState::Failed { .. }) => expected.failed += 1,
            Some(RunState::Cancelled) => expected.cancelled += 1,
            Some(RunState::Expired { .. }) => expected.expired += 1,
            other => return Err(format!("{} is {other:?}", asked.name)),
        }
    }
    let counted = sim.wait(|queue| async move { queue.statistics().await.unwrap().ended });
    if load.retries.get() > 0 || load.schedules.any() || load.has_workflows() {
        // A retry that took too long was not acknowledged, and runs all the same. The tasks of
        // schedules and workflows are not known here.
        return Ok(());
    }
    match counted == expected {
        true => Ok(()),
        false => Err(format!("{counted:?} {MISCOUNTED} {expected:?}")),
    }
}

/// Checks that a final task ended as it had to.
fn judge(sim: &Sim, load: &Load, asked: &Asked) -> Result<(), String> {
    let seen = asked.seen.borrow();
    let run = seen.as_ref().ok_or("it is not final")?;
    let began = sim.began(&asked.name);
    if asked.steps > 0 {
        workflows::judge(sim, load, asked, run)?;
        confirmed(asked, run)?;
        let faults = sim.world.faults.happened.get();
        return within_budget(sim, load, asked, &began, faults);
    }
    ended_rightly(load, asked, run, &began)?;
    if asked.listed.get() && !listed::has_failed(asked) {
        return Err(format!("it was listed as failed: {run:?}"));
    }
    // A member of a workflow that was retried by itself may have the name of one that was retried
    // with its workflow.
    if !workflows::is_member(&asked.name) {
        never_early(sim, asked, &began)?;
        never_late(sim, asked, &began)?;
        never_twice(sim, &began)?;
    }
    followed(sim, asked)?;
    let faults = sim.world.faults.happened.get();
    let lost = |error: &str| error.starts_with("the worker was lost");
    let explained = faults > 0 || sim.panicked() || !asked.args["traps"].is_null();
    if run.errors.iter().any(|e| lost(&e.error)) && !explained {
        return Err(format!("nothing failed, and it lost an attempt: {run:?}"));
    }
    within_budget(sim, load, asked, &began, faults)
}

/// Checks that a task's follow-up ran, once.
fn followed(sim: &Sim, asked: &Asked) -> Result<(), String> {
    let Some(name) = &asked.follow else {
        return Ok(());
    };
    let began = sim.began(name);
    if began.is_empty() {
        return Err("nothing followed its end".to_owned());
    }
    // Its enqueuer may have died before the outcome, and no owner came while its key lived.
    let first_ms = asked.not_before_ms.unwrap_or(0).max(asked.asked_ms);
    let late = |b: &Began| b.at_ms + CLOCK_SLACK_MS > first_ms + asked.retention_ms;
    if sim.world.faults.happened.get() > 0 && began.last().is_some_and(late) {
        return Ok(());
    }
    never_twice(sim, &began).map_err(|e| format!("what follows its end: {e}"))
}

fn ended_rightly(load: &Load, asked: &Asked, run: &Run, began: &[Began]) -> Result<(), String> {
    let ended_well = match &run.state {
        RunState::Succeeded { result, .. } => {
            let expected = match asked.args["echo"].as_str() {
                Some(field) => &asked.args[field],
                None => &asked.args["then"],
            };
            let unique = !asked.args["unique"].is_null();
            (unique || result == expected) && asked.args["fatal"].is_null()
        }
        RunState::Failed { .. } => {
            let last = run.errors.last().map(|e| e.error.as_str());
            last == asked.args["fatal"].as_str() || run.errors.len() == asked.attempts as usize
        }
        RunState::Cancelled => asked.cancel_ms.get().is_some() || load.purges(),
        // A run before the expiry leaves a record, unless its instance was lost.
        RunState::Expired { ended_ms } => {
            asked.expires_ms.is_some_and(|at_ms| *ended_ms > at_ms)
                && began.iter().all(|b| b.instance.hit_ms() >= b.at_ms)
        }
        _ => false,
    };
    if !ended_well {
        return Err(format!("it ended wrongly: {run:?}"));
    }
    confirmed(asked, run)?;
    let numbers: Vec<_> = run.errors.iter().map(|e| e.attempt).collect();
    if numbers != (1..=numbers.len() as u32).collect::<Vec<_>>() {
        return Err(format!("its attempts are numbered {numbers:?}"));
    }
    Ok(())
}

fn confirmed(asked: &Asked, run: &Run) -> Result<(), String> {
    if asked.cancelled.get() && !matches!(run.state, RunState::Cancelled) {
        return Err(format!(
            "cancelling it was confirmed, and it ended as {run:?}"
        ));
    }
    Ok(())
}

/// Checks that no task begins before it is due, and no retry before its time.
fn never_early(sim: &Sim, asked: &Asked, began: &[Began]) -> Result<(), String> {
    let first_of = |attempt| began.iter().find(|b| b.attempt == attempt);
    if let (Some(at_ms), Some(first)) = (asked.not_before_ms, began.first())
        && first.at_ms + CLOCK_SLACK_MS < at_ms
    {
        return Err(format!("due at {at_ms}, it began at {}", first.at_ms));
    }
    for next in began.iter().filter_map(|b| first_of(b.attempt)) {
        let ended = sim.world.ended.borrow();
        // A run that overran its timeout, or may have been silent, was taken for lost, whatever its
        // outcome.
        let lease_ms = |e: &Ended| {
            let began_ms = first_of(e.attempt).map_or(0, |b| b.at_ms);
            let overrun_ms = began_ms + BEGIN_MS + asked.timeout_ms + CLOCK_SLACK_MS;
            match e.instance.hit_ms() >= began_ms {
                true => overrun_ms.min(began_ms + HEARTBEAT_TIMEOUT_DEFAULT_MS - CLOCK_SLACK_MS),
                false => overrun_ms,
            }
        };
        let before = ended.iter().filter(|e| {
            e.name == asked.name && e.attempt + 1 == next.attempt && e.at_ms <= next.at_ms
        });
        let before = before.filter(|e| e.at_ms <= lease_ms(e));
        let asked_for = before.map(|e| match e.outcome {
            Outcome::Retry { after_ms, .. } => e.at_ms + after_ms.unwrap_or(0),
            _ => 0,
        });
        if asked_for
            .min()
            .is_some_and(|at_ms| next.at_ms + CLOCK_SLACK_MS < at_ms)
        {
            return Err(format!("it was asked to come later than {next:?}"));
        }
    }
    Ok(())
}

/// Checks that no task begins for the first time after it expired. A task with a start mark by then
/// did not expire, though its instance may have died before the begin.
fn never_late(sim: &Sim, asked: &Asked, began: &[Began]) -> Result<(), String> {
    let (Some(at_ms), Some(first)) = (asked.expires_ms, began.first()) else {
        return Ok(());
    };
    let marked_ms = sim.world.ledger.marked_ms(asked.id.slot());
    // Its instance ended between the mark and the begin. A panic of a task beside it is enough.
    let ended = sim.world.faults.happened.get() > 0 || sim.panicked();
    let marked = marked_ms.is_some_and(|ms| ms <= at_ms) && ended;
    if first.at_ms > at_ms + CLOCK_SLACK_MS && !marked {
        return Err(format!(
            "it expired at {at_ms} and began at {}",
            first.at_ms
        ));
    }
    Ok(())
}

/// Checks runs of the same part. All but one were in instances that had a hit afterwards: they
/// died, stalled, panicked, or lost a store call. A snoozed run is followed by another one of the
/// same part.
pub fn never_twice(sim: &Sim, began: &[Began]) -> Result<(), String> {
    let part = |b: &Began| (b.attempt, b.checkpoint.as_ref().map(Json::to_string));
    for one in began {
        let same = began.iter().filter(|b| part(b) == part(one));
        let well: Vec<_> = same.filter(|b| b.instance.hit_ms() < b.at_ms).collect();
        let ended = sim.world.ended.borrow();
        let of_this = |e: &&Ended| (&e.name, e.attempt) == (&one.name, one.attempt);
        let put_off = ended.iter().filter(of_this);
        let put_off = put_off.filter(|e| matches!(e.outcome, Outcome::Snooze(_)));
        if well.len() > 1 + put_off.count() {
            return Err(format!("it ran twice, and nothing explains it: {well:?}"));
        }
    }
    Ok(())
}

fn within_budget(
    sim: &Sim,
    load: &Load,
    asked: &Asked,
    began: &[Began],
    faults: u64,
) -> Result<(), String> {
    let calls = sim.world.ledger.calls(asked.id.slot());
    let runs = began.len() as u64;
    let hours = 1 + (sim.now_ms() - asked.asked_ms) / 3_600_000;
    let waited_ms = began.last().map_or(0, |last| {
        let due_ms = asked.not_before_ms.unwrap_or(0).max(asked.asked_ms);
        last.at_ms.saturating_sub(due_ms)
    });
    // A workflow has a turn before each step and one after the last. It has more while ends are
    // counted that are not visible yet.
    let alive_ms = sim.now_ms() - asked.asked_ms;
    let turns = match asked.steps {
        0 => 0,
        steps => steps + 2 + (alive_ms / PUT_OFF_MS).min(30),
    };
    let alone = asked.seen.borrow().as_ref().is_some_and(|run| run.alone);
    let budget = CALLS
        + CALLS_ALONE * u64::from(alone)
        + CALLS_PER_RUN * turns
        + CALLS_PER_SECOND_WAITED * (waited_ms / 1_000).min(60)
        + (CALLS_PER_RUN + CALLS_PER_SECOND * asked.timeout_ms.min(LONG_MS) / 1_000) * runs
        + CALLS_PER_HOUR * hours
        + CALLS_PER_REPEAT * (asked.answers.get() - 1 + load.sweeps(asked))
        + CALLS_PER_FAULT * faults;
    if calls > budget {
        return Err(format!("{calls} store calls are more than {budget}"));
    }
    Ok(())
}

/// Checks that everything is deleted after its retention, once all tasks are final and no request
/// comes.
pub fn retire(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    // Retention ends where rescue was an hour ago, and examines an open task up to two hours later.
    // Few of the passes so far may have come to their end.
    sim.run_with_ticks(4 * RETENTION_MIN_MS, 10 * 60_000);
    sim.run_with_ticks(60_000, 5_000);
    look(sim, load, &load.asked())?;
    // A task whose enqueuer died before it acknowledged runs when retention comes by, and is kept
    // from then on. The slots behind it wait until they are old. A batch may hold many such tasks.
    let end_ms = sim.now_ms() + RETENTION_DEFAULT_MS;
    while left(sim, load).is_err() && sim.now_ms() < end_ms {
        sim.run_with_ticks(2 * RETENTION_MIN_MS, 10 * 60_000);
        sim.run_with_ticks(60_000, 5_000);
    }
    left(sim, load)
}

/// Checks that days later not even marks are left.
pub fn rest(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    sim.run_for(3 * 86_400_000);
    sim.run_with_ticks(120_000, 5_000);
    left(sim, load)
}

fn left(sim: &Sim, load: &Load) -> Result<(), Wrong> {
    let keys = sim.world.store.keys();
    let tables = |key: &&String| matches!(parts(key), ("y", Some(_)));
    if keys.iter().filter(tables).count() > 1 {
        return Err((None, "tables of schedules are left".to_owned()));
    }
    let keyed = sim.world.queue_limits.get().per_key != KeyLimits::default();
    let is_due = |key: &str| !matches!(parts(key), ("ge", Some(s)) if s * 1_000 > sim.now_ms());
    // The entry that will delete a waitlist.
    let of_lines = |key: &str| keyed && !is_due(key);
    let stays =
        |key: &str| stays(key, sim.now_ms()) || of_lines(key) || is_given_up_early(sim, key);
    match keys.iter().find(|key| !stays(key)) {
        None => Ok(()),
        Some(key) => {
            let slot = parts(key).1.filter(|_| parts(key).0 != "f");
            let asked = slot.and_then(|slot| load.by_slot(slot));
            let keeper = sim.wait(|queue| async move { queue.store().get("q.test.keeper").await });
            let keeper = keeper.ok().flatten().unwrap_or_default();
            let keeper = String::from_utf8_lossy(&keeper);
            Err((
                asked,
                format!("{key} is left, and the keeper knows {keeper}"),
            ))
        }
    }
}

/// Whether a ticket was given up whose slot no enqueuer had yet: claimers raced.
fn is_given_up_early(sim: &Sim, key: &str) -> bool {
    let ("h", Some(slot)) = parts(key) else {
        return false;
    };
    let lane = 1 << 50;
    let tails = ["tail", "tail.h", "tail.l", "tail.s"];
    let tail = format!("q.test.{}", tails[(slot / lane) as usize]);
    let given = sim
        .world
        .store
        .counter(&tail)
        .now_or_never()
        .unwrap()
        .unwrap();
    slot % lane > given % (1 << 44)
}

/// Whether this is a key of a limit that stays. Limit counters go some hours later, and a waitlist
/// on the second day after its own.
fn of_a_key(kind: &str, key: &str, now_ms: u64) -> bool {
    const HOUR_MS: u64 = 3_600_000;
    let number = key.split('.').nth(4).and_then(|n| n.parse::<u64>().ok());
    let Some(number) = number else { return false };
    let until_ms = match kind {
        "kp" => number * KEY_WINDOW_MS + 4 * HOUR_MS,
        "kb" => number * 1_000 + 4 * HOUR_MS,
        "kn" => (number + 4) * HOUR_MS,
        _ => (number + 2) * 24 * HOUR_MS + 4 * HOUR_MS,
    };
    now_ms < until_ms
}

/// Whether the count of a kind that ends its instances stays: until two hours after its period of
/// ten minutes.
fn killer_stays(key: &str, now_ms: u64) -> bool {
    let period = key.split('.').nth(4).and_then(|n| n.parse::<u64>().ok());
    period.is_some_and(|period| now_ms < (period + 1) * 600_000 + 3 * 3_600_000)
}

/// Whether a key stays: the queue's own counters, the keeper's record, the last table of schedules,
/// cancel counters per block, and recent registrations. The timer's marks and closed seconds stay
/// for two days at most.
fn stays(key: &str, now_ms: u64) -> bool {
    let (kind, number) = parts(key);
    let now_s = now_ms / 1_000;
    let today_s = now_s - now_s % 86_400;
    match kind {
        "tail" | "head" | "keeper" | "cancelled" | "xb" | "y" => true,
        "f" => number.is_none(),
        "z" => killer_stays(key, now_ms),
        "w" | "k" | "p" => number.is_some_and(|w| (w * WINDOW_MS) + REGISTERED_MS > now_ms),
        "kp" | "kb" | "kn" | "kt" | "kh" | "kq" | "kc" => of_a_key(kind, key, now_ms),
        "b" => number.is_some_and(|s| s * 1_000 + REGISTERED_MS > now_ms),
        "td" | "th" | "tm" | "ts" | "gd" | "gh" | "gm" | "gs" => {
            number.is_some_and(|s| s >= today_s - 2 * 86_400)
        }
        _ => false,
    }
}
