//! Cancelling, pausing, resuming and purging.

use super::Load;
use super::asked::Asked;
use crate::support::Sim;
use handoff_queue::{Cancelled, Waiting};
use std::rc::Rc;

impl Load {
    pub(super) fn cancel_one(&self, sim: &Sim) {
        let asked = self.asked();
        if asked.is_empty() {
            return;
        }
        // Mostly one of the last, which is not final yet.
        let back = 1 + sim.world.below(4) as usize;
        self.cancel(sim, &asked[asked.len().saturating_sub(back)]);
    }

    /// Resumes the queue.
    pub(crate) fn resume(&self, sim: &Sim) {
        if self.mix.pauses {
            sim.wait(|queue| async move { queue.resume().await.is_ok() });
        }
    }

    /// Pauses, resumes or purges the queue.
    pub(super) fn operate(&self, sim: &Sim) {
        match sim.world.below(8) {
            0..=2 => _ = sim.spawn(|_, queue| async move { queue.pause().await.is_ok() }),
            3..=6 => _ = sim.spawn(|_, queue| async move { queue.resume().await.is_ok() }),
            _ => {
                self.purges.set(true);
                sim.spawn(|_, queue| async move {
                    let purged = queue.purge(&mut Waiting::all()).await;
                    let _ = queue.push_along(true).await;
                    purged.is_ok()
                });
            }
        }
    }

    /// Requests the cancellation of a task.
    pub(crate) fn cancel(&self, sim: &Sim, asked: &Rc<Asked>) {
        let first_ms = asked.cancel_ms.get().unwrap_or(sim.now_ms());
        asked.cancel_ms.set(Some(first_ms));
        let asked = asked.clone();
        sim.spawn(|_, queue| async move {
            if let Ok(Cancelled::Done) = queue.cancel(&asked.id).await {
                asked.cancelled.set(true);
            }
            let _ = queue.push_along(true).await;
        });
    }
}
