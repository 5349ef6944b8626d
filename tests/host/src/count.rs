//! Host calls of an instance, counted for the budgets in the tests.

use std::fmt;

use wasmtime::{CallHook, ResourceLimiter, Store};

use crate::guest::Guest;

/// Counts of one instance.
#[derive(Debug, Default)]
pub(crate) struct Count {
    /// Calls of the host of all kinds, dropped resources included.
    calls: u64,
    /// Variables that were read.
    pub variables: u64,
    /// Calls of the key-value store, without opening it, and commands and statements to a Redis or Postgres.
    pub store: u64,
    /// The linear memory that it started with, in bytes.
    memory: usize,
    /// By how much that grew.
    grown: usize,
}

/// Counts host calls and memory of an instance.
pub(crate) fn all_calls(store: &mut Store<Guest>) {
    store.call_hook(|mut guest, hook| {
        if matches!(hook, CallHook::CallingHost) {
            guest.data_mut().count.calls += 1;
        }
        Ok(())
    });
    store.limiter(|guest| &mut guest.count);
}

impl ResourceLimiter for Count {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        match current {
            // The memory of an adapter is a page at most, and comes later.
            0 => self.memory = self.memory.max(desired),
            _ => self.grown += desired - current,
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            calls,
            variables,
            store,
            memory,
            grown,
        } = self;
        write!(
            f,
            "calls={calls} variables={variables} store={store} memory={memory} grown={grown}"
        )
    }
}
