//! Virtual time, which passes only when nothing else can happen.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

type Sleepers = Rc<RefCell<BTreeMap<(u64, u64), Waker>>>;

/// The true time, and its sleepers.
pub(crate) struct Clock {
    now_ms: Rc<Cell<u64>>,
    sleepers: Sleepers,
    sequence: Cell<u64>,
}

impl Clock {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            now_ms: Rc::new(Cell::new(now_ms)),
            sleepers: Sleepers::default(),
            sequence: Cell::default(),
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Returns at `at_ms`, or at once if that is over. Sleepers wake in the order of time, then of
    /// their calls.
    pub(crate) fn sleep_until(&self, at_ms: u64) -> Sleep {
        self.sequence.set(self.sequence.get() + 1);
        Sleep {
            key: (at_ms, self.sequence.get()),
            now_ms: self.now_ms.clone(),
            sleepers: self.sleepers.clone(),
        }
    }

    pub(crate) fn sleep(&self, ms: u64) -> Sleep {
        self.sleep_until(self.now_ms() + ms)
    }

    /// Advances to the next sleeper and wakes it, but not beyond `end_ms`. Returns false if none
    /// sleeps until then.
    pub(crate) fn advance(&self, end_ms: u64) -> bool {
        let next = self.sleepers.borrow().keys().next().copied();
        let Some(key) = next.filter(|key| key.0 <= end_ms) else {
            self.now_ms.set(end_ms.max(self.now_ms()));
            return false;
        };
        self.now_ms.set(key.0.max(self.now_ms()));
        let waker = self.sleepers.borrow_mut().remove(&key);
        waker.into_iter().for_each(Waker::wake);
        true
    }
}

pub(crate) struct Sleep {
    key: (u64, u64),
    now_ms: Rc<Cell<u64>>,
    sleepers: Sleepers,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.now_ms.get() >= self.key.0 {
            return Poll::Ready(());
        }
        let mut sleepers = self.sleepers.borrow_mut();
        sleepers.insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.sleepers.borrow_mut().remove(&self.key);
    }
}

/// Lets other tasks run once.
pub(super) async fn yield_now() {
    let mut yielded = false;
    futures::future::poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
