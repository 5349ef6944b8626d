//! The suite itself: it passes a store that is right, and refuses each that is wrong in one way.

#![allow(clippy::unwrap_used)]

use futures::executor::block_on;
use handoff_conformance::{CASES, run, run_all};
use handoff_queue::memory::MemoryStore;
use handoff_queue::{Append, Appended, Store, StoreError};

/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Nothing,
    AbsentIsEmpty,
    AbsentCountsAsOne,
    SetsAreLost,
    FirstSetStays,
    EmptyIsAbsent,
    LargeIsCut,
    OnlyText,
    NumbersAreNormalized,
    KeysAreCut,
    KeysLoseEqualsSigns,
    UnderscoreMatchesAll,
    RepeatedKeyIsAnsweredOnce,
    AnswersAreSorted,
    AbsentIsNotAnswered,
    NoneIsAnError,
    SetManySkipsPresent,
    OnlyAHundredAreSet,
    RepeatedKeyIsNotSet,
    RepeatedKeyIsNotDeleted,
    AbsentIsNotDeleted,
    CountersAreNotDeleted,
    DeletedCountersGoOn,
    OldNumberIsAnswered,
    EightDigitsAreBytes,
    DoublePrecision,
    OneCounterForAll,
    Racy,
    AppendKeepsRecordsBack,
    AppendCutsBatches,
    AppendIsDoublePrecision,
    AppendLooksFirst,
    AppendIsRacy,
}

/// Each case has at least one store that it refuses.
const TABLE: &[(Wrong, &str)] = &[
    (Wrong::AbsentIsEmpty, "absent_value"),
    (Wrong::AbsentCountsAsOne, "absent_counter"),
    (Wrong::SetsAreLost, "set_and_get"),
    (Wrong::FirstSetStays, "overwrite"),
    (Wrong::EmptyIsAbsent, "empty_value"),
    (Wrong::LargeIsCut, "large_value"),
    (Wrong::OnlyText, "any_bytes"),
    (Wrong::NumbersAreNormalized, "numbers_as_text"),
    (Wrong::KeysAreCut, "longest_keys"),
    (Wrong::KeysLoseEqualsSigns, "every_character"),
    (Wrong::UnderscoreMatchesAll, "similar_keys"),
    (Wrong::RepeatedKeyIsAnsweredOnce, "get_many_in_order"),
    (Wrong::AnswersAreSorted, "get_many_in_order"),
    (Wrong::AbsentIsNotAnswered, "get_many_in_order"),
    (Wrong::NoneIsAnError, "get_many_of_none"),
    (Wrong::SetManySkipsPresent, "set_one_of_many"),
    (Wrong::OnlyAHundredAreSet, "set_hundreds"),
    (Wrong::RepeatedKeyIsNotSet, "set_repeated_key"),
    (Wrong::RepeatedKeyIsNotDeleted, "delete_values"),
    (Wrong::AbsentIsNotDeleted, "delete_values"),
    (Wrong::CountersAreNotDeleted, "delete_counters"),
    (Wrong::DeletedCountersGoOn, "deleted_counter"),
    (Wrong::OldNumberIsAnswered, "increments"),
    (Wrong::EightDigitsAreBytes, "eight_digits"),
    (Wrong::DoublePrecision, "large_numbers"),
    (Wrong::OneCounterForAll, "separate_counters"),
    (Wrong::Racy, "increments_at_once"),
    (Wrong::AppendKeepsRecordsBack, "append_in_order"),
    (Wrong::AppendCutsBatches, "append_hundreds"),
    (Wrong::AppendIsDoublePrecision, "append_beside_flags"),
    (Wrong::AppendLooksFirst, "append_looks_last"),
    (Wrong::AppendIsRacy, "appends_at_once"),
];

#[test]
fn a_store_that_is_right_passes() {
    let store = Broken::new(Wrong::Nothing);
    assert_eq!(block_on(run_all(&store, "t.")), [""; 0]);
    assert_eq!(store.store.keys(), [""; 0], "something is left behind");
}

#[test]
fn every_broken_store_is_refused() {
    for (wrong, case) in TABLE {
        let ended = block_on(run(case, &Broken::new(*wrong), "t."));
        let failure = ended.expect_err(&format!("{case} passes a store with {wrong:?}"));
        println!("{wrong:?}: {failure}");
        assert!(failure.starts_with(&format!("{case}: ")), "{failure}");
    }
    for case in CASES {
        let refuses = TABLE.iter().any(|(_, refusing)| refusing == case);
        assert!(refuses, "{case} refuses no store: is it of use?");
    }
}

#[test]
fn an_unknown_case_is_no_pass() {
    let failure = block_on(run("no-such", &MemoryStore::default(), "")).unwrap_err();
    assert!(
        failure.contains("no-such") && failure.contains("set_and_get"),
        "{failure}"
    );
}

struct Broken {
    store: MemoryStore,
    wrong: Wrong,
}

impl Broken {
    fn new(wrong: Wrong) -> Self {
        let store = MemoryStore::default();
        Self { store, wrong }
    }

    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == wrong
    }

    /// The key that is used instead of `key`.
    fn at(&self, key: &str) -> String {
        match self.wrong {
            Wrong::KeysAreCut => key.chars().take(95).collect(),
            Wrong::KeysLoseEqualsSigns => key.trim_end_matches('=').to_owned(),
            Wrong::UnderscoreMatchesAll => key.replace("a_c", "abc"),
            _ => key.to_owned(),
        }
    }

    /// Where the counter `key` is kept.
    fn counter_at(&self, key: &str) -> String {
        match self.wrong {
            Wrong::OneCounterForAll => "counter".to_owned(),
            _ => self.at(key),
        }
    }

    fn refused(operation: &'static str) -> StoreError {
        StoreError {
            operation,
            key: String::new(),
            reason: "broken on purpose".to_owned(),
        }
    }

    /// How a value comes out that went in as `value`.
    fn kept(&self, value: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(value);
        match (self.wrong, text.trim().parse::<f64>()) {
            (Wrong::LargeIsCut, _) => value[..value.len().min(1_000_000)].to_vec(),
            (Wrong::OnlyText, _) => text.into_owned().into_bytes(),
            (Wrong::NumbersAreNormalized, Ok(number)) => number.to_string().into_bytes(),
            _ => value.to_vec(),
        }
    }
}

fn repeated(keys: &[String], i: usize) -> bool {
    keys[..i].contains(&keys[i])
}

impl Store for Broken {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.store.get(&self.at(key)).await?;
        Ok(match self.wrong {
            Wrong::AbsentIsEmpty => Some(value.unwrap_or_default()),
            Wrong::EmptyIsAbsent => value.filter(|value| !value.is_empty()),
            _ => value,
        })
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        if self.is(Wrong::NoneIsAnError) && keys.is_empty() {
            return Err(Self::refused("get"));
        }
        let mut asked = keys.to_vec();
        if self.is(Wrong::AnswersAreSorted) {
            asked.sort();
        }
        let mut answers = Vec::new();
        for (i, key) in asked.iter().enumerate() {
            if !(self.is(Wrong::RepeatedKeyIsAnsweredOnce) && repeated(keys, i)) {
                answers.push(self.get(key).await?);
            }
        }
        if self.is(Wrong::AbsentIsNotAnswered) {
            answers.retain(Option::is_some);
        }
        Ok(answers)
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let key = self.at(key);
        let is_there = self.store.get(&key).await?.is_some();
        if self.is(Wrong::SetsAreLost) || (self.is(Wrong::FirstSetStays) && is_there) {
            return Ok(());
        }
        self.store.set(&key, &self.kept(value)).await
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let keys: Vec<_> = entries.iter().map(|(key, _)| key.clone()).collect();
        for (i, (key, value)) in entries.iter().enumerate() {
            let is_twice = keys.iter().filter(|other| *other == key).count() > 1;
            let skipped = match self.wrong {
                Wrong::SetManySkipsPresent => self.store.get(key).await?.is_some(),
                Wrong::OnlyAHundredAreSet => i >= 100,
                Wrong::RepeatedKeyIsNotSet => is_twice,
                _ => false,
            };
            if !skipped {
                self.set(key, value).await?;
            }
        }
        Ok(())
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        for (i, key) in keys.iter().enumerate() {
            let value = self.store.get(&self.at(key)).await?;
            let refused = match self.wrong {
                Wrong::RepeatedKeyIsNotDeleted => repeated(keys, i),
                Wrong::AbsentIsNotDeleted => value.is_none() && !repeated(keys, i),
                _ => false,
            };
            if refused {
                return Err(Self::refused("delete"));
            }
            // A counter is 8 bytes here, and no value of the suite is that is deleted.
            let is_counter = value.is_some_and(|value| value.len() == 8);
            match self.wrong {
                Wrong::CountersAreNotDeleted if is_counter => {}
                Wrong::DeletedCountersGoOn if is_counter => {
                    let gone = format!("gone.{key}");
                    let number = self.store.counter(key).await?;
                    self.store.set(&gone, &number.to_le_bytes()).await?;
                    self.store.delete_many(&[self.at(key)]).await?;
                }
                _ => self.store.delete_many(&[self.at(key)]).await?,
            }
        }
        Ok(())
    }

    async fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        let at = self.counter_at(key);
        let gone = self.store.counter(&format!("gone.{key}")).await?;
        let old = match self.store.counter(&at).await? {
            0 => gone,
            old => old,
        };
        if self.is(Wrong::Racy) {
            others_run().await;
        }
        let new = match self.wrong {
            Wrong::DoublePrecision => (old as f64 + delta as f64) as u64,
            _ => old + delta,
        };
        self.store.set(&at, &new.to_le_bytes()).await?;
        Ok(if self.is(Wrong::OldNumberIsAnswered) {
            old
        } else {
            new
        })
    }

    async fn counter(&self, key: &str) -> Result<u64, StoreError> {
        let number = self.store.counter(&self.counter_at(key)).await?;
        let text = number.to_string();
        Ok(match (self.wrong, text.as_bytes().try_into()) {
            (Wrong::AbsentCountsAsOne, _) if number == 0 => 1,
            (Wrong::EightDigitsAreBytes, Ok(bytes)) => u64::from_le_bytes(bytes),
            _ => number,
        })
    }

    async fn append(&self, append: Append<'_>) -> Result<Appended, StoreError> {
        let mut early = Vec::new();
        for key in append.look {
            early.push(self.store.counter(&self.counter_at(key)).await?);
        }
        if self.is(Wrong::AppendIsRacy) {
            let old = self.counter(append.counter).await?;
            others_run().await;
            let last = append.last(old + append.records.len() as u64);
            self.set_many(&append.entries(last)).await?;
            return Ok(Appended { last, look: early });
        }
        let kept_back = [append.records[0].clone()];
        let records = match self.wrong {
            Wrong::AppendKeepsRecordsBack => &kept_back,
            Wrong::AppendCutsBatches => &append.records[..append.records.len().min(100)],
            _ => append.records,
        };
        let mut done = Append { records, ..append }.call_by_call(self).await?;
        match self.wrong {
            Wrong::AppendLooksFirst => done.look = early,
            Wrong::AppendIsDoublePrecision => {
                let exact = self.counter(append.counter).await?;
                done.last = append.last(exact as f64 as u64);
            }
            _ => {}
        }
        Ok(done)
    }
}

async fn others_run() {
    let mut ran = false;
    futures::future::poll_fn(|cx| {
        if std::mem::replace(&mut ran, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
