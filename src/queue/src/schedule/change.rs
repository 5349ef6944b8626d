//! Putting, deleting and listing schedules.

use crate::base::config::SCHEDULES_MAX;
use crate::base::env::Env;
use crate::model::receipt::Receipt;
use crate::schedule::fire::entry;
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
        next_ms,
        last: last.and_then(|(at_ms, id)| Some((*at_ms, id.parse().ok()?))),
    }
}

impl<S: Store, E: Env> Scheduler<'_, S, E> {
    /// Creates or replaces the schedule of this name. Putting an equal schedule changes nothing.
    pub(crate) async fn put_schedule(&self, schedule: Schedule) -> Result<Put, QueueError> {
        let put_ms = self.env.now_ms();
        let version = Version { put_ms, schedule };
        let Some(next_ms) = self.occurs_after(&version, put_ms) else {
            return Ok(Put::Never);
        };
        let name = version.schedule.name.clone();
        let before = self.table().await?;
        let same = before.names.get(&name).copied();
        if before.names.len() >= SCHEDULES_MAX && same.is_none() {
            return Ok(Put::Full);
        }
        let mut fired = Fired::default();
        if let Some(number) = same {
            // An unreadable version is replaced.
            let last = QueueError::or_unreadable(self.fired(number).await)?;
            let there = QueueError::or_unreadable(self.version(number).await)?;
            let whole = last.is_ok();
            fired.last = last.unwrap_or_default().last;
            let there = there.unwrap_or_default();
            let there = there.filter(|there| there.schedule == version.schedule && whole);
            if let Some(there) = there
                && self.is_agreed(&before).await?
            {
                // Its putter may have come so late that the version was given up.
                self.revive(number).await?;
                return Ok(Put::Done {
                    created: false,
                    view: Box::new(self.view_schedule(number, there).await?),
                    receipt: kept(),
                });
            }
        }
        let change = self.begin_change().await?;
        let number = change.number;
        let records = vec![
            (self.keys.schedule(number), encode(&version)),
            (self.keys.fired(number), encode(&fired)),
        ];
        self.write(records).await?;
        // Enter it before the version counts: if this instance dies from here on, the entry's
        // keeper cleans up.
        let entry = entry(number, put_ms, &fired);
        self.enter(&entry, next_ms).await?;
        let put = |names: &mut Names| {
            let full = names.len() >= SCHEDULES_MAX && !names.contains_key(&name);
            (!full).then(|| names.insert(name.clone(), number).is_none())
        };
        let Some(created) = self.change(change, put_ms, put).await? else {
            return Ok(Put::Full);
        };
        if let Err(late) = self.in_time(put_ms) {
            // The version may have been given up before it counted.
            self.revive(number).await?;
            return Err(late);
        }
        let view = Box::new(view(version, &fired, Some(next_ms)));
        Ok(Put::Done {
            created,
            view,
            receipt: kept(),
        })
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
        let next_ms = self.occurs_after(&version, fired.passed_ms.max(version.put_ms));
        Ok(view(version, &fired, next_ms))
    }
}
