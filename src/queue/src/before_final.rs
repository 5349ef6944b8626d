//! What comes before a task's end.

use crate::record::RunState;
use crate::{Env, Queue, QueueError, Run, Store, TaskId};

impl<S: Store, E: Env> Queue<S, E> {
    /// Every final outcome passes here before it is written, whoever writes it: what must have happened when an end can be
    /// seen happens here, and the record says so. Who dies behind it leaves something of an end that did not come.
    /// A record that passed once, and is adopted or published by others, has nothing left to do here. Costs nothing unless
    /// the task failed.
    ///
    /// # Errors
    /// If the store fails; then the outcome must not be written.
    pub(crate) async fn before_final(&self, slot: u64, run: &mut Run) -> Result<(), QueueError> {
        if let RunState::Failed { listed, .. } = &mut run.state
            && listed.is_none()
        {
            let id = TaskId::new(self.name(), slot, &run.nonce);
            *listed = Some(self.list_failed(&id).await?);
        }
        Ok(())
    }
}
