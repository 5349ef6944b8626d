//! A store in one SQLite file, in Spin's table. Writes are committed in groups: one thread takes what has gathered
//! while the last transaction reached the disk, and answers all of it after one fsync. Reads run beside it, each on
//! its own snapshot, which is never older than the last answered write.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tokio::sync::oneshot;

use super::{Store, add};

/// Enough that a group pays for its fsync, few enough that nobody waits long for the group's end.
const GROUP_MAX: usize = 512;
const READERS_MAX: usize = 8;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const GET: &str = "SELECT value FROM spin_key_value WHERE store = 'default' AND key = ?1";
const SET: &str = "INSERT INTO spin_key_value (store, key, value) VALUES ('default', ?1, ?2)
    ON CONFLICT (store, key) DO UPDATE SET value = excluded.value";
const DELETE: &str = "DELETE FROM spin_key_value WHERE store = 'default' AND key = ?1";

pub(super) struct Sqlite {
    path: PathBuf,
    writer: mpsc::Sender<Job>,
    readers: Mutex<Vec<Connection>>,
    /// Held as long as the store: two processes on one file would each trust their own counters' order.
    _lock: File,
}

enum Write {
    Set(Vec<(String, Vec<u8>)>),
    Delete(Vec<String>),
    Increment(String, i64),
}

struct Job {
    write: Write,
    /// Gets the new value of an increment, else 0.
    answer: oneshot::Sender<Result<i64>>,
}

impl Sqlite {
    /// Opens or creates the file and its folder. A second process on the same file is refused.
    pub(super) fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder)
                .with_context(|| format!("store folder {} cannot be made", folder.display()))?;
        }
        let lock = lock(path)?;
        let failed = || {
            format!(
                "SQLite store {}: cannot be opened; is it a SQLite file on a local disk?",
                path.display()
            )
        };
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE).with_context(failed)?;
        prepare(&connection).with_context(failed)?;
        let (writer, jobs) = mpsc::channel();
        std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || write_all(&mut connection, &jobs))?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            readers: Mutex::default(),
            _lock: lock,
        })
    }

    async fn write(&self, write: Write) -> Result<i64> {
        let (answer, answered) = oneshot::channel();
        let gone = || anyhow!("the store's writer has ended; restart the host");
        self.writer
            .send(Job { write, answer })
            .map_err(|_| gone())?;
        answered
            .await
            .map_err(|_| gone())?
            .with_context(|| format!("SQLite store {}", self.path.display()))
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads are not moved to another thread: they take some 8 µs, less than the move.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        let pooled = self.readers().pop();
        let read = || {
            let connection = match pooled {
                Some(connection) => connection,
                None => connect(&self.path, OpenFlags::empty())?,
            };
            let result = read(&connection);
            let mut readers = self.readers();
            if readers.len() < READERS_MAX {
                readers.push(connection);
            }
            result
        };
        read().with_context(|| format!("SQLite store {}", self.path.display()))
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        self.read(|connection| get(connection, key))
    }

    async fn set(&self, key: String, value: Vec<u8>) -> Result<()> {
        self.write(Write::Set(vec![(key, value)])).await.map(drop)
    }

    async fn delete(&self, key: String) -> Result<()> {
        self.write(Write::Delete(vec![key])).await.map(drop)
    }

    async fn increment(&self, key: String, delta: i64) -> Result<i64> {
        self.write(Write::Increment(key, delta)).await
    }

    async fn get_many(&self, keys: Vec<String>) -> Result<Vec<(String, Option<Vec<u8>>)>> {
        self.read(|connection| {
            let look_up = |key: String| get(connection, &key).map(|value| (key, value));
            keys.into_iter().map(look_up).collect()
        })
    }

    async fn set_many(&self, pairs: Vec<(String, Vec<u8>)>) -> Result<()> {
        self.write(Write::Set(pairs)).await.map(drop)
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<()> {
        self.write(Write::Delete(keys)).await.map(drop)
    }
}

fn lock(path: &Path) -> Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = File::create(&name)
        .with_context(|| format!("lock file {} cannot be made", name.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "SQLite store {}: another host process has it open; end that one, or give another --store sqlite:PATH",
            path.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("lock file {}", name.display()))
        }
    }
}

fn connect(path: &Path, more: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         CREATE TABLE IF NOT EXISTS spin_key_value (
             store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key))",
    )
}

/// The writer thread: ends with the store.
fn write_all(connection: &mut Connection, jobs: &mpsc::Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        match transact(connection, &group) {
            Ok(results) => {
                // Whoever no longer waits has its write all the same.
                group
                    .into_iter()
                    .zip(results)
                    .for_each(|(job, result)| _ = job.answer.send(result));
            }
            Err(error) => {
                if !connection.is_autocommit() {
                    _ = connection.execute_batch("ROLLBACK");
                }
                let text = format!("{error:#}");
                group
                    .into_iter()
                    .for_each(|job| _ = job.answer.send(Err(anyhow!("{text}"))));
            }
        }
    }
}

/// One transaction for the group. A write that fails by itself leaves nothing behind and the others alone.
fn transact(connection: &Connection, group: &[Job]) -> Result<Vec<Result<i64>>> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut results = Vec::with_capacity(group.len());
    for job in group {
        let result = apply_whole(connection, &job.write);
        // A full disk, for one, makes SQLite end the whole transaction.
        if connection.is_autocommit() {
            return Err(result
                .err()
                .unwrap_or_else(|| anyhow!("the transaction ended early")));
        }
        results.push(result);
    }
    connection.execute_batch("COMMIT")?;
    Ok(results)
}

fn apply_whole(connection: &Connection, write: &Write) -> Result<i64> {
    // A single statement is all or nothing without help.
    if !matches!(write, Write::Set(pairs) if pairs.len() > 1)
        && !matches!(write, Write::Delete(keys) if keys.len() > 1)
    {
        return apply(connection, write);
    }
    connection.execute_batch("SAVEPOINT one")?;
    let result = apply(connection, write);
    let end = if result.is_ok() {
        "RELEASE one"
    } else {
        "ROLLBACK TO one; RELEASE one"
    };
    if !connection.is_autocommit() {
        connection.execute_batch(end)?;
    }
    result
}

fn apply(connection: &Connection, write: &Write) -> Result<i64> {
    match write {
        Write::Set(pairs) => {
            let mut statement = connection.prepare_cached(SET)?;
            for (key, value) in pairs {
                statement.execute((key, value))?;
            }
            Ok(0)
        }
        Write::Delete(keys) => {
            let mut statement = connection.prepare_cached(DELETE)?;
            for key in keys {
                statement.execute([key])?;
            }
            Ok(0)
        }
        Write::Increment(key, delta) => {
            let sum = add(get(connection, key)?.as_deref(), key, *delta)?;
            connection
                .prepare_cached(SET)?
                .execute((key, sum.to_le_bytes()))?;
            Ok(sum)
        }
    }
}

fn get(connection: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection
        .prepare_cached(GET)?
        .query_row([key], |row| row.get(0))
        .optional()
}
