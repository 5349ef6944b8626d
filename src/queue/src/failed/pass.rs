//! The keeper's pass of the failed list: it deletes entries whose task is gone or ended otherwise.

use crate::base::config::{AGED_EVERY_MS, RETENTION_MIN_MS};
use crate::base::env::Env;
use crate::failed::list::{FailedList, Standing};
use crate::progress::failed::Passed;
use crate::store::contract::Store;
use crate::store::error::QueueError;

const CHUNK: u64 = 100;

impl<S: Store, E: Env> FailedList<'_, S, E> {
    /// Passes numbers that no writer will use any more, up to the first entry that is still needed.
    pub(crate) async fn pass_failed(&self, passed: &mut Passed) -> Result<(), QueueError> {
        let began_ms = self.env.now_ms();
        if began_ms < passed.at_ms {
            return Ok(());
        }
        self.sample_failed(passed).await?;
        while passed.first <= passed.end {
            if self.is_over(began_ms) {
                // The next pass goes on.
                return Ok(());
            }
            if !self.pass_chunk(passed, began_ms).await? {
                break;
            }
        }
        passed.at_ms = began_ms + AGED_EVERY_MS;
        Ok(())
    }

    async fn sample_failed(&self, passed: &mut Passed) -> Result<(), QueueError> {
        let count = self.store.counter(&self.keys.failures()).await?;
        // Read the clock after the counter: by then these numbers were taken.
        let now_ms = self.env.now_ms();
        let (last_ms, last) = passed.samples.last().copied().unwrap_or((0, passed.end));
        if count > last && now_ms >= last_ms + AGED_EVERY_MS {
            passed.samples.push((now_ms, count));
        }
        let aged = |s: &mut (u64, u64)| s.0 + RETENTION_MIN_MS <= now_ms;
        for (_, count) in passed.samples.extract_if(.., aged) {
            passed.end = count;
        }
        Ok(())
    }

    /// Passes a chunk. Returns false at an entry that is needed, and stays there: readers look at
    /// nothing before it.
    async fn pass_chunk(&self, passed: &mut Passed, began_ms: u64) -> Result<bool, QueueError> {
        let numbers = passed.first..=passed.end.min(passed.first + CHUNK - 1);
        let keys: Vec<_> = numbers.clone().map(|i| self.keys.failure(i)).collect();
        let values = self.store.get_many(&keys).await?;
        for ((i, key), value) in numbers.zip(keys).zip(values) {
            if self.is_over(began_ms) {
                return Ok(true);
            }
            if let Some(value) = value {
                match self.is_needed(i, &key, &value).await {
                    Ok(true) => return Ok(false),
                    Ok(false) => self.store.delete_many(&[key]).await?,
                    // The newer version passes it.
                    Err(QueueError::Newer { .. }) => return Ok(false),
                    // The entry stays, and those behind it need not wait.
                    Err(e) if e.is_unreadable() => self.env.log(&e.to_string()),
                    Err(e) => return Err(e),
                }
            }
            passed.first = i + 1;
        }
        Ok(true)
    }

    /// Whether the task failed with this number, or still may: its owner may still be on its way.
    async fn is_needed(&self, i: u64, key: &str, entry: &[u8]) -> Result<bool, QueueError> {
        let id = self.entry_id(key, entry)?;
        Ok(match self.standing(&id).await? {
            Standing::Failed(failed) => failed.run.listed() == Some(i),
            Standing::Not(_, run) => run.is_none(),
            Standing::Unknown => false,
        })
    }
}
