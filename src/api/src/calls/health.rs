//! `GET /healthz` and `GET /readyz`.

use super::Answer;
use crate::{HostQueue, limits};
use handoff_kinds::Tasks;
use handoff_platform::http::{Problem, Response};
use handoff_platform::probe::{lifetime_warning, probe};
use handoff_platform::variables;
use handoff_queue::{CLOCK_SLACK_MS, Env, Noticed, QueueError};
use handoff_wire::{Duration, JsonObject, Time};
use serde_json::json;

/// A warning about what a keeper noticed stays for so long.
const WARNS_MS: u64 = 3_600_000;

/// Answers that the application is alive: an instance runs.
pub(crate) fn alive() -> Response {
    Response::json(200, &json!({"status": "alive"}))
}

/// Answers that the application is ready: the store works, its increment is atomic, and workers can
/// be woken. It says how long the host lets a worker live. What the application survives is a
/// warning.
pub(crate) async fn ready(tasks: Tasks, queue: &HostQueue) -> Result<Answer, Problem> {
    limits::check_handlers(tasks)?;
    queue.store().prepare().map_err(QueueError::from)?;
    let lifetime = probe(queue.store()).await?;
    let mut warnings = noticed(queue).await?;
    warnings.extend(lifetime.and_then(lifetime_warning));
    let mut body = JsonObject::default().with("status", "ready");
    body.put_some("worker_lifetime", lifetime.map(|found| found.to_string()));
    body.put_some("warnings", (!warnings.is_empty()).then_some(warnings));
    Ok(Answer::new(Response::json(200, &body)))
}

/// What keepers found wrong, of late.
async fn noticed(queue: &HostQueue) -> Result<Vec<String>, Problem> {
    let mut warnings = Vec::new();
    for name in variables::queues()?.names() {
        let queue = queue.named(name)?;
        let now_ms = queue.env().now_ms();
        let of_late = |(at_ms, _): &(u64, u64)| is_of_late(*at_ms, now_ms);
        let Noticed { ahead, lost } = queue.noticed().await?;
        if let Some((at_ms, by_ms)) = ahead.filter(of_late) {
            let (at, by) = (Time { ms: at_ms }, Duration::from_ms(by_ms));
            let slack = Duration::from_ms(CLOCK_SLACK_MS);
            warnings.push(format!(
                "queue {name}: at {at} one host's clock was ahead of another's by {by}; {slack} are allowed. Delays, retries and schedules come early or late, and running tasks may count as lost. Let NTP keep the clocks of all hosts"
            ));
        }
        if let Some((at_ms, tickets)) = lost.filter(of_late) {
            let at = Time { ms: at_ms };
            warnings.push(format!(
                "queue {name}: the store had lost its last writes, {tickets} tickets at least, as a keeper found at {at}. Tasks that were acknowledged then may be gone, and tasks that ran then may run again. Have the store keep what it acknowledges"
            ));
        }
    }
    Ok(warnings)
}

/// Whether a time is of the last hour. One in the future is by a clock that is ahead itself.
fn is_of_late(at_ms: u64, now_ms: u64) -> bool {
    at_ms + WARNS_MS > now_ms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_stays_for_an_hour() {
        let at_ms = 1_790_000_000_000;
        let warns = |after_ms: i64| is_of_late(at_ms, at_ms.saturating_add_signed(after_ms));
        assert_eq!(
            [-5_000, 0, 3_599_999, 3_600_000].map(warns),
            [true, true, true, false]
        );
    }
}
