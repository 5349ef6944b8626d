//! Putting, pausing, deleting and listing schedules.

use crate::base::config::SCHEDULES_MAX;
use crate::base::env::Env;
use crate::base::guard::{Guard, enabled};
use crate::model::receipt::Receipt;
use crate::schedule::fire::{LOOK_AGAIN_MS, entry};
use crate::schedule::records::{Fired, Scheduler, Version};
use crate::schedule::spec::{Put, Schedule, ScheduleView, Schedules};
use crate::schedule::table::Names;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::store::record::encode;

/// A receipt that makes the caller wake a keeper.
fn kept() -> Receipt {
    Receipt {
        timed: true,
        ..Receipt::default()
    }
}

pub(crate) fn view(version: Version, fired: &Fired, next_ms: Option<u64>) -> ScheduleView {
    let last = fired.last.as_ref();
    ScheduleView {
        schedule: version.schedule,
        put_ms: version.put_ms,
        paused: version.paused,
        next_ms,
        last: last.and_then(|(at_ms, id)| Some((*at_ms, id.parse().ok()?))),
    }
}

impl<S: Store, E: Env> Scheduler<'_, S, E> {
    /// Creates or replaces the schedule of this name. Putting an equal schedule changes nothing. A
    /// paused schedule stays paused.
    pub(crate) async fn put_schedule(&self, schedule: Schedule) -> Result<Put, QueueError> {
        let put_ms = self.env.now_ms();
        let mut version = Version {
            put_ms,
            changed_ms: None,
            paused: false,
            schedule,
        };
        if self.occurs_after(&version, put_ms).is_none() {
            return Ok(Put::Never);
        }
        loop {
            let before = self.table().await?;
            let same = before.names.get(&version.schedule.name).copied();
            if before.names.len() >= SCHEDULES_MAX && same.is_none() {
                return Ok(Put::Full);
            }
            let mut fired = Fired::default();
            version.paused = false;
            if let Some(number) = same {
                // An unreadable version is replaced.
                let last = QueueError::or_unreadable(self.fired(number).await)?;
                let there = QueueError::or_unreadable(self.version(number).await)?;
                let whole = last.is_ok();
                fired.last = last.unwrap_or_default().last;
                if let Some(there) = there.unwrap_or_default() {
                    version.paused = there.paused;
                    let equal = there.schedule == version.schedule && whole;
                    if equal && self.is_agreed(&before).await? {
                        return self.unchanged(number, there).await.map(|view| Put::Done {
                            created: false,
                            view: Box::new(view),
                            receipt: kept(),
                        });
                    }
                }
            }
            if self.replace(&version, put_ms, &fired, same).await? {
                let next_ms = self.occurs_after(&version, put_ms);
                return Ok(Put::Done {
                    created: same.is_none(),
                    view: Box::new(view(version, &fired, next_ms)),
                    receipt: kept(),
                });
            }
        }
    }

    /// Pauses or resumes the schedule of this name, or changes nothing if it is so. A resumed
    /// schedule occurs at the times at which it would have occurred without the pause. Returns
    /// `None` if no schedule has this name.
    pub(crate) async fn pause_schedule(
        &self,
        name: &str,
        paused: bool,
    ) -> Result<Option<(ScheduleView, Receipt)>, QueueError> {
        let began_ms = self.env.now_ms();
        loop {
            let Some(&number) = self.table().await?.names.get(name) else {
                return Ok(None);
            };
            let fired = self.fired(number).await?;
            let Some(there) = self.version(number).await? else {
                return Ok(None);
            };
            if there.paused == paused {
                if self.agreed_names().await?.get(name) == Some(&number) {
                    let view = self.unchanged(number, there).await?;
                    return Ok(Some((view, kept())));
                }
                self.in_time(began_ms)?;
                continue;
            }
            let version = Version {
                changed_ms: Some(began_ms.max(there.since_ms())),
                paused,
                ..there
            };
            let fired = Fired {
                last: fired.last,
                ..Fired::default()
            };
            let replaced = self.replace(&version, began_ms, &fired, Some(number));
            if replaced.await? {
                let next_ms = self.occurs_after(&version, version.since_ms());
                return Ok(Some((view(version, &fired, next_ms), kept())));
            }
        }
    }

    /// Reads a version that stays.
    async fn unchanged(&self, number: u64, version: Version) -> Result<ScheduleView, QueueError> {
        // Its putter may have come so late that the version was given up.
        self.revive(number).await?;
        self.view_schedule(number, version).await
    }

    /// Makes `version` the one that counts, in place of version `same`. Returns false if another
    /// change of this schedule came first: what the version took over may be out of date.
    async fn replace(
        &self,
        version: &Version,
        began_ms: u64,
        fired: &Fired,
        same: Option<u64>,
    ) -> Result<bool, QueueError> {
        let change = self.begin_change().await?;
        let number = change.number;
        let records = vec![
            (self.keys.schedule(number), encode(version)),
            (self.keys.fired(number), encode(fired)),
        ];
        self.write(records).await?;
        // Enter it before the version counts: if this instance dies from here on, the entry's
        // keeper cleans up.
        let after_ms = version.since_ms();
        let next_ms = self.occurs_after(version, after_ms);
        let at_ms = next_ms.unwrap_or(after_ms + LOOK_AGAIN_MS);
        self.enter(&entry(number, after_ms, fired), at_ms).await?;
        let name = &version.schedule.name;
        let put = |names: &mut Names| {
            let full = names.len() >= SCHEDULES_MAX && !names.contains_key(name);
            let counts = names.get(name).copied();
            let first = counts == same || counts == Some(number);
            let first = first || !enabled(Guard::ReplaceWhatWasRead);
            (first && !full).then(|| names.insert(name.clone(), number))
        };
        if self.change(change, began_ms, put).await?.is_none() {
            return Ok(false);
        }
        if let Err(late) = self.in_time(began_ms) {
            // The version may have been given up before it counted.
            self.revive(number).await?;
            return Err(late);
        }
        Ok(true)
    }

    /// Deletes a schedule. Returns false if none has this name. The tasks that it enqueued stay.
    pub(crate) async fn delete_schedule(&self, name: &str) -> Result<bool, QueueError> {
        let began_ms = self.env.now_ms();
        let before = self.table().await?;
        if !before.names.contains_key(name) && self.is_agreed(&before).await? {
            return Ok(false);
        }
        let change = self.begin_change().await?;
        let delete = |names: &mut Names| Some(names.remove(name).is_some());
        let deleted = self.change(change, began_ms, delete).await?;
        self.in_time(began_ms)?;
        Ok(deleted == Some(true))
    }

    /// Reads the schedule of this name and its progress.
    pub(crate) async fn schedule(&self, name: &str) -> Result<Option<ScheduleView>, QueueError> {
        let Some(&number) = self.table().await?.names.get(name) else {
            return Ok(None);
        };
        match self.version(number).await? {
            Some(version) => Ok(Some(self.view_schedule(number, version).await?)),
            None => Ok(None),
        }
    }

    /// Reads all schedules and their progress, in the order of their names.
    pub(crate) async fn schedules(&self) -> Result<Schedules, QueueError> {
        let mut schedules = Schedules::default();
        for (name, number) in self.table().await?.names {
            let view = async {
                match self.version(number).await? {
                    Some(version) => self.view_schedule(number, version).await.map(Some),
                    None => Ok(None),
                }
            };
            // One unreadable schedule must not hide the others.
            match QueueError::or_unreadable(view.await)? {
                Ok(view) => schedules.views.extend(view),
                Err(e) => schedules.unreadable.push((name, e)),
            }
        }
        Ok(schedules)
    }

    async fn view_schedule(
        &self,
        number: u64,
        version: Version,
    ) -> Result<ScheduleView, QueueError> {
        let fired = self.fired(number).await?;
        let next_ms = self.occurs_after(&version, fired.passed_ms.max(version.since_ms()));
        Ok(view(version, &fired, next_ms))
    }
}
