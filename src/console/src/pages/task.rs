//! One task: what it is, what became of it, and what can be done.

use crate::answer::Answer;
use crate::context::{Context, field};
use crate::curl::Curl;
use crate::failure::Failure;
use crate::json::{Json, Shown};
use crate::model::Task;
use crate::page::{Page, html};
use crate::words;
use askama::Template;
use handoff_wire::{Time, WEBHOOK, encode};

const REFRESH_S: u32 = 2;
/// A form that is sent twice enqueues one task for so long.
const FORM_TTL: &str = "1h";

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

#[derive(Template)]
#[template(path = "again.html")]
struct AgainPage {
    page: Page,
    task: Task,
    args: String,
    is_cut: bool,
    once: String,
    /// Why the arguments of the form can't be used.
    wrong: String,
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

async fn get(context: &Context, id: &str) -> Result<Task, Failure> {
    context.api.get(&format!("/v1/tasks/{}", encode(id))).await
}

pub(crate) async fn show(context: &Context, id: &str) -> Result<Answer, Failure> {
    let task = get(context, id).await?;
    html(200, &TaskPage::of(context, task))
}

/// Whether a request can enqueue a task like this one: Handoff itself enqueues these kinds.
fn can_run_again(task: &Task) -> bool {
    !matches!(task.task.as_str(), WEBHOOK | "workflow")
}

/// The task that is to be run again.
async fn get_to_run(context: &Context, id: &str) -> Result<Task, Failure> {
    let task = get(context, id).await?;
    match can_run_again(&task) {
        true => Ok(task),
        false => Err(Failure::Form(format!(
            "No request can enqueue a task of the kind {}.",
            task.task
        ))),
    }
}

/// The form to run a task again with other arguments.
pub(crate) async fn again_form(context: &Context, id: &str) -> Result<Answer, Failure> {
    let task = get_to_run(context, id).await?;
    let mut args = match &task.args {
        Some(args) => Json::read(args.get()).map_err(Failure::Form)?,
        None => Json::Object(Vec::new()),
    };
    args.redact(&context.redact);
    html(
        200,
        &again_page(context, task, args.pretty(), String::new()),
    )
}

fn again_page(context: &Context, task: Task, args: String, wrong: String) -> AgainPage {
    let body = request(&task, "ARGS", None);
    let page = Page::new(context, format!("Run {} again", task.task));
    AgainPage {
        page: page.curl(Curl::new("Enqueue such a task", "POST", "/v1/tasks").body(body)),
        // An operator edits no text of megabytes in a browser.
        is_cut: args.len() > crate::FORM_MAX_BYTES as usize / 4,
        args,
        once: format!("console:{}:{}", task.id, context.now_ms),
        wrong,
        task,
    }
}

/// The body of a request for a task like this one. `args` is JSON text.
fn request(task: &Task, args: &str, once: Option<&str>) -> String {
    let quote = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let mut fields = vec![
        format!("\"task\":{}", quote(&task.task)),
        format!("\"queue\":{}", quote(&task.queue)),
        format!("\"args\":{args}"),
    ];
    let texts = [
        ("key", task.key.as_deref()),
        ("priority", task.priority.as_deref()),
        ("timeout", task.timeout.as_deref()),
        ("heartbeat_timeout", task.heartbeat_timeout.as_deref()),
        ("retention", task.retention.as_deref()),
        ("webhook", task.webhook.as_deref()),
        ("idempotency_key", once),
        ("idempotency_ttl", once.map(|_| FORM_TTL)),
    ];
    for (name, text) in texts {
        fields.extend(text.map(|text| format!("\"{name}\":{}", quote(text))));
    }
    if task.attempts_max > 0 {
        fields.push(format!("\"retry\":{{\"attempts\":{}}}", task.attempts_max));
    }
    format!("{{{}}}", fields.join(","))
}

/// The arguments of a form, with the task's own values where they are hidden.
fn edited(task: &Task, text: &str) -> Result<String, String> {
    let args = Json::read(text);
    let mut args = args.map_err(|e| format!("The arguments are no JSON: {e}."))?;
    let original = task.args.as_ref();
    let original = original.and_then(|args| Json::read(args.get()).ok());
    let restored = args.restore(original.as_ref(), "args");
    restored.map_err(|unknown| unknown.to_string())?;
    Ok(args.compact())
}

/// Enqueues a task like this one with the arguments of a form. Arguments that can't be used are in
/// the form again, with the reason.
pub(crate) async fn again(
    context: &Context,
    id: &str,
    form: &[(String, String)],
) -> Result<Answer, Failure> {
    let task = get_to_run(context, id).await?;
    let text = field(form, "args");
    let wrong =
        |status, task, reason| html(status, &again_page(context, task, text.to_owned(), reason));
    let args = match edited(&task, text) {
        Ok(args) => args,
        Err(reason) => return wrong(400, task, reason),
    };
    let once = field(form, "once");
    let once = Some(once).filter(|once| (1..=255).contains(&once.len()));
    let body = request(&task, &args, once);
    match context.api.post::<Task>("/v1/tasks", &body).await {
        Ok(new) => Ok(Answer::to(format!(
            "/tasks/{}?done=enqueued",
            encode(&new.id)
        ))),
        Err(Failure::Refused { status, problem }) if matches!(status, 400 | 413 | 422) => {
            wrong(status, task, problem.words(status))
        }
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = r#"{"id":"default-1f-63","state":"retrying","task":"mail","queue":"default","key":"a&b",
        "args":{"to":"<script>","token":"s3cret"},"attempt":2,"attempts_max":5,"progress":0.25,"message":"<b>half</b>",
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
    fn arguments_that_can_not_be_used_stay_in_the_form() {
        let text = r#"{"to":"Grace","token":"[redacted]","a":"[redacted]"}"#;
        let reason = edited(&task(), text).expect_err(text);
        assert!(reason.contains("args.a"), "{reason}");
        let page = again_page(&context(), task(), text.to_owned(), reason);
        let page = page.render().expect("a page");
        for part in ["Grace", "args.a", "role=\"alert\"", "<code>factor</code>"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let known = r#"{"to":"Grace","token":"[redacted]"}"#;
        let sent = r#"{"to":"Grace","token":"s3cret"}"#;
        assert_eq!(edited(&task(), known), Ok(sent.to_owned()));
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

    #[test]
    fn a_task_like_another_is_asked_for() {
        let body = request(&task(), r#"{"n":1}"#, Some("once"));
        assert_eq!(
            body,
            r#"{"task":"mail","queue":"default","args":{"n":1},"key":"a&b","timeout":"1m","retention":"1d","idempotency_key":"once","idempotency_ttl":"1h","retry":{"attempts":5}}"#
        );
    }
}
