//! Acting on the due entries of both timer wheels.

use crate::base::env::Env;
use crate::idempotency::enqueue::Idempotency;
use crate::keeper::pass::Keeper;
use crate::keeper::retention::Retention;
use crate::limits::waitlist::Waitlists;
use crate::progress::record::Progress;
use crate::rescue::Rescue;
use crate::runs::killers::KillerCounts;
use crate::schedule::records::Scheduler;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::timer::entry::{DUE, Entry, EntryKind, OLD};
use crate::timer::insert::Timer;

/// The bound of one pass. With it a keeper that has much to catch up with still stores its
/// progress.
const TURN_MAX: usize = 500;

impl<S: Store, E: Env> Keeper<'_, S, E> {
    pub(crate) async fn turn_due(&self, progress: &mut Progress) -> Result<(), QueueError> {
        let turn = Timer::of(self).turn(DUE, progress.due_s, TURN_MAX).await?;
        let mut actions = Vec::with_capacity(turn.entries.len());
        let is_other = |entry: &&Entry| {
            matches!(
                entry.what,
                EntryKind::Fire | EntryKind::Tidy | EntryKind::Attend
            )
        };
        let (others, tasks): (Vec<_>, Vec<_>) = turn.entries.iter().partition(is_other);
        for entry in &tasks {
            actions.push(Rescue::of(self).examine_entry(entry).await?);
        }
        let (running, tally) = (&mut progress.running, &mut progress.tally);
        Rescue::of(self).apply(&actions, Some(running)).await?;
        let now_ms = self.env.now_ms();
        for (entry, action) in tasks.iter().zip(&actions) {
            tally.looked(running, (entry.task, entry.epoch), action, now_ms);
        }
        for entry in others {
            match &entry.name {
                Some(line) if entry.what == EntryKind::Attend => {
                    Waitlists::of(self).serve(line).await?
                }
                _ => {
                    if let Some(skipped) = Scheduler::of(self).handle_entry(entry).await? {
                        progress.tally.missed(&skipped.schedule, skipped.count);
                    }
                }
            }
        }
        if !turn.keys.is_empty() {
            self.store.delete_many(&turn.keys).await?;
        }
        progress.strays.extend(turn.strays);
        progress.due_s = turn.cursor_s;
        Ok(())
    }

    pub(crate) async fn turn_old(&self, progress: &mut Progress) -> Result<(), QueueError> {
        let turn = Timer::of(self).turn(OLD, progress.old_s, TURN_MAX).await?;
        let mut pending = progress.pending.clone();
        let mut actions = Vec::new();
        let mut over = Vec::new();
        for entry in &turn.entries {
            match (entry.what, &entry.name) {
                (EntryKind::Delete, _) => {
                    Retention::of(self)
                        .age_due(entry.task, &mut pending)
                        .await?
                }
                (EntryKind::Forget, Some(name)) => over.push(name.as_str()),
                (EntryKind::ForgetLine, Some(line)) => {
                    Waitlists::of(self).forget_line(line).await?
                }
                (EntryKind::ForgetKey, Some(hour)) => Waitlists::of(self).forget_key(hour).await?,
                (EntryKind::ForgetKiller, Some(name)) => {
                    KillerCounts::of(self).forget_killer(name).await?
                }
                (EntryKind::Fire | EntryKind::Tidy, _) => {
                    if let Some(skipped) = Scheduler::of(self).handle_entry(entry).await? {
                        progress.tally.missed(&skipped.schedule, skipped.count);
                    }
                }
                _ => actions.push(Rescue::of(self).examine_entry(entry).await?),
            }
        }
        Rescue::of(self)
            .apply(&actions, Some(&mut progress.running))
            .await?;
        Idempotency::of(self).forget(&over).await?;
        pending.keys.extend(turn.keys);
        progress.pending = pending;
        progress.strays.extend(turn.strays);
        progress.old_s = turn.cursor_s;
        Ok(())
    }
}
