//! One suite that every store must pass: the ones in memory that the queue is tested on, the back ends of the local
//! host, and, inside a component, what each real host gives it. What passes it, the queue can rely on.
//!
//! A case gets a store that others may use at the same time, and a prefix for keys of its own that are absent yet. It
//! deletes what it wrote, unless it fails.

mod append;
mod case;
mod counters;
mod keys;
mod many;
mod values;

use case::Case;
use handoff_queue::Store;

/// The longest prefix: the suite needs room for its own names in keys of at most 96 characters.
pub const PREFIX_MAX: usize = 32;

/// One row per case: its module and its name.
macro_rules! cases {
    ($($module:ident: $($name:ident),+;)+) => {
        /// The names of all cases.
        pub const CASES: &[&str] = &[$($(stringify!($name)),+),+];

        /// Runs one case.
        ///
        /// # Errors
        /// In words: the case, what was done, what was expected and what was seen.
        pub async fn run(name: &str, store: &impl Store, prefix: &str) -> Result<(), String> {
            assert!(prefix.len() <= PREFIX_MAX, "the prefix {prefix:?} is too long");
            let case = Case::new(store, prefix, name);
            let ended = match name {
                $($(stringify!($name) => $module::$name(&case).await,)+)+
                _ => return Err(format!("there is no case {name:?}; there are {}", CASES.join(", "))),
            };
            match ended {
                Ok(()) => case.clean_up().await,
                Err(failure) => Err(failure),
            }
            .map_err(|failure| format!("{name}: {failure}"))
        }
    };
}

cases! {
    values: absent_value, set_and_get, overwrite, empty_value, large_value, any_bytes, numbers_as_text;
    keys: longest_keys, every_character, similar_keys;
    many: get_many_in_order, get_many_of_none, set_one_of_many, set_hundreds, set_repeated_key, delete_values,
        delete_counters;
    counters: absent_counter, increments, eight_digits, large_numbers, separate_counters, deleted_counter,
        increments_at_once;
    append: append_in_order, append_hundreds, append_beside_flags, append_looks_last, appends_at_once;
}

/// Runs all cases, and returns what failed.
pub async fn run_all(store: &impl Store, prefix: &str) -> Vec<String> {
    let mut failures = Vec::new();
    for name in CASES {
        failures.extend(run(name, store, prefix).await.err());
    }
    failures
}
