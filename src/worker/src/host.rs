//! The host's means for running tasks.

use futures::future::{FutureExt, LocalBoxFuture};
use handoff_kinds::{Answer, Call, CallError, Host, TaskId, TaskView, WebhookSecrets};
use handoff_platform::clock::sleep_ms;
use handoff_platform::http::client::open;
use handoff_platform::probe::try_handler;
use handoff_platform::{HostEnv, HostStore, variables};
use handoff_queue::{Env, Queue};

/// The host's clock and HTTP, for tasks.
pub(crate) struct TaskHost {
    pub result_max_bytes: u64,
}

impl Host for TaskHost {
    fn now_ms(&self) -> u64 {
        HostEnv.now_ms()
    }

    fn sleep_ms(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        sleep_ms(ms).boxed_local()
    }

    fn open(&self, call: Call) -> LocalBoxFuture<'static, Result<Answer, CallError>> {
        open(call).boxed_local()
    }

    fn reach(&self, kind: String) -> LocalBoxFuture<'static, Result<(), String>> {
        async move { try_handler(&kind).await }.boxed_local()
    }

    fn task(&self, id: TaskId) -> LocalBoxFuture<'static, Result<Option<TaskView>, String>> {
        async move {
            let store = HostStore::open().map_err(|problem| problem.detail)?;
            let queue = Queue::new(id.queue(), store, HostEnv).map_err(|e| e.to_string())?;
            queue.view(&id).await.map_err(|e| e.to_string())
        }
        .boxed_local()
    }

    fn variable(&self, name: &str) -> Result<String, String> {
        variables::of_application(name).map_err(|problem| problem.detail)
    }

    fn webhook_secrets(&self) -> Result<WebhookSecrets, String> {
        variables::webhook_secrets().map_err(|problem| problem.detail)
    }

    fn result_max_bytes(&self) -> u64 {
        self.result_max_bytes
    }
}
