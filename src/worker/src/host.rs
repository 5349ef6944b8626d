//! What the host gives a running task.

use futures::future::{FutureExt, LocalBoxFuture};
use handoff_platform::HostEnv;
use handoff_platform::env::sleep_ms;
use handoff_platform::http::client::send;
use handoff_queue::Env;
use handoff_tasks::{Call, Host, Reply};

/// The host's clock and HTTP, for tasks.
pub struct TaskHost;

impl Host for TaskHost {
    fn now_ms(&self) -> u64 {
        HostEnv.now_ms()
    }

    fn random(&self) -> u64 {
        HostEnv.random()
    }

    fn sleep_ms(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        sleep_ms(ms).boxed_local()
    }

    fn send(&self, call: Call) -> LocalBoxFuture<'static, Result<Reply, String>> {
        send(call).boxed_local()
    }
}
