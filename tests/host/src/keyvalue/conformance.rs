//! One suite that every store must pass.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::memory::Memory;
use super::sqlite::Sqlite;
use super::{Store, redis};

/// A folder of its own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "handoff-host-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        Self(std::env::temp_dir().join(name))
    }

    fn database(&self) -> PathBuf {
        self.0.join("new/store.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    conforms(Arc::new(Memory::default()), "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    let folder = Folder::new();
    conforms(
        Arc::new(Sqlite::open(&folder.database()).expect("open")),
        "",
    )
    .await;
}

/// Runs where `HANDOFF_TEST_REDIS` names a Redis whose contents may change.
#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    let Ok(url) = std::env::var("HANDOFF_TEST_REDIS") else {
        return;
    };
    let (store, _) = redis::Redis::connect(&url).await.expect("connect");
    let prefix = format!(
        "test.{}.{:?}.",
        std::process::id(),
        std::time::Instant::now()
    );
    conforms(Arc::new(store), &prefix).await;
}

async fn conforms(store: Arc<dyn Store>, prefix: &str) {
    let key = |name: &str| format!("{prefix}{name}");
    values(&*store, &key).await;
    many(&*store, &key).await;
    counters(&*store, &key).await;
    concurrent_increments(store, key("concurrent")).await;
}

async fn values(store: &dyn Store, key: &impl Fn(&str) -> String) {
    assert_eq!(store.get(&key("absent")).await.expect("get"), None);
    store
        .delete(key("absent"))
        .await
        .expect("deleting what is absent is fine");
    let large: Vec<u8> = (0..1 << 20).map(|i: u32| i.to_le_bytes()[1]).collect();
    for value in [b"text".to_vec(), Vec::new(), large, vec![0, 255, 0]] {
        store.set(key("value"), value.clone()).await.expect("set");
        assert_eq!(
            store.get(&key("value")).await.expect("get"),
            Some(value),
            "a write is read back at once"
        );
    }
    store.delete(key("value")).await.expect("delete");
    assert_eq!(store.get(&key("value")).await.expect("get"), None);
}

async fn many(store: &dyn Store, key: &impl Fn(&str) -> String) {
    let pairs: Vec<_> = (0..100)
        .map(|i| (key(&format!("many.{i}")), format!("v{i}").into_bytes()))
        .collect();
    store.set_many(pairs).await.expect("set_many");
    store
        .set_many(vec![
            (key("twice"), b"1".to_vec()),
            (key("twice"), b"2".to_vec()),
        ])
        .await
        .expect("set_many");
    let asked = vec![
        key("many.7"),
        key("absent"),
        key("many.99"),
        key("many.7"),
        key("twice"),
    ];
    let answer = store.get_many(asked.clone()).await.expect("get_many");
    let (keys, values): (Vec<_>, Vec<_>) = answer.into_iter().unzip();
    assert_eq!(keys, asked, "one answer per key, in order");
    let expected = [Some("v7"), None, Some("v99"), Some("v7"), Some("2")];
    assert_eq!(
        values,
        expected.map(|value| value.map(|text| text.as_bytes().to_vec()))
    );

    store
        .delete_many(vec![key("many.7"), key("absent"), key("many.7")])
        .await
        .expect("delete_many");
    let left = store
        .get_many(vec![key("many.7"), key("many.8")])
        .await
        .expect("get_many");
    assert_eq!(
        left.iter()
            .map(|(_, value)| value.is_some())
            .collect::<Vec<_>>(),
        [false, true]
    );

    assert!(
        store
            .get_many(Vec::new())
            .await
            .expect("nothing asked")
            .is_empty()
    );
    store.set_many(Vec::new()).await.expect("nothing set");
    store
        .delete_many(Vec::new())
        .await
        .expect("nothing deleted");
}

async fn counters(store: &dyn Store, key: &impl Fn(&str) -> String) {
    for (delta, expected) in [
        (0, 0),
        (5, 5),
        (-7, -2),
        (1 << 40, (1 << 40) - 2),
        (-(1 << 40), -2),
    ] {
        assert_eq!(
            store
                .increment(key("counter"), delta)
                .await
                .expect("increment"),
            expected
        );
    }
    store.delete(key("counter")).await.expect("delete");
    assert_eq!(
        store
            .increment(key("counter"), i64::MAX)
            .await
            .expect("increment"),
        i64::MAX
    );
    store
        .increment(key("counter"), 1)
        .await
        .expect_err("an overflow is an error");
    assert_eq!(
        store.increment(key("counter"), 0).await.expect("increment"),
        i64::MAX,
        "and changes nothing"
    );
    store
        .set(key("text"), b"no counter".to_vec())
        .await
        .expect("set");
    store
        .increment(key("text"), 1)
        .await
        .expect_err("not a counter");
    assert_eq!(
        store.get(&key("text")).await.expect("get"),
        Some(b"no counter".to_vec())
    );
}

/// 1,000 increments by 20 tasks, with failing neighbours in between: no number is missing and none comes twice.
async fn concurrent_increments(store: Arc<dyn Store>, key: String) {
    let bad = format!("{key}.bad");
    store
        .set(bad.clone(), b"no counter".to_vec())
        .await
        .expect("set");
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (store, key, bad) = (store.clone(), key.clone(), bad.clone());
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                for _ in 0..50 {
                    let (number, failure) = tokio::join!(
                        store.increment(key.clone(), 1),
                        store.increment(bad.clone(), 1)
                    );
                    numbers.push(number.expect("increment"));
                    failure.expect_err("not a counter");
                }
                numbers
            })
        })
        .collect();
    let mut seen = BTreeSet::new();
    for task in tasks {
        for number in task.await.expect("task") {
            assert!(seen.insert(number), "{number} came twice");
        }
    }
    assert!(seen.into_iter().eq(1..=1000), "a number is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_survives_a_reopen_and_refuses_a_second_host() {
    let folder = Folder::new();
    let path = folder.database();
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
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).expect("folder");
    let path = folder.0.join("text.db");
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
