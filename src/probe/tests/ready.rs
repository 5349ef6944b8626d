//! `/readyz` on good and bad stores, alone and in a crowd.

#![allow(clippy::unwrap_used)]

use futures::executor::{LocalPool, block_on};
use futures::future::{join_all, pending, poll_fn};
use futures::task::LocalSpawnExt;
use handoff_probe::{
    INSTANCES, Lifetime, LifetimeProbe, TIMES, Unready, WORK_MS, count, is_probe_key, lifetime,
    ready,
};
use handoff_queue::memory::MemoryStore;
use handoff_queue::{Cron, Env, Store, StoreError, Wake};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// Passes a millisecond whenever all have run, so that no test waits.
#[derive(Clone, Default)]
struct Clock(Rc<Cell<u64>>);

impl Clock {
    fn pass(&self, ms: u64) {
        self.0.set(self.0.get() + ms);
    }

    /// What `work` comes to, within a minute.
    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let end_ms = self.now_ms() + 60_000;
        block_on(poll_fn(|cx| {
            self.pass(1);
            assert!(self.now_ms() < end_ms, "it does not end");
            work.as_mut().poll(cx)
        }))
    }
}

impl Env for Clock {
    fn now_ms(&self) -> u64 {
        1_790_000_000_000 + self.0.get()
    }

    fn random(&self) -> u64 {
        4
    }

    async fn sleep_ms(&self, ms: u64) {
        let end_ms = self.now_ms() + ms;
        while self.now_ms() < end_ms {
            others_run().await;
        }
    }

    async fn wake(&self, _: &str, _: Wake) {}

    fn log(&self, _: &str) {}

    fn cron_after(&self, _: &Cron, _: u64) -> Option<u64> {
        None
    }

    fn cron_until(&self, _: &Cron, _: u64) -> Option<u64> {
        None
    }
}

async fn others_run() {
    let mut ran = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut ran, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Others run before each increment, and where it is racy also in the middle of it.
#[derive(Clone, Default)]
struct Shared {
    store: MemoryStore,
    racy: bool,
}

impl Shared {
    fn new(racy: bool) -> Self {
        Self {
            racy,
            ..Self::default()
        }
    }
}

impl Store for Shared {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(key).await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.store.get_many(keys).await
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.store.set(key, value).await
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        self.store.set_many(entries).await
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        self.store.delete_many(keys).await
    }

    async fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        others_run().await;
        if !self.racy {
            return self.store.increment(key, delta).await;
        }
        let sum = self.store.counter(key).await? + delta;
        others_run().await;
        self.store.set(key, &sum.to_le_bytes()).await?;
        Ok(sum)
    }

    async fn counter(&self, key: &str) -> Result<u64, StoreError> {
        self.store.counter(key).await
    }
}

async fn readyz(store: &Shared, clock: &Clock) -> Result<Option<Lifetime>, Unready> {
    let ask = async |key: &str| {
        assert!(is_probe_key(key), "{key}");
        Ok(count(store, key, TIMES).await?)
    };
    ready(store, clock, ask, nothing_else).await
}

fn assert_not_atomic(found: Result<Option<Lifetime>, Unready>) {
    let Err(Unready::Store(reason)) = &found else {
        panic!("{found:?}");
    };
    assert!(reason.contains("increment is not atomic"), "{reason}");
    assert!(reason.contains("Use a store"), "{reason}");
}

const KEPT: [&str; 2] = ["probe.turns", "probe.verdict"];

#[test]
fn a_good_store_is_ready_and_a_racy_one_is_not() {
    for racy in [false, true] {
        let (store, clock) = (Shared::new(racy), Clock::default());
        for _ in 0..5 {
            let found = clock.run(readyz(&store, &clock));
            if racy {
                assert_not_atomic(found);
            } else {
                assert_eq!(found, Ok(None));
            }
            assert_eq!(store.store.keys(), KEPT);
            clock.pass(5_000);
        }
    }
}

#[test]
fn a_store_that_becomes_racy_is_found_out_and_so_is_its_cure() {
    let (mut store, clock) = (Shared::default(), Clock::default());
    for racy in [false, true, false] {
        store.racy = racy;
        assert_eq!(clock.run(readyz(&store, &clock)).is_err(), racy);
        clock.pass(1_001);
    }
}

#[test]
fn a_crowd_shares_one_probe() {
    for racy in [false, true] {
        let (store, clock) = (Shared::new(racy), Clock::default());
        let found = clock.run(join_all((0..200).map(|_| readyz(&store, &clock))));
        if racy {
            found.into_iter().for_each(assert_not_atomic);
            continue;
        }
        assert!(found.iter().all(Result::is_ok), "{found:?}");
        assert_eq!(store.store.keys(), KEPT);
        // A turn each, and what one probe writes.
        let probe = INSTANCES as u64 * TIMES + 4;
        assert_eq!(store.store.take_calls().writes, 200 + probe);

        // Within the second that follows nothing is written at all.
        clock.pass(900);
        assert_eq!(clock.run(readyz(&store, &clock)), Ok(None));
        assert_eq!(store.store.take_calls().writes, 0);
    }
}

/// Its instance ends after so many store calls, wherever that is; whoever comes next waits in vain for it.
#[test]
fn a_probe_that_dies_leaves_nothing_for_long() {
    let mut waited = 0;
    for steps in 0..60 {
        let (store, clock) = (Shared::default(), Clock::default());
        let mut pool = LocalPool::new();
        let (dying, at) = (store.clone(), clock.clone());
        let handle = pool
            .spawner()
            .spawn_local_with_handle(async move {
                let alive = Cell::new(steps);
                let ask = async |key: &str| {
                    for _ in 0..TIMES {
                        dying.increment(key, 1).await?;
                        if alive.get() == 0 {
                            pending::<()>().await;
                        }
                        alive.set(alive.get() - 1);
                    }
                    Ok((1..=TIMES).collect())
                };
                ready(&dying, &at, ask, nothing_else).await
            })
            .unwrap();
        pool.run_until_stalled();
        drop(handle);
        clock.pass(1_001);

        let next = clock.run(readyz(&store, &clock));
        if next.is_err() {
            waited += 1;
            let Err(Unready::Store(reason)) = next else {
                panic!("{next:?}");
            };
            assert!(reason.contains("has not ended"), "{reason}");
        }
        assert_eq!(store.store.keys(), KEPT, "after {steps} steps");
        clock.pass(1_001);
        assert_eq!(clock.run(readyz(&store, &clock)), Ok(None));
    }
    assert!(waited > 0, "none died");
}

/// It must not say that the store is wrong: others may have given it up, and its key with it.
#[test]
fn a_probe_that_is_too_slow_says_only_that() {
    let (store, clock) = (Shared::default(), Clock::default());
    let slow = async |key: &str| {
        clock.sleep_ms(9_000).await;
        Ok(count(&store, key, TIMES).await?)
    };
    let both = futures::future::join(ready(&store, &clock, slow, nothing_else), async {
        clock.sleep_ms(10).await;
        readyz(&store, &clock).await
    });
    let (slow, waited) = clock.run(both);
    for found in [slow, waited] {
        let Err(Unready::Store(reason)) = &found else {
            panic!("{found:?}");
        };
        assert!(reason.contains("has not ended within"), "{reason}");
    }
    assert_eq!(store.store.keys(), KEPT);
}

#[test]
fn an_instance_that_cannot_be_asked_is_not_the_stores_fault() {
    let (store, clock) = (Shared::default(), Clock::default());
    let refused = Unready::Worker("refused".to_owned());
    let ask = async |_: &str| Err(refused.clone());
    let found = clock.run(ready(&store, &clock, ask, nothing_else));
    assert_eq!(found, Err(refused));
    assert_eq!(store.store.keys(), KEPT);
}

/// What else is looked at is asked once, and all who ask are given the answer.
#[test]
fn what_else_is_wrong_is_the_verdict_for_all() {
    let (store, clock) = (Shared::default(), Clock::default());
    let asked = Cell::new(0);
    let wrong = Unready::Deployment("a handler is not there".to_owned());
    let ask = async |key: &str| Ok(count(&store, key, TIMES).await?);
    let also = async || {
        asked.set(asked.get() + 1);
        Err(wrong.clone())
    };
    let both = futures::future::join(
        ready(&store, &clock, ask, also),
        ready(&store, &clock, ask, also),
    );
    let found = clock.run(both);
    assert_eq!(found, (Err(wrong.clone()), Err(wrong.clone())));
    assert_eq!(asked.get(), 1);
    assert_eq!(store.store.keys(), KEPT);
}

/// As hosts that let an instance do less and less, and one that is too slow to tell.
#[test]
fn how_long_instances_live_is_found_out() {
    use LifetimeProbe::{AfterResponse, Caller, Held};
    for (lives, expected) in [
        (
            &[AfterResponse, Caller, Held][..],
            Some(Lifetime::AfterResponse),
        ),
        (&[Caller, Held], Some(Lifetime::Response)),
        (&[Held], Some(Lifetime::Tick)),
        (&[], None),
    ] {
        let (store, clock) = (Shared::default(), Clock::default());
        let instances = RefCell::new(Vec::new());
        let work = async |probe: LifetimeProbe| {
            let (store, clock) = (store.clone(), clock.clone());
            clock.sleep_ms(WORK_MS).await;
            let probe = if probe == Caller {
                LifetimeProbe::Response
            } else {
                probe
            };
            _ = store.increment(&probe.counter(), 1).await;
        };
        let start = async |probe: LifetimeProbe| {
            if lives.contains(&probe) {
                instances.borrow_mut().push(Box::pin(work(probe)));
            }
            Ok(())
        };
        let hold = async |probe: LifetimeProbe| {
            if lives.contains(&probe) {
                work(probe).await;
            }
            Ok(())
        };
        // A second time: counters of the first one stay.
        for _ in 0..2 {
            let mut asked = pin!(lifetime(&store, &clock, start, hold));
            let found = clock.run(poll_fn(|cx| {
                let mut instances = instances.borrow_mut();
                instances.retain_mut(|instance| instance.as_mut().poll(cx).is_pending());
                drop(instances);
                asked.as_mut().poll(cx)
            }));
            assert_eq!(found, Ok(expected));
        }
    }
}

#[test]
fn only_keys_of_probes_may_be_counted() {
    for (key, may) in [
        ("probe.1", true),
        ("probe.1234567890", true),
        ("probe.", false),
        ("probe.turns", false),
        ("probe.1.value", false),
        ("probe.-1", false),
        ("q.default.tail", false),
        ("", false),
    ] {
        assert_eq!(is_probe_key(key), may, "{key:?}");
    }
}

async fn nothing_else() -> Result<Option<Lifetime>, Unready> {
    Ok(None)
}
