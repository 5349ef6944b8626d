//! How many tests run a host at once.

use crate::Share;
use std::sync::{Condvar, Mutex, PoisonError};

/// Most of what a test does is waiting, so that many more than there are cores fit: four used a third of two cores.
const TESTS_MAX: usize = 6;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// Gives its share back when it is dropped.
pub(crate) struct Permit {
    share: usize,
}

/// Waits until there is room.
pub(crate) fn take(share: Share) -> Permit {
    let share = match share {
        Share::Some => 1,
        Share::All => TESTS_MAX,
    };
    // A test that fails does not stop the others.
    let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut running = ENDED
        .wait_while(running, |running| *running + share > TESTS_MAX)
        .unwrap_or_else(PoisonError::into_inner);
    *running += share;
    Permit { share }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= self.share;
        ENDED.notify_all();
    }
}
