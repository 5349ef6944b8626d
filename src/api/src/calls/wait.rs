//! `?wait=20s` and `Prefer: wait=20`: an answer that comes once the task is final, or after that
//! time.

use super::{After, Answer};
use crate::limits::WAIT_MAX;
use crate::{HostQueue, push_along};
use handoff_platform::http::{Request, Response};
use handoff_queue::{Env, QueueError, TaskId, TaskView};
use handoff_wire::{Duration, FieldError, object, preferred_wait_ms};

/// How long to wait for the end of a task.
pub(super) struct Wait {
    pub ms: u64,
    /// The wait came from `Prefer`, so the answer says that it was applied.
    preferred: bool,
}

impl Wait {
    /// Reads the wait of a request. The parameter takes precedence over the preference.
    ///
    /// # Errors
    /// If a parameter can't be used. A preference that can't be used is ignored.
    pub(super) fn asked(request: &Request) -> Result<Option<Self>, FieldError> {
        let mut asked = None;
        for (name, value) in request.query()? {
            if name != "wait" {
                return Err(super::no_parameter(&name, &["wait"]));
            }
            let wait: Duration = value
                .parse()
                .map_err(|e: String| FieldError::new("wait", e))?;
            asked = Some(Self {
                ms: wait.between("wait", 0, WAIT_MAX.ms)?,
                preferred: false,
            });
        }
        let prefer = request.header_values("prefer");
        let preferred = preferred_wait_ms(prefer.iter().map(String::as_str)).map(|ms| Self {
            ms: ms.min(WAIT_MAX.ms),
            preferred: true,
        });
        Ok(asked.or(preferred))
    }

    /// Adds the applied preference to the answer.
    pub(super) fn applied(&self, response: Response) -> Response {
        if !self.preferred {
            return response;
        }
        response.header("preference-applied", format!("wait={}", self.ms / 1_000))
    }

    /// Answers with the final task in place of `early`, if the task ends in time. Whatever fails
    /// here, the task is taken, and the answer must say so.
    pub(super) async fn for_end(&self, queue: &HostQueue, id: &TaskId, early: Answer) -> Answer {
        // Do the work after the answer now: no worker would run until then.
        push_along(queue, early.after).await;
        let (response, waits) = match self.final_view(queue, id).await {
            Ok(Some(view)) => {
                let response = Response::json(200, &object::task(id, &view));
                (
                    response.header("location", format!("/v1/tasks/{id}")),
                    false,
                )
            }
            Ok(None) => (early.response, true),
            Err(e) => {
                queue.env().log(&format!("not waited for {id}: {e}"));
                (early.response, true)
            }
        };
        Answer {
            response: self.applied(response),
            after: After::Push { waits },
        }
    }

    async fn final_view(
        &self,
        queue: &HostQueue,
        id: &TaskId,
    ) -> Result<Option<TaskView>, QueueError> {
        queue.wait(id, self.ms).await?;
        let view = queue.view(id).await?;
        Ok(view.filter(|view| view.state.is_final()))
    }
}
