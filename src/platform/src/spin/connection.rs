//! One connection for all calls of an instance, made at the first call.

use std::cell::RefCell;
use std::rc::Rc;

/// A connection, while it is open.
pub(crate) struct Kept<C>(RefCell<Option<Rc<C>>>);

impl<C> Kept<C> {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Makes a call. It drops a connection that failed, since hosts do not repair it, and the next
    /// call makes a new one. It does not repeat the call, which may have been applied.
    pub(crate) fn call<T, E>(
        &self,
        open: impl FnOnce() -> Result<C, E>,
        call: impl FnOnce(&C) -> Result<T, E>,
    ) -> Result<T, E> {
        let there = self.0.borrow().clone();
        let connection = match there {
            Some(there) => there,
            None => {
                let new = Rc::new(open()?);
                self.0.replace(Some(new.clone()));
                new
            }
        };
        call(&connection).inspect_err(|_| self.close())
    }

    /// Drops the connection, if there is one.
    pub(crate) fn close(&self) {
        self.0.take();
    }
}
