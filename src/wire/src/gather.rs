//! Gather requests: many calls or waits at once.

use crate::{Call, CallRequest, Duration, FieldError, List, Object};
use serde::Deserialize;

/// The most calls or waits in one request.
const ITEMS_MAX: usize = 100;
/// The longest wait. It is below the request limits of most hosts.
const WAIT_MAX: Duration = Duration::from_ms(20_000);
const TIMEOUT_DEFAULT: Duration = Duration::from_ms(10_000);
const TIMEOUT_MAX: Duration = Duration::from_ms(60_000);

/// The body of `POST /gather`, with one of the two fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatherRequest {
    requests: Option<List<Object<CallRequest>, ITEMS_MAX>>,
    waits: Option<List<Duration, ITEMS_MAX>>,
}

/// The calls or waits of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gather {
    /// Requests to send.
    Calls(Vec<Call>),
    /// Waits.
    Waits(Vec<Duration>),
}

impl GatherRequest {
    /// Checks everything that can be known before anything runs.
    ///
    /// # Errors
    /// The field that can't be used, and why.
    pub fn check(self) -> Result<Gather, FieldError> {
        match (self.requests, self.waits) {
            (Some(requests), None) => {
                count("requests", requests.count)?;
                let call = |(i, Object(request))| {
                    call(request).map_err(|e| e.within(&format!("requests[{i}]")))
                };
                let calls = requests.items.into_iter().enumerate().map(call);
                Ok(Gather::Calls(calls.collect::<Result<_, _>>()?))
            }
            (None, Some(waits)) => {
                count("waits", waits.count)?;
                let waits = waits.items;
                if let Some(i) = waits.iter().position(|wait| *wait > WAIT_MAX) {
                    let reason = format!("{} is out of bounds: at most {WAIT_MAX}", waits[i]);
                    return Err(FieldError::new(&format!("waits[{i}]"), reason));
                }
                Ok(Gather::Waits(waits))
            }
            _ => {
                let reason = "send either \"requests\" or \"waits\"";
                Err(FieldError::new_at(None, reason))
            }
        }
    }
}

fn count(field: &str, items: usize) -> Result<(), FieldError> {
    if (1..=ITEMS_MAX).contains(&items) {
        return Ok(());
    }
    let reason = format!("there are {items}; from 1 to {ITEMS_MAX} are taken");
    Err(FieldError::new(field, reason))
}

fn call(request: CallRequest) -> Result<Call, FieldError> {
    request.check()?;
    let timeout = request.timeout().unwrap_or(TIMEOUT_DEFAULT);
    if timeout > TIMEOUT_MAX || timeout.ms == 0 {
        let reason = format!("{timeout} is out of bounds: above 0s and at most {TIMEOUT_MAX}");
        return Err(FieldError::new("timeout", reason));
    }
    Ok(request.into_call(timeout.ms))
}
