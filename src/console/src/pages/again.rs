//! Running a task again with other arguments.

use super::task;
use crate::answer::Answer;
use crate::context::{Context, field};
use crate::curl::Curl;
use crate::failure::Failure;
use crate::json::Json;
use crate::model::Task;
use crate::page::{Page, html};
use askama::Template;
use handoff_wire::{WEBHOOK, encode};

/// A form that is sent twice enqueues one task for so long.
const FORM_TTL: &str = "1h";

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

/// Whether a request can enqueue a task like this one: Handoff itself enqueues these kinds.
pub(super) fn can_run_again(task: &Task) -> bool {
    !matches!(task.task.as_str(), WEBHOOK | "workflow")
}

/// The task that is to be run again.
async fn get_to_run(context: &Context, id: &str) -> Result<Task, Failure> {
    let task = task::get(context, id).await?;
    match can_run_again(&task) {
        true => Ok(task),
        false => Err(Failure::Form(format!(
            "No request can enqueue a task of the kind {}.",
            task.task
        ))),
    }
}

/// The form to run a task again with other arguments.
pub(crate) async fn form(context: &Context, id: &str) -> Result<Answer, Failure> {
    let task = get_to_run(context, id).await?;
    let mut args = match &task.args {
        Some(args) => Json::read(args.get()).map_err(Failure::Form)?,
        None => Json::Object(Vec::new()),
    };
    args.redact(&context.redact);
    html(200, &page_of(context, task, args.pretty(), String::new()))
}

fn page_of(context: &Context, task: Task, args: String, wrong: String) -> AgainPage {
    let body = request(&task, "ARGS", None);
    let page = Page::new(context, format!("Run {} again", task.task));
    AgainPage {
        page: page.curl(Curl::new("Enqueue such a task", "POST", "/v1/tasks").body(body)),
        // An operator edits no text of megabytes in a browser. What one has typed stays.
        is_cut: wrong.is_empty() && args.len() > crate::FORM_MAX_BYTES as usize / 4,
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
pub(crate) async fn run(
    context: &Context,
    id: &str,
    form: &[(String, String)],
) -> Result<Answer, Failure> {
    let task = get_to_run(context, id).await?;
    let text = field(form, "args");
    let wrong =
        |status, task, reason| html(status, &page_of(context, task, text.to_owned(), reason));
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

    fn task() -> Task {
        let task = r#"{"id":"default-1f-63","task":"mail","queue":"default","key":"a&b",
            "args":{"to":"Ada","token":"s3cret"},"attempts_max":5,"timeout":"1m","retention":"1d"}"#;
        serde_json::from_str(task).expect("a task")
    }

    #[test]
    fn arguments_that_can_not_be_used_stay_in_the_form() {
        let text = r#"{"to":"Grace","token":"[redacted]","a":"[redacted]"}"#;
        let reason = edited(&task(), text).expect_err(text);
        assert!(reason.contains("args.a"), "{reason}");
        let page = page_of(&Context::default(), task(), text.to_owned(), reason);
        let page = page.render().expect("a page");
        for part in ["Grace", "args.a", "role=\"alert\"", "<code>factor</code>"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let known = r#"{"to":"Grace","token":"[redacted]"}"#;
        let sent = r#"{"to":"Grace","token":"s3cret"}"#;
        assert_eq!(edited(&task(), known), Ok(sent.to_owned()));
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
