//! `{"waits": ["1s", "1s"]}`: waits for all at once.

use futures::future::join_all;
use handoff_input::{Duration, FieldError};
use handoff_platform::env::sleep_ms;
use handoff_platform::http::{Problem, Response};
use serde_json::json;

/// The longest wait: below the request limits of most hosts.
const WAIT_MAX: Duration = Duration::from_ms(20_000);

pub async fn gather(waits: Vec<Duration>) -> Result<Response, Problem> {
    if let Some(i) = waits.iter().position(|wait| *wait > WAIT_MAX) {
        let reason = format!("{} is out of bounds: at most {WAIT_MAX}", waits[i]);
        return Err(FieldError::new(&format!("waits[{i}]"), reason).into());
    }
    join_all(waits.iter().map(|wait| sleep_ms(wait.ms))).await;
    Ok(Response::json(200, &json!({"waited": waits})))
}
