//! The tasks of a queue that fit a filter.

use super::overview;
use crate::answer::Answer;
use crate::context::Context;
use crate::curl::Curl;
use crate::failure::Failure;
use crate::filter::{Filter, STATES, from_of};
use crate::json::{self, Patterns};
use crate::model::{Queue, Searched, Task, Tasks};
use crate::page::{Page, html};
use crate::words;
use askama::Template;
use futures::future::join;
use handoff_wire::encode;

const PAGE: usize = 50;
/// So much of a task's arguments is shown in a line, in bytes.
const ARGS_MAX: usize = 120;

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    page: Page,
    queue: Queue,
    limits: String,
    filter: Filter,
    states: [&'static str; 8],
    rows: Vec<Row>,
    searched: Option<String>,
    next: Option<String>,
    /// What may be done to all that fit.
    actions: Vec<(&'static str, &'static str)>,
}

/// A task in a list.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub id: String,
    pub kind: String,
    pub state: String,
    pub key: String,
    pub args: String,
    pub error: String,
    pub when: String,
}

impl Row {
    pub(crate) fn of(task: &Task, patterns: &Patterns, now_ms: u64) -> Self {
        let (what, time) = match task.state.as_str() {
            "scheduled" | "retrying" => ("due", task.next_at),
            "running" => ("began", task.started_at),
            _ if task.is_final() => ("ended", task.ended_at),
            _ => ("enqueued", task.enqueued_at),
        };
        let when = time.map(|time| format!("{what} {}", words::relative(time, now_ms)));
        let args = task.args.as_deref();
        let error = task.error.as_deref().unwrap_or_default();
        Self {
            id: task.id.clone(),
            kind: task.task.clone(),
            state: match task.state.as_str() {
                "" => "unreadable".to_owned(),
                state => state.to_owned(),
            },
            key: task.key.clone().unwrap_or_default(),
            args: args
                .map(|args| json::line(args, patterns, ARGS_MAX))
                .unwrap_or_default(),
            error: first_line(error),
            when: when.unwrap_or_default(),
        }
    }
}

/// The first line of an error, of a bounded length.
pub(crate) fn first_line(text: &str) -> String {
    let mut line = text.lines().next().unwrap_or_default().to_owned();
    if json::cut(&mut line, 200) > 0 {
        line.push('…');
    }
    line
}

/// What may be done to all tasks of a state.
fn actions(state: &str) -> Vec<(&'static str, &'static str)> {
    let all = [
        ("retry-failed", "Retry failed ones…"),
        ("discard-failed", "Discard failed ones…"),
        ("cancel", "Cancel open ones…"),
    ];
    let fits = |action: &str| match state {
        // Retries of all failed tasks are another set than the list of any state.
        "failed" => action != "cancel",
        "succeeded" | "cancelled" | "expired" => false,
        _ => action == "cancel",
    };
    all.into_iter().filter(|(action, _)| fits(action)).collect()
}

pub(crate) fn said(searched: &Searched) -> String {
    let back = searched
        .back_to
        .map(|time| format!(", back to {} UTC", words::clock(time)));
    let back = back.unwrap_or_default();
    format!("Searched {} places of the queue{back}.", searched.slots)
}

pub(crate) async fn show(context: &Context, queue: &str) -> Result<Answer, Failure> {
    let filter = Filter::of(&context.query);
    let from = match context.parameter("from") {
        "" => String::new(),
        from => format!("from={}", encode(from)),
    };
    let path = format!("/v1/queues/{}", encode(queue));
    let list = |limit| {
        let list = format!("{path}/tasks?{}limit={limit}&{from}", filter.query());
        list.trim_end_matches('&').to_owned()
    };
    let (standing, tasks) = join(
        context.api.get::<Queue>(&path),
        context.api.list::<Tasks>(&list, PAGE),
    )
    .await;
    let (standing, tasks) = (standing?, tasks?);
    let rows = tasks.tasks.iter();
    let rows = rows.map(|task| Row::of(task, &context.redact, context.now_ms));
    let next = from_of(tasks.next.as_deref());
    let switch = match standing.paused {
        true => Curl::new("Resume", "POST", format!("{path}/resume")),
        false => Curl::new("Pause", "POST", format!("{path}/pause")),
    };
    let page = TasksPage {
        page: Page::new(context, format!("Tasks of {queue}"))
            .of(standing.paused)
            .curl(Curl::new("This list", "GET", list(PAGE)))
            .curl(Curl::new("This queue", "GET", path.clone()))
            .curl(switch),
        limits: overview::limits(standing.limits.as_ref()),
        queue: standing,
        states: STATES,
        rows: rows.collect(),
        searched: tasks.searched.as_ref().map(said),
        next: next.map(|from| format!("?{}from={from}", filter.query())),
        actions: actions(&filter.state),
        filter,
    };
    html(200, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_wrote_is_escaped() {
        let task = r#"{"tasks":[{"id":"default-1","state":"failed","task":"mail","key":"<script>k</script>",
            "args":{"a":"<script>alert(1)</script>","password":"s3cret"},"error":"<img src=x>\nsecond"}],
            "next":"/v1/queues/default/tasks?text=a&from=1f-2"}"#;
        let tasks: Tasks = serde_json::from_str(task).expect("tasks");
        let patterns = "password".parse().unwrap_or_default();
        let filter = Filter {
            text: "\"><script>".to_owned(),
            ..Filter::default()
        };
        let page = TasksPage {
            page: Page::default(),
            queue: Queue::default(),
            limits: String::new(),
            states: STATES,
            rows: tasks
                .tasks
                .iter()
                .map(|task| Row::of(task, &patterns, 0))
                .collect(),
            searched: None,
            next: from_of(tasks.next.as_deref()),
            actions: actions(""),
            filter,
        };
        let page = page.render().expect("a page");
        let body = page.split("<main").nth(1).expect("a main part");
        assert!(
            !body.contains("<script") && !body.contains("<img"),
            "{body}"
        );
        assert!(
            !body.contains("s3cret") && !body.contains("second"),
            "{body}"
        );
        assert!(
            body.contains("[redacted]") && body.contains("1f-2"),
            "{body}"
        );
    }

    #[test]
    fn only_what_can_be_done_is_offered() {
        let names = |state| {
            actions(state)
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["cancel"]);
        assert_eq!(names("failed"), ["retry-failed", "discard-failed"]);
        assert_eq!(names("running"), ["cancel"]);
        assert!(names("succeeded").is_empty());
    }
}
