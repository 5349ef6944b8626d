//! Requests of callers: which ones are accepted, and the errors of the others.

mod documents;
mod errors;
mod nulls;
mod sizes;
mod times;
mod workflows;

use handoff_kinds::Registry;
use handoff_queue::{TaskSpec, Workflow};
use handoff_wire::{
    FieldError, Object, ScheduleRequest, TaskRequest, WorkflowRequest, from_json, from_slice,
    object,
};
use serde_json::{Value, json};

const ARGS_MAX: u64 = 10_000;

fn registry() -> Registry {
    handoff_tasks::registry().with_args_max(ARGS_MAX)
}

fn task(body: &str) -> Result<TaskSpec, FieldError> {
    let request: TaskRequest = from_slice(body.as_bytes())?;
    Ok(request.check(&registry(), 0)?.task)
}

fn workflow(body: &str) -> Result<Workflow, FieldError> {
    let request: WorkflowRequest = from_slice(body.as_bytes())?;
    let checked = request.check(&registry(), None, ARGS_MAX, 0)?;
    Ok(checked.0)
}

fn schedule(body: &str) -> Result<handoff_queue::Schedule, FieldError> {
    let request: ScheduleRequest = from_slice(body.as_bytes())?;
    request.check("report", "default", &registry())
}

/// A schedule that `GET` shows can be put unchanged.
#[test]
fn a_schedule_that_is_shown_can_be_put() {
    let body = r#"{"task":"http.request","args":{"url":"http://x/"},"cron":"0 6 * * *","timezone":"Europe/Berlin",
        "overlap":"skip","missed":"all","expires":"30s","priority":"low","timeout":"5s","key":"a",
        "retry":{"attempts":3,"initial":"2h"},"retention":"2h","webhook":"https://x/hook"}"#;
    let schedule_of = schedule(body).expect("it is one");
    let view = handoff_queue::ScheduleView {
        schedule: schedule_of.clone(),
        put_ms: 1_795_420_800_000,
        paused: true,
        next_ms: Some(1_795_420_860_000),
        last: None,
    };
    let shown = object::schedule(&view).to_string();
    assert_eq!(schedule(&shown), Ok(schedule_of), "{shown}");
    let other = shown.replace(r#""name":"report""#, r#""name":"other""#);
    assert_eq!(
        schedule(&other).expect_err("another name").field.as_deref(),
        Some("name")
    );
}

/// Values that tests write are read as bodies are.
#[test]
fn an_object_is_no_list_of_its_fields() {
    let Object(fields): Object<Value> = Object(json!({"a": 1}));
    assert_eq!(fields["a"], 1);
    assert!(from_json::<TaskRequest>(&json!(["echo"]).into()).is_err());
}
