//! Lists of a queue's tasks. Slots are numbered, so a list needs no index: a page looks at a bounded
//! number of slots, and says how far it looked.

use crate::base::config::{LISTED_MAX, PAGE_BYTES, RECORDS_MAX};
use crate::base::env::Env;
use crate::base::id::TaskId;
use crate::base::priority::{Lane, Priority};
use crate::model::run::Run;
use crate::model::slot::Slot;
use crate::model::state::State;
use crate::model::task::{Failure, Fits, Task, WORKFLOW};
use crate::runs::read::Runs;
use crate::runs::view::{TaskView, Views};
use crate::slots::lanes::Slots;
use crate::store::contract::Store;
use crate::store::core::mechanism;
use crate::store::error::QueueError;
use crate::store::record::{decode, decode_opt};
use crate::workflow::gather::Workflows;
use crate::workflow::view::WorkflowView;
use std::collections::VecDeque;

mechanism!(
    /// Lists of tasks.
    Lists
);

/// So many slots are read in one call.
const CHUNK: u64 = RECORDS_MAX as u64;

/// A page of a list.
#[derive(Debug, Default)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<(TaskId, TaskView)>,
    /// Unreadable tasks, with their ids as far as these are known.
    pub unreadable: Vec<(Option<TaskId>, QueueError)>,
    /// How many slots it looked at, at most [`LISTED_MAX`].
    pub searched: u64,
    /// When the oldest task among them was enqueued, in milliseconds since 1970.
    pub back_to_ms: Option<u64>,
    /// Where the next page begins, if there may be one: the next slot of each lane.
    pub next: Option<Vec<u64>>,
}

/// A page of a list of workflows.
#[derive(Debug, Default)]
pub struct WorkflowPage {
    /// The workflows.
    pub workflows: Vec<(TaskId, WorkflowView)>,
    /// Unreadable workflows, with their ids as far as these are known.
    pub unreadable: Vec<(Option<TaskId>, QueueError)>,
    /// How many slots it looked at, at most [`LISTED_MAX`].
    pub searched: u64,
    /// When the oldest task there was enqueued, in milliseconds since 1970. Workflows share these
    /// slots with webhooks.
    pub back_to_ms: Option<u64>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Vec<u64>>,
}

/// The home of a task, or why it can't be read.
type Home = Result<(TaskId, Task), QueueError>;

/// The part of a lane that is not listed yet, in the order of the list.
struct Part {
    lane: Lane,
    /// The next slot to read.
    next: u64,
    /// One beyond the last slot to read, in this order.
    end: u64,
    /// What was read, with its slot: homes that fit, and broken ones.
    found: VecDeque<(u64, Home)>,
}

impl Part {
    fn is_read(&self) -> bool {
        self.next == self.end
    }

    /// Where to go on.
    fn place(&self) -> u64 {
        self.found.front().map_or(self.next, |(slot, _)| *slot)
    }
}

impl<S: Store, E: Env> Lists<'_, S, E> {
    /// Lists tasks that fit, newest first, or those in the state `queued` by priority, and within
    /// one in the order in which they are claimed: at most `most`, from a place in an earlier page
    /// on. A page may be short, or empty, without being the last one. A task that waits for the
    /// limits of its key has no place in the backlog.
    pub(crate) async fn list(
        &self,
        state: Option<State>,
        fits: Fits<'_>,
        from: Option<&[u64]>,
        most: usize,
    ) -> Result<TaskPage, QueueError> {
        let mut parts = match state {
            Some(State::Queued) => self.waiting(from).await?,
            _ => self.newest(self.lanes().await?, from).await?,
        };
        let (mut page, mut bytes) = (TaskPage::default(), 0);
        loop {
            let full = page.tasks.len() + page.unreadable.len() >= most || bytes >= PAGE_BYTES;
            let next = match full {
                true => None,
                false => self.next(&mut parts, state, fits, &mut page).await?,
            };
            let Some(found) = next else { break };
            let (id, task) = match found {
                Ok(found) => found,
                Err(e) => {
                    page.unreadable.push((None, e));
                    continue;
                }
            };
            // A backlog may hold a task's home and an announcement, or two of these.
            if page.tasks.iter().any(|(listed, _)| *listed == id) {
                continue;
            }
            match QueueError::or_unreadable(self.view(&id, task).await)? {
                Ok(view) if state.is_none_or(|state| state == view.state) => {
                    bytes += view.bytes();
                    page.tasks.push((id, view));
                }
                Ok(_) => {}
                Err(e) => page.unreadable.push((Some(id), e)),
            }
        }
        page.next = rest(&parts);
        Ok(page)
    }

    /// Lists workflows, newest first: at most `most`, from a place in an earlier page on. A page may
    /// be short, or empty, without being the last one.
    pub(crate) async fn workflows(
        &self,
        from: Option<&[u64]>,
        most: usize,
    ) -> Result<WorkflowPage, QueueError> {
        let lanes = match Slots::of(self).tail().await?.system {
            true => vec![Lane::System],
            false => Vec::new(),
        };
        let mut parts = self.newest(lanes, from).await?;
        let fits = |_: &TaskId, task: &Task, _: Option<Failure<'_>>| task.kind == WORKFLOW;
        let (mut page, mut workflows) = (TaskPage::default(), Vec::new());
        let (mut bytes, mut members) = (0, 0);
        loop {
            // The members of an open workflow are read to count them.
            let full = workflows.len() + page.unreadable.len() >= most
                || bytes >= PAGE_BYTES
                || members >= LISTED_MAX;
            let next = match full {
                true => None,
                false => self.next(&mut parts, None, &fits, &mut page).await?,
            };
            let Some(found) = next else { break };
            let id = match found {
                Ok((id, _)) => id,
                Err(e) => {
                    page.unreadable.push((None, e));
                    continue;
                }
            };
            match QueueError::or_unreadable(Workflows::of(self).workflow(&id).await)? {
                Ok(Some(view)) => {
                    bytes += view.task.bytes();
                    members += view.gathered;
                    workflows.push((id, view));
                }
                // It was deleted meanwhile.
                Ok(None) => {}
                Err(e) => page.unreadable.push((Some(id), e)),
            }
        }
        Ok(WorkflowPage {
            workflows,
            unreadable: page.unreadable,
            searched: page.searched,
            back_to_ms: page.back_to_ms,
            next: rest(&parts),
        })
    }

    /// These lanes, from their ends down.
    async fn newest(
        &self,
        lanes: Vec<Lane>,
        from: Option<&[u64]>,
    ) -> Result<Vec<Part>, QueueError> {
        let mut parts = Vec::new();
        for lane in lanes {
            let next = match place(from, lane) {
                Some(slot) => slot,
                None if from.is_some() => lane.base(),
                None => Slots::of(self).last_slot(lane).await?,
            };
            let (end, found) = (lane.base(), VecDeque::new());
            parts.push(Part {
                lane,
                next,
                end,
                found,
            });
        }
        Ok(parts)
    }

    /// The backlog of all lanes, from their heads up.
    async fn waiting(&self, from: Option<&[u64]>) -> Result<Vec<Part>, QueueError> {
        let mut parts = Vec::new();
        for lane in self.lanes().await? {
            let end = Slots::of(self).last_slot(lane).await? + 1;
            let first = Slots::of(self).last_ticket(lane).await? + 1;
            // What was ahead in an earlier page may be taken meanwhile.
            let next = match place(from, lane) {
                Some(slot) => slot.max(first),
                None if from.is_some() => end,
                None => first,
            };
            let (next, found) = (next.min(end), VecDeque::new());
            parts.push(Part {
                lane,
                next,
                end,
                found,
            });
        }
        Ok(parts)
    }

    async fn lanes(&self) -> Result<Vec<Lane>, QueueError> {
        Ok(match Slots::of(self).head().await?.lanes {
            true => Priority::ALL.map(Lane::from).to_vec(),
            false => vec![Lane::Normal],
        })
    }

    /// Returns the next task of the list, after reading what is needed to know it.
    async fn next(
        &self,
        parts: &mut [Part],
        state: Option<State>,
        fits: Fits<'_>,
        page: &mut TaskPage,
    ) -> Result<Option<Home>, QueueError> {
        let in_order = state == Some(State::Queued);
        for part in &mut *parts {
            while part.found.is_empty() && !part.is_read() {
                if page.searched >= LISTED_MAX {
                    return Ok(None);
                }
                self.read(part, state, fits, page).await?;
            }
            if in_order && !part.found.is_empty() {
                break;
            }
        }
        // What is broken has no time, and hides nothing.
        let enqueued_ms =
            |home: &Home| home.as_ref().map_or(u64::MAX, |(_, task)| task.enqueued_ms);
        let first = |part: &&mut Part| part.found.front().map(|(_, home)| enqueued_ms(home));
        let part = match in_order {
            true => parts.iter_mut().find(|part| !part.found.is_empty()),
            false => parts
                .iter_mut()
                .filter(|p| !p.found.is_empty())
                .max_by_key(first),
        };
        let found = part.and_then(|part| part.found.pop_front());
        Ok(found.map(|(_, home)| home))
    }

    /// Reads some slots of a lane, and keeps the tasks that may fit.
    async fn read(
        &self,
        part: &mut Part,
        state: Option<State>,
        fits: Fits<'_>,
        page: &mut TaskPage,
    ) -> Result<(), QueueError> {
        let most = CHUNK.min(LISTED_MAX - page.searched);
        let next = match part.end > part.next {
            true => part.end.min(part.next + most),
            false => part.end.max(part.next.saturating_sub(most)),
        };
        let slots: Vec<u64> = match next > part.next {
            true => (part.next..next).collect(),
            false => (next + 1..=part.next).rev().collect(),
        };
        part.next = next;
        page.searched += slots.len() as u64;
        let keys: Vec<_> = slots.iter().map(|slot| self.keys.slot(*slot)).collect();
        let values = self.store.get_many(&keys).await?;
        for ((slot, key), value) in slots.into_iter().zip(&keys).zip(values) {
            let Some(value) = value else { continue };
            let home = self.home(slot, key, &value, state).await;
            match QueueError::or_unreadable(home)? {
                Ok(Some((id, task))) => {
                    let back_to_ms = page.back_to_ms.unwrap_or(task.enqueued_ms);
                    page.back_to_ms = Some(back_to_ms.min(task.enqueued_ms));
                    if fits(&id, &task, None) {
                        part.found.push_back((slot, Ok((id, task))));
                    }
                }
                Ok(None) => {}
                Err(e) => {
                    self.env.log(&e.to_string());
                    part.found.push_back((slot, Err(e)));
                }
            }
        }
        if let Some(state) = state.filter(|state| *state != State::Queued) {
            self.leave_out(&mut part.found, state).await?;
        }
        debug_assert_eq!(Lane::of(part.place()), part.lane, "it left its lane");
        Ok(())
    }

    /// The task of a slot: the one whose home it is, or in a backlog the one that it announces.
    async fn home(
        &self,
        slot: u64,
        key: &str,
        value: &[u8],
        state: Option<State>,
    ) -> Result<Option<(TaskId, Task)>, QueueError> {
        let (slot, task) = match decode(key, value)? {
            Slot::Task(task) => (slot, *task),
            Slot::Announce(home, _) if state == Some(State::Queued) => {
                let key = self.keys.slot(home);
                match decode_opt(&key, self.store.get(&key).await?)? {
                    Some(Slot::Task(task)) => (home, *task),
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some((TaskId::new(self.name(), slot, &task.nonce), task)))
    }

    /// Leaves out tasks whose records show another state, in two calls for all of them. A view
    /// decides about the others.
    async fn leave_out(
        &self,
        found: &mut VecDeque<(u64, Home)>,
        state: State,
    ) -> Result<(), QueueError> {
        let keys = |key: fn(&Self, u64) -> String| -> Vec<_> {
            let readable = found.iter().filter(|(_, home)| home.is_ok());
            readable.map(|(slot, _)| key(self, *slot)).collect()
        };
        let first = keys(|lists, slot| lists.keys.run(slot, 0));
        let decided = keys(|lists, slot| lists.keys.result(slot));
        let read = async |keys: &[String]| match keys {
            [] => Ok(Vec::new()),
            keys => self.store.get_many(keys).await,
        };
        let (runs, results) = (read(&first).await?, read(&decided).await?);
        let mut records = first.iter().zip(runs).zip(decided.iter().zip(results));
        found.retain(|(_, home)| {
            let Ok((id, _)) = home else { return true };
            let Some(((run, run_value), (result, result_value))) = records.next() else {
                return true;
            };
            let of = |key: &str, value| match decode_opt::<Run>(key, value) {
                Ok(run) => Ok(run.filter(|run| run.is_final() && run.nonce == id.nonce())),
                Err(e) => Err(e),
            };
            match (of(result, result_value), of(run, run_value)) {
                (Ok(Some(run)), _) | (Ok(None), Ok(Some(run))) => run.final_state() == Some(state),
                (Ok(None), Ok(None)) => !state.is_final(),
                // Its view says what is broken.
                (Err(_), _) | (_, Err(_)) => true,
            }
        });
        Ok(())
    }

    async fn view(&self, id: &TaskId, task: Task) -> Result<TaskView, QueueError> {
        let run = Runs::of(self).final_run(id).await?;
        Views::of(self).view_of(id, task, run).await
    }
}

/// Where the next page begins, if anything is left.
fn rest(parts: &[Part]) -> Option<Vec<u64>> {
    let rest = parts.iter().any(|p| !p.is_read() || !p.found.is_empty());
    rest.then(|| parts.iter().map(Part::place).collect())
}

/// The place of a lane in an earlier page.
fn place(from: Option<&[u64]>, lane: Lane) -> Option<u64> {
    let mut places = from?.iter().copied();
    places.find(|slot| Lane::of(*slot) == lane)
}
