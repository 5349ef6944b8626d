//! What the host gives a running task.

use futures::future::{FutureExt, LocalBoxFuture};
use handoff_platform::HostEnv;
use handoff_platform::env::sleep_ms;
use handoff_platform::http::client::{Call, send};
use handoff_queue::Env;
use handoff_tasks::{Host, HttpCall, HttpReply};

/// The host's clock and HTTP, for tasks.
pub struct TaskHost;

impl Host for TaskHost {
    fn now_ms(&self) -> u64 {
        HostEnv.now_ms()
    }

    fn sleep_ms(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        sleep_ms(ms).boxed_local()
    }

    fn send(&self, call: HttpCall) -> LocalBoxFuture<'static, Result<HttpReply, String>> {
        async {
            let reply = send(to_call(call)).await?;
            Ok(HttpReply {
                status: reply.status,
                headers: reply.headers,
                body: reply.body,
            })
        }
        .boxed_local()
    }

    fn check(&self, call: &HttpCall) -> Result<(), (&'static str, String)> {
        to_call(call.clone()).check()
    }
}

fn to_call(call: HttpCall) -> Call {
    Call {
        method: call.method,
        url: call.url,
        headers: call.headers,
        body: call.body,
        timeout_ms: call.timeout_ms,
    }
}
