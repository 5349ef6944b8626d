//! Waitlists: tasks that wait for their key, at numbered places. Each key has one waitlist per day.
//!
//! A worker that may not begin a task takes a place for it, and writes the place into the outcome
//! of its epoch. A worker that frees a permit of the key calls the next place: it announces the
//! task's next epoch. The parker writes first and then reads whether its place was called. The
//! caller takes the number first and then reads the place. So no wake-up is lost.
//!
//! A timer entry serves the waitlist while a task waits in it. That covers places of the dead,
//! permits that lapse, and new rate periods. A waitlist belongs to one day, so no name is used
//! twice. It is deleted when tasks no longer join it and none waits in it.

use crate::base::config::{BEGIN_MS, CLOCK_SLACK_MS, KEY_WINDOW_MS};
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::limits::counters::LimitCounters;
use crate::model::delivery::Delivery;
use crate::model::run::{Place, Run, RunState};
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::{Validate, decode_opt, encode, is_epoch, is_slot, is_time};
use crate::timer::entry::{DUE, Entry, EntryKind, Inserted};
use crate::timer::insert::Timer;
use serde::Deserialize;
use serde::Serialize;

mechanism!(
    /// The waitlists of keys.
    Waitlists
);

const HOUR_MS: u64 = 3_600_000;

const DAY_MS: u64 = 24 * HOUR_MS;

/// A parker that needs longer than this announces the task, since no keeper may serve its place any
/// more.
const PARK_MS: u64 = 600_000;

/// A waitlist is deleted this long after the last day on which tasks join it or workers call it.
const LATE_MS: u64 = 2 * HOUR_MS;

/// The most places that one step calls, settles or deletes.
const CALLS_MAX: u64 = 100;

const PLACES_MAX: usize = 500;

const DELETE_MAX: u64 = 1_000;

/// The holder of a place: (task, epoch) waits for its delivery.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Waiter(u64, u64);

impl Validate for Waiter {
    fn is_valid(&self) -> bool {
        is_slot(self.0) && is_epoch(self.1) && self.1 > 0
    }
}

/// The service of a waitlist. Whichever record was written last, it is true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Attended {
    /// Places up to here are settled.
    settled: u64,
    /// The time in milliseconds since 1970 at which a keeper serves the waitlist next.
    pub(crate) next_ms: u64,
}

impl Validate for Attended {
    fn is_valid(&self) -> bool {
        is_slot(self.settled.saturating_add(1)) && is_time(self.next_ms)
    }
}

pub(crate) fn name(key: &str, day: u64) -> String {
    format!("{key}.{day}")
}

/// The key and the day of a waitlist.
fn parts(line: &str) -> (&str, u64) {
    let (key, day) = line.split_once('.').unwrap_or((line, ""));
    (key, day.parse().unwrap_or(0))
}

impl<S: Store, E: Env> Waitlists<'_, S, E> {
    /// The waitlists of a key that tasks may join, or could yesterday.
    fn lines(&self, key: &str) -> [String; 2] {
        let day = self.env.now_ms() / DAY_MS;
        [day.saturating_sub(1), day].map(|day| name(key, day))
    }

    async fn length(&self, line: &str) -> Result<u64, QueueError> {
        let tail = self.store.counter(&self.keys.line_tail(line)).await?;
        if tail == 0 {
            return Ok(0);
        }
        let head = self.store.counter(&self.keys.line_head(line)).await?;
        Ok(tail.saturating_sub(head))
    }

    /// Whether a task waits for this key.
    pub(crate) async fn anybody_waits(&self, key: &str) -> Result<bool, QueueError> {
        for line in self.lines(key) {
            if self.length(&line).await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Parks a delivery that may not begin. No attempt is counted. A delivery `behind` others need
    /// not check whether it may begin after all: a worker that frees a permit sees the waitlist.
    pub(crate) async fn park(
        &self,
        key: &str,
        delivery: Delivery,
        behind: bool,
    ) -> Result<(), QueueError> {
        let began_ms = self.env.now_ms();
        let day = began_ms / DAY_MS;
        let line = name(key, day);
        let tail = self.keys.line_tail(&line);
        if self.store.counter(&tail).await? == 0 {
            // Insert the deletion before any key of the waitlist exists.
            let over_ms = (day + 2) * DAY_MS + LATE_MS;
            Timer::of(self)
                .forget_at(over_ms, EntryKind::ForgetLine, &line)
                .await?;
        }
        let (slot, epoch, mut run) = (delivery.slot, delivery.epoch, delivery.run);
        let number = self.store.increment(&tail, 1).await?;
        let place = self.keys.line_place(&line, number);
        let waiting = Waiter(slot, epoch + 1);
        self.store.set(&place, &encode(&waiting)).await?;
        self.serve_later(&line).await?;
        if delivery.unstarted {
            // The task can still expire.
            (run.attempt, run.started_ms) = (0, 0);
        }
        run.state = RunState::Continued {
            ended_ms: self.env.now_ms(),
            parked: Some(Place {
                line: line.clone(),
                number,
            }),
        };
        let outcome = self.keys.run(slot, epoch);
        self.store.set(&outcome, &encode(&run)).await?;
        let late = self.env.now_ms().saturating_sub(began_ms) > PARK_MS;
        let called = self.store.counter(&self.keys.line_head(&line)).await? >= number;
        if late || (called && enabled(Guard::LookAfterParking)) {
            Slots::of(self).announce(&[(slot, epoch + 1)]).await?;
            self.store.delete_many(&[place]).await?;
            return Ok(());
        }
        if behind {
            return Ok(());
        }
        // A worker that did not see the place yet may have freed a permit.
        self.call(key, 1).await
    }

    /// Calls the next places of a key, as many as may begin now, but at most `most`.
    pub(crate) async fn call(&self, key: &str, most: u64) -> Result<(), QueueError> {
        for line in self.lines(key) {
            if self.length(&line).await? > 0 {
                let room = LimitCounters::of(self).key_room(key).await?;
                return self.call_in(&line, room.min(most)).await;
            }
        }
        Ok(())
    }

    /// Calls the next place instead of a called task that does not begin.
    pub(crate) async fn call_instead(&self, line: Option<String>) -> Result<(), QueueError> {
        match line {
            Some(line) => self.call_in(&line, 1).await,
            None => Ok(()),
        }
    }

    async fn call_in(&self, line: &str, most: u64) -> Result<(), QueueError> {
        let mut called = 0;
        for _ in 0..CALLS_MAX {
            if called >= most || self.length(line).await? == 0 {
                break;
            }
            let number = self.store.increment(&self.keys.line_head(line), 1).await?;
            called += u64::from(self.settle_place(line, number).await?);
        }
        Ok(())
    }

    /// Announces the task of a called place, and deletes the place. Returns false if it announced
    /// none: the task ended, or its parker is still writing and will see the call.
    async fn settle_place(&self, line: &str, number: u64) -> Result<bool, QueueError> {
        match self.settle_readable_place(line, number).await {
            // Other tasks wait behind it.
            Err(e) if e.is_unreadable() => {
                self.env.log(&e.to_string());
                Ok(false)
            }
            settled => settled,
        }
    }

    async fn settle_readable_place(&self, line: &str, number: u64) -> Result<bool, QueueError> {
        let place = self.keys.line_place(line, number);
        let waiting: Option<Waiter> = decode_opt(&place, self.store.get(&place).await?)?;
        let Some(Waiter(slot, epoch)) = waiting else {
            return Ok(false);
        };
        let key = self.keys.run(slot, epoch - 1);
        let run: Option<Run> = decode_opt(&key, self.store.get(&key).await?)?;
        let parked = run.as_ref().and_then(Run::parked);
        let here = parked.is_some_and(|p| p.line == line && p.number == number);
        let announce = here && self.store.counter(&self.keys.claim(slot, epoch)).await? == 0;
        if announce {
            Slots::of(self).announce(&[(slot, epoch)]).await?;
        }
        self.store.delete_many(&[place]).await?;
        Ok(announce)
    }

    /// Whether a task still waits at its place. If so, makes sure that a timer entry serves its
    /// waitlist.
    pub(crate) async fn is_in_line(&self, place: &Place) -> Result<bool, QueueError> {
        let line = &place.line;
        let tail = self.store.counter(&self.keys.line_tail(line)).await?;
        let head = self.store.counter(&self.keys.line_head(line)).await?;
        let waits = head < place.number && place.number <= tail;
        if waits {
            self.serve_later(line).await?;
        }
        Ok(waits)
    }

    /// Makes sure that a timer entry serves a waitlist from now on. No clock has reached its time
    /// yet, so the keeper that acts on it sees the present places.
    async fn serve_later(&self, line: &str) -> Result<(), QueueError> {
        let attended = self.served(line).await?;
        let now_ms = self.env.now_ms();
        let soon = now_ms + CLOCK_SLACK_MS + 1..now_ms + DAY_MS;
        if soon.contains(&attended.next_ms) || !enabled(Guard::AttendLine) {
            return Ok(());
        }
        self.enter_service(line, attended.settled, now_ms + CLOCK_SLACK_MS + BEGIN_MS)
            .await
    }

    async fn served(&self, line: &str) -> Result<Attended, QueueError> {
        let key = self.keys.line_attended(line);
        match decode_opt(&key, self.store.get(&key).await?) {
            // An unreadable record must not stop the waiting tasks. To serve everything again is
            // harmless.
            Err(e) => {
                self.env.log(&e.to_string());
                Ok(Attended::default())
            }
            Ok(attended) => Ok(attended.unwrap_or_default()),
        }
    }

    async fn enter_service(
        &self,
        line: &str,
        settled: u64,
        earliest_ms: u64,
    ) -> Result<(), QueueError> {
        let entry = Entry::named(EntryKind::Attend, line.to_owned());
        let mut next_ms = (earliest_ms / KEY_WINDOW_MS + 1) * KEY_WINDOW_MS;
        while Timer::of(self).insert(DUE, next_ms, &entry).await? == Inserted::Due {
            next_ms += KEY_WINDOW_MS;
        }
        let attended = Attended { settled, next_ms };
        let key = self.keys.line_attended(line);
        Ok(self.store.set(&key, &encode(&attended)).await?)
    }

    /// Serves a waitlist: settles places whose caller died, and calls as many as may begin now.
    pub(crate) async fn serve(&self, line: &str) -> Result<(), QueueError> {
        let (key, _) = parts(line);
        let attended = self.served(line).await?;
        let head = self.store.counter(&self.keys.line_head(line)).await?;
        let tail = self.store.counter(&self.keys.line_tail(line)).await?;
        let mut settled = attended.settled;
        for number in (settled + 1..=head.min(tail)).take(PLACES_MAX) {
            self.settle_place(line, number).await?;
            settled = number;
        }
        if head < tail {
            let room = LimitCounters::of(self).key_room(key).await?;
            self.call_in(line, room).await?;
        }
        let tail = self.store.counter(&self.keys.line_tail(line)).await?;
        let now_ms = self.env.now_ms();
        if settled < tail && attended.next_ms <= now_ms + CLOCK_SLACK_MS {
            self.enter_service(line, settled, now_ms).await?;
        }
        Ok(())
    }

    /// Deletes a waitlist that tasks no longer join, unless a task waits in it.
    pub(crate) async fn forget_line(&self, line: &str) -> Result<(), QueueError> {
        let tail = self.store.counter(&self.keys.line_tail(line)).await?;
        if self.length(line).await? > 0 {
            let at_ms = self.env.now_ms() + HOUR_MS;
            self.serve_later(line).await?;
            return Timer::of(self)
                .forget_at(at_ms, EntryKind::ForgetLine, line)
                .await;
        }
        for first in (1..=tail).step_by(DELETE_MAX as usize) {
            let places = first..(first + DELETE_MAX).min(tail + 1);
            let keys: Vec<_> = places.map(|i| self.keys.line_place(line, i)).collect();
            self.store.delete_many(&keys).await?;
        }
        let keys = [
            self.keys.line_attended(line),
            self.keys.line_head(line),
            self.keys.line_tail(line),
        ];
        Ok(self.store.delete_many(&keys).await?)
    }

    /// Makes sure that the timer will delete the limit counters of a key in this hour.
    pub(crate) async fn note_key(&self, key: &str, hour: u64) -> Result<(), QueueError> {
        let name = name(key, hour);
        let noted = self.keys.key_noted(&name);
        if self.store.counter(&noted).await? == 0 {
            let over_ms = (hour + 1) * HOUR_MS + LATE_MS;
            Timer::of(self)
                .forget_at(over_ms, EntryKind::ForgetKey, &name)
                .await?;
            self.store.increment(&noted, 1).await?;
        }
        Ok(())
    }

    /// Deletes the limit counters of a key in one hour. That includes permits of the window after
    /// it, and tokens of periods that end later.
    pub(crate) async fn forget_key(&self, name: &str) -> Result<(), QueueError> {
        let (key, hour) = parts(name);
        let windows = HOUR_MS / KEY_WINDOW_MS;
        let windows = hour * windows..=(hour + 1) * windows;
        let minutes = (hour * 60..=(hour + 2) * 60).map(|minute| minute * 60);
        let permits = windows.map(|w| self.keys.key_permits(key, w));
        let tokens = minutes.map(|end_s| self.keys.key_tokens(key, end_s));
        let mut keys: Vec<_> = permits.chain(tokens).collect();
        keys.push(self.keys.key_noted(name));
        Ok(self.store.delete_many(&keys).await?)
    }
}
