//! An audit of the store: writes that no rule of the protocol allows, and the calls for each task.

use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The audit, kept beside the store, so that a look at it is no counted call.
#[derive(Default)]
pub(crate) struct Ledger {
    /// The writer and the value of each record that must not change.
    written: RefCell<HashMap<String, (String, Vec<u8>)>>,
    /// The task that each announcement's slot names.
    about: RefCell<BTreeMap<u64, u64>>,
    /// Calls per task.
    calls: RefCell<BTreeMap<u64, u64>>,
    /// When each task was first marked as begun, by its owner's clock.
    marked: RefCell<BTreeMap<u64, u64>>,
    all_calls: Cell<u64>,
    /// The slots of the tasks of each occurrence, by the schedule's name and the time.
    occurrences: RefCell<BTreeMap<(String, u64), BTreeSet<u64>>>,
    /// The slots of the members of workflows, by workflow, step and number.
    members: RefCell<BTreeMap<(String, u64, u64), BTreeSet<u64>>>,
    violations: RefCell<Vec<String>>,
}

/// The kind of a key and the slot in it: `q.<queue>.s.5` is `("s", Some(5))`.
pub(crate) fn parts(key: &str) -> (&str, Option<u64>) {
    let (kind, rest) = kind(key);
    (kind, first(rest).0.parse().ok())
}

/// The kind of a key, and the rest behind it.
fn kind(key: &str) -> (&str, &str) {
    first(first(first(key).1).1)
}

/// The text up to the first dot, and the text behind it. It works on bytes, since it runs for each
/// call.
fn first(text: &str) -> (&str, &str) {
    match text.bytes().position(|b| b == b'.') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    }
}

/// Kinds of keys whose records must not change.
fn is_kept(kind: &str) -> bool {
    matches!(
        kind,
        "s" | "r" | "o" | "te" | "ge" | "f" | "i" | "y" | "yr" | "u"
    )
}

impl Ledger {
    /// Audits a write. Slots, results, timer entries, failed entries, candidates, versions of
    /// schedules, their tables, and published counts never change. An outcome does not change once the run has ended.
    /// Before that only its owner writes it.
    pub(crate) fn write(&self, who: &str, key: &str, value: &[u8]) -> Option<String> {
        let (kind, slot) = parts(key);
        if !is_kept(kind) {
            return None;
        }
        match (kind, slot) {
            ("s", Some(slot)) => self.filled(slot, &json(value)),
            ("o", Some(slot)) => self.ran(slot, value),
            _ => {}
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

    /// Notes the subject of a slot: an announcement, an occurrence of a schedule, or a member of a
    /// workflow.
    fn filled(&self, slot: u64, record: &Value) {
        if let Some(task) = record["announce"][0].as_u64() {
            self.about.borrow_mut().insert(slot, task);
        }
        let name = |value: &Value| value.as_str().map(str::to_owned);
        let of = &record["task"]["spec"]["occurrence"];
        if let (Some(schedule), Some(at_ms)) = (name(&of["schedule"]), of["at_ms"].as_u64()) {
            let mut occurrences = self.occurrences.borrow_mut();
            occurrences
                .entry((schedule, at_ms))
                .or_default()
                .insert(slot);
        }
        let of = &record["task"]["member_of"];
        let number = |field: &str| of[field].as_u64();
        if let (Some(workflow), Some(step), Some(index)) =
            (name(&of["workflow"]), number("step"), number("index"))
        {
            let mut members = self.members.borrow_mut();
            let member = members.entry((workflow, step, index));
            member.or_default().insert(slot);
        }
    }

    /// Notes the last heartbeat of a run's record.
    fn ran(&self, slot: u64, record: &[u8]) {
        let mut marked = self.marked.borrow_mut();
        if marked.contains_key(&slot) {
            return;
        }
        let beat_ms = json(record)["state"]["running"]["beat_ms"].as_u64();
        marked.extend(beat_ms.map(|beat_ms| (slot, beat_ms)));
    }

    /// Audits nothing that was written until now.
    pub(crate) fn forget_all(&self) {
        self.written.borrow_mut().clear();
        self.about.borrow_mut().clear();
        self.calls.borrow_mut().clear();
        self.marked.borrow_mut().clear();
    }

    pub(crate) fn delete(&self, key: &str) {
        if is_kept(kind(key).0) {
            self.written.borrow_mut().remove(key);
        }
    }

    /// Counts a call that reaches this key.
    pub(crate) fn count(&self, key: &str) {
        self.all_calls.set(self.all_calls.get() + 1);
        if !matches!(kind(key).0, "s" | "h" | "c" | "o" | "r" | "x") {
            return;
        }
        if let Some(slot) = parts(key).1 {
            let task = self.about.borrow().get(&slot).copied().unwrap_or(slot);
            *self.calls.borrow_mut().entry(task).or_default() += 1;
        }
    }

    /// The number of calls for a task: for its own keys, and for the slots of its announcements.
    pub(crate) fn calls(&self, task: u64) -> u64 {
        self.calls.borrow().get(&task).copied().unwrap_or(0)
    }

    /// When a task was first marked as begun.
    pub(crate) fn marked_ms(&self, task: u64) -> Option<u64> {
        self.marked.borrow().get(&task).copied()
    }

    /// The slots of the tasks of this schedule's occurrences, by time.
    pub(crate) fn occurrences(&self, schedule: &str) -> BTreeMap<u64, BTreeSet<u64>> {
        let occurrences = self.occurrences.borrow();
        let of = occurrences.iter().filter(|(o, _)| o.0 == schedule);
        of.map(|(o, slots)| (o.1, slots.clone())).collect()
    }

    /// The slots of this workflow's members, by step and number.
    pub(crate) fn members(&self, workflow: &str) -> BTreeMap<(u64, u64), BTreeSet<u64>> {
        let members = self.members.borrow();
        let of = members.iter().filter(|(m, _)| m.0 == workflow);
        of.map(|(m, slots)| ((m.1, m.2), slots.clone())).collect()
    }

    /// The number of slots with a record.
    pub(crate) fn slots(&self) -> u64 {
        let written = self.written.borrow();
        written.keys().filter(|key| kind(key).0 == "s").count() as u64
    }

    pub(crate) fn violation(&self) -> Option<String> {
        self.violations.borrow().first().cloned()
    }
}

/// A record without its version, or null if it is not a record.
fn json(record: &[u8]) -> Value {
    let json = record.get(1..).unwrap_or_default();
    serde_json::from_slice(json).unwrap_or_default()
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}
