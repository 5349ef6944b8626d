//! One turn of a workflow, from its begin to its written outcome.

use crate::base::config::NEWER_AGAIN_MS;
use crate::base::env::Env;
use crate::limits::wake::Wakes;
use crate::model::delivery::{Delivery, Outcome, RunEnd};
use crate::model::effects::CompletionEffects;
use crate::model::receipt::Receipt;
use crate::runs::attempt::Attempts;
use crate::store::contract::Store;
use crate::store::error::QueueError;
use crate::worker::state::Runner;
use crate::worker::state::Worker;
use crate::workflow::gather::Workflows;
use crate::workflow::turn::TurnEnd;

/// After a failure of the store the next turn comes after this time.
const PUT_OFF_MS: u64 = 2_000;

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    pub(crate) async fn turn(&self, mut delivery: Delivery) {
        let env = self.queue.env();
        if let Some(ending) = Attempts::of(&self.queue).expiry(&delivery) {
            return self.ended(ending).await;
        }
        delivery.unstarted = false;
        delivery.run.started_ms = env.now_ms();
        self.hold(&delivery, None);
        let yield_at_ms = self.started_ms + self.limits.budget_ms;
        let mut receipt = Receipt::default();
        let noted = |delivery: &Delivery| _ = self.hold(delivery, None);
        let turned = Workflows::of(&self.queue)
            .turn(&mut delivery, yield_at_ms, &mut receipt, noted)
            .await;
        if receipt.backlog > 0 {
            // The turn may have enqueued many tasks, and this worker is only one.
            let wakes = Wakes::of(&self.queue);
            let woken = wakes.wake_for(&receipt, || self.limits.workers_max);
            if let Err(e) = woken.await {
                env.log(&e.to_string());
            }
        }
        let outcome = match turned {
            Ok(TurnEnd::Superseded) => return,
            Ok(TurnEnd::Waits(state)) => {
                delivery.run.state = state;
                let ending = RunEnd {
                    slot: delivery.slot,
                    epoch: delivery.epoch,
                    ends: CompletionEffects::of(&delivery.task),
                    run: delivery.run,
                };
                return self.ended(ending).await;
            }
            Ok(TurnEnd::Ends(outcome)) => outcome,
            Err(e @ QueueError::Record { .. }) => Outcome::Fail(e.to_string()),
            Err(e) => {
                env.log(&e.to_string());
                let newer = matches!(e, QueueError::Newer { .. });
                Outcome::Snooze(if newer { NEWER_AGAIN_MS } else { PUT_OFF_MS })
            }
        };
        self.end(delivery, outcome).await;
    }
}
