//! The suite that every store must pass, on this host's back ends and through its faults, and what only they have.

use std::sync::Arc;

use handoff_conformance::run_all;
use handoff_e2e::Redis as RedisServer;
use handoff_probe::each_once;
use handoff_queue::StoreError;
use tempfile::TempDir;

use super::memory::Memory;
use super::redis::Redis;
use super::sqlite::Sqlite;
use super::{Faults, Store};

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    conforms(Arc::new(Memory::default()), bytes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    let folder = folder();
    let store = Sqlite::open(&folder.path().join("new/store.db")).expect("open");
    conforms(Arc::new(store), bytes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    if let Err(reason) = RedisServer::available() {
        return handoff_e2e::say(&format!("SKIPPED: the suite on Redis because {reason}"));
    }
    let folder = folder();
    let server = RedisServer::start(folder.path());
    let (store, _) = Redis::connect(&server.url()).await.expect("connect");
    conforms(Arc::new(store), text).await;
}

/// What `--fault store-racy` is for.
#[tokio::test]
async fn a_racy_store_is_refused_for_that_alone() {
    let faults = Faults::parse(&["store-racy".to_owned()]).expect("a fault");
    let store = faults.wrap(Arc::new(Memory::default()));
    let store = Adapter {
        store: &*store,
        decode: bytes,
    };
    let failures = run_all(&store, "").await;
    // An append takes its numbers by increments, unless the store has a call of its own.
    let by_increments = ["increments_at_once: ", "appends_at_once: "];
    let (expected, others): (Vec<_>, Vec<_>) = failures
        .iter()
        .partition(|f| by_increments.iter().any(|name| f.starts_with(name)));
    assert!(!expected.is_empty(), "nothing was refused");
    assert_eq!(others, [""; 0]);
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the state")
}

async fn conforms(store: Arc<dyn Store>, decode: Decode) {
    let adapter = Adapter {
        store: &*store,
        decode,
    };
    assert_eq!(run_all(&adapter, "").await, [""; 0]);
    empty_calls(&*store).await;
    single_deletes(&*store).await;
    no_counters(&*store).await;
    ten_thousand_increments(store).await;
}

/// How a back end keeps counters, as Spin's does.
type Decode = fn(&[u8]) -> Option<u64>;

fn bytes(value: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(value.try_into().ok()?))
}

fn text(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The host's own trait as the queue's.
struct Adapter<'a> {
    store: &'a dyn Store,
    decode: Decode,
}

fn failed(operation: &'static str, key: &str) -> impl Fn(anyhow::Error) -> StoreError {
    move |e| StoreError {
        operation,
        key: key.to_owned(),
        reason: format!("{e:#}"),
    }
}

impl handoff_queue::Store for Adapter<'_> {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(key).await.map_err(failed("get", key))
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let answers = self.store.get_many(keys.to_vec()).await;
        let answers = answers.map_err(failed("get_many", ""))?;
        let (answered, values): (Vec<_>, _) = answers.into_iter().unzip();
        assert_eq!(answered, keys, "one answer per key, in order");
        Ok(values)
    }

    async fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let set = self.store.set(key.to_owned(), value.to_vec()).await;
        set.map_err(failed("set", key))
    }

    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let set = self.store.set_many(entries.to_vec()).await;
        set.map_err(failed("set_many", ""))
    }

    async fn delete_many(&self, keys: &[String]) -> Result<(), StoreError> {
        let deleted = self.store.delete_many(keys.to_vec()).await;
        deleted.map_err(failed("delete_many", ""))
    }

    async fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        let sum = self.store.increment(key.to_owned(), delta as i64).await;
        sum.map(|sum| sum as u64).map_err(failed("increment", key))
    }

    async fn counter(&self, key: &str) -> Result<u64, StoreError> {
        let value = self.get(key).await?;
        let number = value.map_or(Some(0), |value| (self.decode)(&value));
        number.ok_or_else(|| failed("counter", key)(anyhow::anyhow!("not a number")))
    }
}

/// The queue makes none, but another component may.
async fn empty_calls(store: &dyn Store) {
    store.set_many(Vec::new()).await.expect("nothing set");
    let deleted = store.delete_many(Vec::new()).await;
    deleted.expect("nothing deleted");
}

async fn single_deletes(store: &dyn Store) {
    let delete = async || store.delete("k".to_owned()).await.expect("delete");
    delete().await;
    store.set("k".to_owned(), b"v".to_vec()).await.expect("set");
    delete().await;
    assert_eq!(store.get("k").await.expect("get"), None);
}

/// What can't be counted is an error that changes nothing.
async fn no_counters(store: &dyn Store) {
    let increment = async |key: &str, delta| store.increment(key.to_owned(), delta).await;
    increment("n", i64::MAX).await.expect("increment");
    let overflow = increment("n", 1).await;
    overflow.expect_err("an overflow");
    assert_eq!(increment("n", 0).await.expect("increment"), i64::MAX);

    let text = b"no counter".to_vec();
    store
        .set("text".to_owned(), text.clone())
        .await
        .expect("set");
    increment("text", 1).await.expect_err("not a counter");
    assert_eq!(store.get("text").await.expect("get"), Some(text));
}

/// By 100 tasks on several threads, with failing neighbours in between. `text` is no counter.
async fn ten_thousand_increments(store: Arc<dyn Store>) {
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                for _ in 0..100 {
                    let (number, failure) = tokio::join!(
                        store.increment("concurrent".to_owned(), 1),
                        store.increment("text".to_owned(), 1)
                    );
                    numbers.push(number.expect("increment").unsigned_abs());
                    failure.expect_err("not a counter");
                }
                numbers
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.extend(task.await.expect("task"));
    }
    assert_eq!(each_once(numbers, 10_000), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_survives_a_reopen_and_refuses_a_second_host() {
    let folder = folder();
    let path = folder.path().join("store.db");
    let first = Sqlite::open(&path).expect("open");
    first.set("k".to_owned(), b"v".to_vec()).await.expect("set");
    assert_eq!(
        first.increment("n".to_owned(), 3).await.expect("increment"),
        3
    );
    let error = Sqlite::open(&path).err().expect("a second one").to_string();
    assert!(
        error.contains("another host process") && error.contains("--store"),
        "{error}"
    );
    drop(first);

    let again = Sqlite::open(&path).expect("reopen");
    assert_eq!(again.get("k").await.expect("get"), Some(b"v".to_vec()));
    assert_eq!(
        again.get("n").await.expect("get"),
        Some(3_i64.to_le_bytes().to_vec()),
        "as Spin stores counters"
    );
    assert_eq!(
        again.increment("n".to_owned(), 1).await.expect("increment"),
        4
    );
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let folder = folder();
    let path = folder.path().join("text.db");
    std::fs::write(
        &path,
        "this is no database, however long it is. ".repeat(100),
    )
    .expect("write");
    let error = format!("{:#}", Sqlite::open(&path).err().expect("no database"));
    assert!(
        error.contains("text.db") && error.contains("SQLite"),
        "{error}"
    );
}
