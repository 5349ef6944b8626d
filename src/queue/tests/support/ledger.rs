//! What the store was told: writes that no rule of the protocol allows, and what each task costs.

use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// Kept beside the store, so that looking costs no counted call.
#[derive(Default)]
pub struct Ledger {
    /// Who wrote the records that must not change, and what.
    written: RefCell<BTreeMap<String, (String, Vec<u8>)>>,
    /// The task that an announcement's slot is about.
    about: RefCell<BTreeMap<u64, u64>>,
    /// Calls per task.
    calls: RefCell<BTreeMap<u64, u64>>,
    /// When each task was first marked as begun, by the clock of who did.
    marked: RefCell<BTreeMap<u64, u64>>,
    all_calls: Cell<u64>,
    /// The slots whose tasks are for an occurrence, by its schedule's name and its time.
    occurrences: RefCell<BTreeMap<(String, u64), BTreeSet<u64>>>,
    /// The slots of members of workflows, by the workflow's id and which one it is.
    members: RefCell<BTreeMap<(String, u64, u64), BTreeSet<u64>>>,
    violations: RefCell<Vec<String>>,
}

/// The kind of a key and the slot in it: `q.<queue>.s.5` is `("s", Some(5))`.
pub fn parts(key: &str) -> (&str, Option<u64>) {
    let mut parts = key.split('.').skip(2);
    let kind = parts.next().unwrap_or_default();
    (kind, parts.next().and_then(|n| n.parse().ok()))
}

impl Ledger {
    /// A slot, a result, a timer entry, an entry in the list of failed tasks, a candidate for an idempotency key, a schedule and a table of them
    /// never change. An outcome does not either once the run has ended; before that only its owner writes it.
    pub fn write(&self, who: &str, key: &str, value: &[u8]) -> Option<String> {
        let (kind, slot) = parts(key);
        if !matches!(kind, "s" | "r" | "o" | "te" | "ge" | "f" | "i" | "y" | "yr") {
            return None;
        }
        if let (Some(task), "s", Some(slot)) = (announced(value), kind, slot) {
            self.about.borrow_mut().insert(slot, task);
        }
        if let (Some(occurrence), "s", Some(slot)) = (occurrence(value), kind, slot) {
            let mut occurrences = self.occurrences.borrow_mut();
            occurrences.entry(occurrence).or_default().insert(slot);
        }
        if let (Some(member), "s", Some(slot)) = (member(value), kind, slot) {
            let mut members = self.members.borrow_mut();
            members.entry(member).or_default().insert(slot);
        }
        if let (Some(beat_ms), "o", Some(slot)) = (beat(value), kind, slot) {
            self.marked.borrow_mut().entry(slot).or_insert(beat_ms);
        }
        let mut written = self.written.borrow_mut();
        let entry = (who.to_owned(), value.to_owned());
        let (owner, before) = written.insert(key.to_owned(), entry)?;
        if before == value {
            return None;
        }
        let (before, after) = (text(&before), text(value));
        let runs = kind == "o" && before.contains(r#""state":{"running""#);
        if runs && owner == who {
            return None;
        }
        let violation = format!("{key} was {before} by {owner} and becomes {after} by {who}");
        self.violations.borrow_mut().push(violation.clone());
        Some(violation)
    }

    pub fn delete(&self, key: &str) {
        self.written.borrow_mut().remove(key);
    }

    /// A call that reaches this key.
    pub fn count(&self, key: &str) {
        self.all_calls.set(self.all_calls.get() + 1);
        let (kind, Some(slot)) = parts(key) else {
            return;
        };
        if matches!(kind, "s" | "h" | "c" | "o" | "r" | "x") {
            let task = self.about.borrow().get(&slot).copied().unwrap_or(slot);
            *self.calls.borrow_mut().entry(task).or_default() += 1;
        }
    }

    /// How many calls there were about a task: its own keys, and the slots of its announcements.
    pub fn calls(&self, task: u64) -> u64 {
        self.calls.borrow().get(&task).copied().unwrap_or(0)
    }

    /// When a task was first marked as begun.
    pub fn marked_ms(&self, task: u64) -> Option<u64> {
        self.marked.borrow().get(&task).copied()
    }

    /// The slots of tasks of each occurrence of this schedule, by its time.
    pub fn occurrences(&self, schedule: &str) -> BTreeMap<u64, BTreeSet<u64>> {
        let occurrences = self.occurrences.borrow();
        let of = occurrences.iter().filter(|(o, _)| o.0 == schedule);
        of.map(|(o, slots)| (o.1, slots.clone())).collect()
    }

    /// The slots of the members of this workflow, by their step and number.
    pub fn members(&self, workflow: &str) -> BTreeMap<(u64, u64), BTreeSet<u64>> {
        let members = self.members.borrow();
        let of = members.iter().filter(|(m, _)| m.0 == workflow);
        of.map(|(m, slots)| ((m.1, m.2), slots.clone())).collect()
    }

    pub fn violation(&self) -> Option<String> {
        self.violations.borrow().first().cloned()
    }
}

/// The task that a slot's record announces.
fn announced(record: &[u8]) -> Option<u64> {
    let record: Value = serde_json::from_slice(record.get(1..)?).ok()?;
    record["announce"][0].as_u64()
}

/// The occurrence that a slot's task is for.
fn occurrence(record: &[u8]) -> Option<(String, u64)> {
    let record: Value = serde_json::from_slice(record.get(1..)?).ok()?;
    let occurrence = &record["task"]["occurrence"];
    let schedule = occurrence["schedule"].as_str()?.to_owned();
    Some((schedule, occurrence["at_ms"].as_u64()?))
}

/// The workflow that a slot's task belongs to, and as what.
fn member(record: &[u8]) -> Option<(String, u64, u64)> {
    let record: Value = serde_json::from_slice(record.get(1..)?).ok()?;
    let member = &record["task"]["member_of"];
    let workflow = member["workflow"].as_str()?.to_owned();
    Some((
        workflow,
        member["step"].as_u64()?,
        member["index"].as_u64()?,
    ))
}

/// When a record says that its run was last heard of.
fn beat(record: &[u8]) -> Option<u64> {
    let record: Value = serde_json::from_slice(record.get(1..)?).ok()?;
    record["state"]["running"]["beat_ms"].as_u64()
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}
