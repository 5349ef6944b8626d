//! One task: what it is, what became of it, and what can be done.

use crate::answer::Answer;
use crate::context::Context;
use crate::curl::Curl;
use crate::failure::Failure;
use crate::json::Shown;
use crate::model::Task;
use crate::page::{Page, html};
use crate::pages::again::can_run_again;
use crate::words;
use askama::Template;
use handoff_wire::{Time, encode};

const REFRESH_S: u32 = 2;

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    page: Page,
    task: Task,
    facts: Vec<Fact>,
    attempts: Vec<Attempt>,
    logs: Vec<Log>,
    args: Option<Shown>,
    result: Option<Shown>,
    progress: Option<Shown>,
    /// The progress as a part of 1, if it is one.
    part: Option<f64>,
    can_run_again: bool,
}

/// A name, its value, and the path of a page about it.
#[derive(Debug)]
struct Fact {
    name: &'static str,
    value: String,
    to: Option<String>,
}

#[derive(Debug)]
struct Attempt {
    number: u64,
    when: String,
    took: String,
    error: String,
}

#[derive(Debug)]
struct Log {
    at: String,
    attempt: u64,
    message: String,
}

impl Fact {
    fn text(name: &'static str, value: &str) -> Self {
        Self {
            name,
            value: value.to_owned(),
            to: None,
        }
    }

    /// With a link to a page of the console.
    fn link(name: &'static str, value: &str, to: String) -> Self {
        Self {
            to: Some(to),
            ..Self::text(name, value)
        }
    }
}

/// Where a task belongs, with links there.
fn links(task: &Task) -> Vec<Fact> {
    let queue = format!("/queues/{}", encode(&task.queue));
    let of = |name, id: &String| Fact::link(name, id, format!("/tasks/{}", encode(id)));
    let kind = format!("{queue}?task={}", encode(&task.task));
    let mut facts = vec![
        Fact::link("Queue", &task.queue, queue.clone()),
        Fact::link("Kind", &task.task, kind),
    ];
    let key = |key: &String| Fact::link("Key", key, format!("{queue}?key={}", encode(key)));
    facts.extend(task.key.as_ref().map(key));
    facts.extend(task.retried_as.as_ref().map(|id| of("Run again as", id)));
    facts.extend(task.retry_of.as_ref().map(|id| of("Retry of", id)));
    facts.extend(task.end_of.as_ref().map(|id| of("Sends the end of", id)));
    facts.extend(task.schedule.as_ref().map(|schedule| {
        let at = schedule.at.map(words::clock).unwrap_or_default();
        let value = format!("{} at {at} UTC", schedule.name);
        let to = format!("/schedules/{}", encode(&schedule.name));
        Fact::link("Schedule", &value, to)
    }));
    facts.extend(task.workflow.as_ref().map(|member| {
        let (id, step, index) = (&member.id, member.step, member.index);
        let value = format!("{id}, step {step}, task {index}");
        Fact::link("Workflow", &value, format!("/workflows/{}", encode(id)))
    }));
    if task.task == "workflow" {
        let to = format!("/workflows/{}", encode(&task.id));
        facts.push(Fact::link("Workflow", "its tasks", to));
    }
    facts
}

fn facts(task: &Task, now_ms: u64) -> Vec<Fact> {
    let time = |(name, at): (_, Option<Time>)| {
        let at = at?;
        let (clock, relative) = (words::clock(at), words::relative(at, now_ms));
        Some(Fact::text(name, &format!("{clock} UTC ({relative})")))
    };
    let times = [
        ("Enqueued", task.enqueued_at),
        ("Due", task.next_at),
        ("Last began", task.started_at),
        ("Ended", task.ended_at),
        ("Expires", task.expires_at),
    ];
    let texts = [
        ("Priority", &task.priority),
        ("Timeout", &task.timeout),
        ("Heartbeat timeout", &task.heartbeat_timeout),
        ("Retention", &task.retention),
        ("Webhook", &task.webhook),
        ("Trace", &task.traceparent),
    ];
    let texts = texts.into_iter();
    let texts = texts.filter_map(|(name, text)| Some(Fact::text(name, text.as_ref()?)));
    let mut facts = links(task);
    facts.extend(times.into_iter().filter_map(time));
    facts.extend(texts);
    facts
}

fn attempts(task: &Task) -> Vec<Attempt> {
    let errors = task.errors.iter().map(|attempt| {
        let took = attempt.started_at.zip(attempt.ended_at);
        Attempt {
            number: attempt.attempt,
            when: attempt.started_at.map(words::clock).unwrap_or_default(),
            took: took
                .map(|(a, b)| words::span(b.ms.saturating_sub(a.ms)))
                .unwrap_or_default(),
            error: attempt.error.clone(),
        }
    });
    errors.collect()
}

impl TaskPage {
    fn of(context: &Context, task: Task) -> Self {
        let path = format!("/v1/tasks/{}", encode(&task.id));
        let mut page = Page::new(context, format!("{} {}", task.task, task.id));
        page = page.curl(Curl::new("This task", "GET", path.clone()));
        if task.state == "failed" {
            page = page.curl(Curl::new("Retry", "POST", format!("{path}/retry")));
            page = page.curl(Curl::new("Discard", "POST", format!("{path}/discard")));
        }
        if !task.is_final() {
            page = page.refresh(REFRESH_S);
            page = page.curl(Curl::new("Cancel", "DELETE", path));
        }
        let shown = |raw: &Option<_>| {
            let raw: Option<&serde_json::value::RawValue> = raw.as_deref();
            raw.map(|raw| Shown::of(raw, &context.redact))
        };
        let number = task
            .progress
            .as_ref()
            .and_then(|raw| raw.get().parse::<f64>().ok());
        let logs = task.logs.iter().map(|line| Log {
            at: line.at.map(words::clock).unwrap_or_default(),
            attempt: line.attempt,
            message: line.message.clone(),
        });
        Self {
            page,
            facts: facts(&task, context.now_ms),
            attempts: attempts(&task),
            logs: logs.collect(),
            args: shown(&task.args),
            result: shown(&task.result),
            progress: shown(&task.progress),
            part: number.filter(|part| (0.0..=1.0).contains(part)),
            can_run_again: can_run_again(&task),
            task,
        }
    }
}

pub(crate) async fn get(context: &Context, id: &str) -> Result<Task, Failure> {
    context.api.get(&format!("/v1/tasks/{}", encode(id))).await
}

pub(crate) async fn show(context: &Context, id: &str) -> Result<Answer, Failure> {
    let task = get(context, id).await?;
    html(200, &TaskPage::of(context, task))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = r#"{"id":"default-1f-63","state":"retrying","task":"mail","queue":"default","key":"a&b",
        "args":{"to":"<script>","token":"s3cret"},"attempt":2,"attempts_max":5,"runs_lost":2,"progress":0.25,"message":"<b>half</b>",
        "errors":[{"attempt":1,"started_at":"2026-11-24T08:00:00.000Z","ended_at":"2026-11-24T08:01:05.000Z","error":"</pre><script>x"}],
        "logs":[{"at":"2026-11-24T08:00:00.004Z","attempt":1,"message":"<script>log"}],"logs_dropped":7,
        "enqueued_at":"2026-11-24T08:00:00.000Z","schedule":{"name":"daily","at":"2026-11-24T08:00:00Z"},
        "workflow":{"id":"default-1-7","step":1,"index":2},"timeout":"1m","retention":"1d"}"#;

    fn context() -> Context {
        Context {
            base: "/console".to_owned(),
            redact: "*token*".parse().unwrap_or_default(),
            now_ms: 1_795_507_300_000,
            ..Context::default()
        }
    }

    fn task() -> Task {
        serde_json::from_str(TASK).expect("a task")
    }

    #[test]
    fn a_task_is_shown_with_its_attempts_and_nothing_of_users_is_markup() {
        let page = TaskPage::of(&context(), task()).render().expect("a page");
        let body = page.split("<main").nth(1).expect("a main part");
        assert!(!body.contains("<script") && !body.contains("<b>"), "{body}");
        assert!(!body.contains("s3cret"), "{body}");
        for part in [
            "1 value is redacted",
            "1 min 5 s",
            "7 older lines",
            "2 runs were lost",
            "href=\"/console/schedules/daily\"",
            "href=\"/console/workflows/default-1-7\"",
            "href=\"/console/queues/default?key=a%26b\"",
            "data-live=\"2\"",
            "value=\"0.25\"",
            "Cancel",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }

    #[test]
    fn a_final_task_is_not_fetched_again() {
        let mut task = task();
        task.state = "failed".to_owned();
        let page = TaskPage::of(&context(), task).render().expect("a page");
        assert!(!page.contains("data-live"), "{page}");
        assert!(page.contains("Retry") && page.contains("Discard"), "{page}");
    }

    #[test]
    fn what_handoff_itself_enqueues_is_not_run_again() {
        for (kind, offered) in [("mail", true), ("webhook", false), ("workflow", false)] {
            let mut task = task();
            task.task = kind.to_owned();
            let page = TaskPage::of(&context(), task).render().expect("a page");
            assert_eq!(page.contains("Edit and run again"), offered, "{kind}");
        }
    }
}
