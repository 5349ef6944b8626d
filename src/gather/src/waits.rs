//! `{"waits": ["1s", "1s"]}`: waits for all at once.

use futures::future::join_all;
use handoff_platform::clock::sleep_ms;
use handoff_platform::http::Response;
use handoff_wire::Duration;
use serde_json::json;

pub(crate) async fn gather(waits: Vec<Duration>) -> Response {
    join_all(waits.iter().map(|wait| sleep_ms(wait.ms))).await;
    Response::json(200, &json!({"waited": waits}))
}
