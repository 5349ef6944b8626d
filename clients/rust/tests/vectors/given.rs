//! Arguments as the file writes them, in the types of this language.

use std::time::{Duration, SystemTime};

use handoff_client::{EnqueueOptions, Filter, Priority, Retry, Span, WorkflowOptions};
use serde_json::Value;

/// Options by their setters.
pub(crate) fn enqueue_options(named: &Value) -> EnqueueOptions {
    let mut options = EnqueueOptions::new();
    for (name, value) in named.as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        options = match name.as_str() {
            "queue" => options.queue(text),
            "key" => options.key(text),
            "priority" => options.priority(Priority::from(text)),
            "delay" => options.delay(span(value)),
            "eta" if value.is_object() => options.eta(time(value)),
            "eta" => options.eta(text),
            "expires" if value.is_object() => options.expires(time(value)),
            "expires" => options.expires(text),
            "timeout" => options.timeout(span(value)),
            "heartbeat_timeout" => options.heartbeat_timeout(span(value)),
            "retry" => options.retry(retry(value)),
            "retention" => options.retention(span(value)),
            "webhook" => options.webhook(text),
            "idempotency_key" => options.idempotency_key(text),
            "idempotency_ttl" => options.idempotency_ttl(span(value)),
            "wait" => options.wait(duration(value)),
            "traceparent" => options.traceparent(text),
            name => panic!("the option {name}"),
        };
    }
    options
}

pub(crate) fn retry(value: &Value) -> Retry {
    let attempts = u32::try_from(number(&value["attempts"])).expect("attempts");
    let factor = value["factor"].as_f64().expect("a factor");
    Retry::new()
        .attempts(attempts)
        .factor(factor)
        .initial(span(&value["initial"]))
        .max(span(&value["max"]))
}

pub(crate) fn workflow_options(named: &Value) -> WorkflowOptions {
    let mut options = WorkflowOptions::new();
    for (name, value) in named.as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        options = match name.as_str() {
            "queue" => options.queue(text),
            "delay" => options.delay(text),
            "on_failure" => options.on_failure(text),
            "idempotency_key" => options.idempotency_key(text),
            "wait" => options.wait(duration(value)),
            name => panic!("the option {name}"),
        };
    }
    options
}

pub(crate) fn filter(named: &Value) -> Filter {
    let named = named.as_object().into_iter().flatten();
    let named = named.filter(|(name, _)| !matches!(name.as_str(), "limit" | "dry_run"));
    named.fold(Filter::new(), |filter, (name, value)| {
        let text = value.as_str().expect("text");
        match name.as_str() {
            "state" => filter.state(text),
            "task" => filter.task(text),
            "key" => filter.key(text),
            "schedule" => filter.schedule(text),
            "text" => filter.text(text),
            "error" => filter.error(text),
            "since" => filter.since(text),
            name => filter.parameter(name, text),
        }
    })
}

/// Fields as this language writes them: durations are text.
pub(crate) fn written(value: &Value) -> Value {
    let mut value = value.clone();
    for (name, field) in value.as_object_mut().into_iter().flatten() {
        match name.as_str() {
            "delay" | "every" | "expires" | "timeout" | "initial" | "max" if field.is_u64() => {
                *field = format!("{field}ms").into();
            }
            "retry" => *field = written(field),
            _ => {}
        }
    }
    value
}

pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

pub(crate) fn span(value: &Value) -> Span {
    match value.as_u64() {
        Some(ms) => Duration::from_millis(ms).into(),
        None => value.as_str().expect("a duration").into(),
    }
}

pub(crate) fn duration(value: &Value) -> Duration {
    if let Some(ms) = value.as_u64() {
        return Duration::from_millis(ms);
    }
    let text = value.as_str().expect("a duration");
    let letters = text.find(char::is_alphabetic).expect("a unit");
    let unit = match &text[letters..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        unit => panic!("the unit {unit}"),
    };
    Duration::from_millis(text[..letters].parse::<u64>().expect("a number") * unit)
}

pub(crate) fn time(value: &Value) -> SystemTime {
    let time: jiff::Timestamp = value["$time"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("a time");
    time.into()
}
